# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mirror does at one path. The rows of ``docs/spec/quick-check.md``, which the tests read, as code.

Rules
1. Unknown on either side: leave it. Nothing is overwritten or removed on a guess.
2. What only the target has goes when deletes are wanted, and stays otherwise.
3. What cannot be carried (sockets, pipes, devices) is skipped: neither made nor removed.
4. Of two files, size and time may only decide not to look; that they are the same is otherwise BLAKE3's word.
5. A time alone is never a change: it is put right and counted as touched.

These are decision kernels: only ``if``, ``return``, ``==``, ``is None``, boolean operators and enum members.
They do not know paths, disks or clocks.
"""

from __future__ import annotations

import enum


class Side(enum.Enum):
    """What one side has at the path."""

    UNKNOWN = "unknown"
    ABSENT = "absent"
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    SPECIAL = "special"


class Act(enum.Enum):
    """What the mirror does at the path."""

    NOTHING = "nothing"
    LEAVE = "leave"
    SKIP = "skip"
    KEEP = "keep"
    REMOVE = "remove"
    MAKE = "make"
    REPLACE = "replace"
    COMPARE = "compare"


class Content(enum.Enum):
    """What is known of two files' content."""

    SAME = "same"
    CHANGED = "changed"
    LOOK = "look"


class Likeness(enum.Enum):
    """What two digests say; ``UNKNOWN`` where one of them is missing."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Attributes(enum.Enum):
    """What has to be done to mode, owner, extended attributes and time of an entry whose content is right."""

    SAME = "same"
    TOUCH = "touch"
    CHANGE = "change"


def judge_path(source: Side, target: Side, delete: bool) -> Act:
    """The act at one path, from what stands on both sides."""
    if source == Side.UNKNOWN or target == Side.UNKNOWN:
        return Act.LEAVE
    if source == Side.SPECIAL:
        return Act.SKIP
    if source == Side.ABSENT:
        if target == Side.ABSENT:
            return Act.NOTHING
        if delete:
            return Act.REMOVE
        return Act.KEEP
    if target == Side.ABSENT:
        return Act.MAKE
    if source == target:
        return Act.COMPARE
    return Act.REPLACE


def judge_content(same_size: bool, same_time: bool, digests: Likeness, checksum: bool) -> Content:
    """Whether two files hold the same bytes, or somebody has to look."""
    if not same_size:
        return Content.CHANGED
    if digests == Likeness.EQUAL:
        return Content.SAME
    if digests == Likeness.DIFFERENT:
        return Content.CHANGED
    if same_time and not checksum:
        return Content.SAME
    return Content.LOOK


def judge_attributes(same_mode: bool, same_owner: bool, same_extras: bool, same_time: bool) -> Attributes:
    """What to do to the attributes of an entry whose kind and content are right."""
    if not same_mode or not same_owner or not same_extras:
        return Attributes.CHANGE
    if not same_time:
        return Attributes.TOUCH
    return Attributes.SAME
