# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a two-way sync does at one path. The rows of ``docs/spec/reconcile.md`` and ``settling.md`` as code.

Rules
1. Unknown on either side: leave it. Nothing is overwritten or removed on a guess.
2. A removal needs a base that is present and a survivor that equals it.
3. An edit wins over a delete, and is counted as a conflict.
4. What is alike is never a conflict; what is not, and changed on both sides, is never silently picked.
5. Swapping the sides swaps the answer.

These are decision kernels: only ``if``, ``return``, ``==``, boolean operators and enum members.
They do not know paths, disks, digests or clocks.
"""

from __future__ import annotations

import enum
from typing import Dict, NamedTuple, Optional


class Where(enum.IntEnum):
    """One of the two sides."""

    LEFT = 0
    RIGHT = 1

    @property
    def other(self) -> "Where":
        """The opposite side."""
        return Where.RIGHT if self is Where.LEFT else Where.LEFT

    @property
    def word(self) -> str:
        """For people."""
        return self.name.lower()


class Side(enum.Enum):
    """What one side has at the path, compared with the base."""

    UNKNOWN = "unknown"
    SPECIAL = "special"
    ABSENT = "absent"
    SAME = "same"
    CHANGED = "changed"
    TURNED = "turned"


class Base(enum.Enum):
    """What the base has at the path."""

    UNKNOWN = "unknown"
    ABSENT = "absent"
    PRESENT = "present"


class Verdict(enum.Enum):
    """What is done at the path."""

    LEAVE = "leave"
    SKIP = "skip"
    NOTHING = "nothing"
    AGREE = "agree"
    TO_LEFT = "to left"
    TO_RIGHT = "to right"
    REMOVE_LEFT = "remove left"
    REMOVE_RIGHT = "remove right"
    RESTORE_LEFT = "restore left"
    RESTORE_RIGHT = "restore right"
    CONFLICT = "conflict"


class Deed(NamedTuple):
    """What a verdict means: content goes ``to`` a side, or something is ``removed`` from one; ``stays`` says that
    both sides and the base are left as they are, ``counts`` that it is a conflict.
    """

    to: Optional[Where] = None
    removed: Optional[Where] = None
    stays: bool = False
    counts: bool = False


VERDICTS: Dict[Verdict, Deed] = {
    Verdict.LEAVE: Deed(stays=True),
    Verdict.SKIP: Deed(stays=True),
    Verdict.NOTHING: Deed(),
    Verdict.AGREE: Deed(),
    Verdict.TO_LEFT: Deed(to=Where.LEFT),
    Verdict.TO_RIGHT: Deed(to=Where.RIGHT),
    Verdict.REMOVE_LEFT: Deed(removed=Where.LEFT),
    Verdict.REMOVE_RIGHT: Deed(removed=Where.RIGHT),
    Verdict.RESTORE_LEFT: Deed(to=Where.LEFT, counts=True),
    Verdict.RESTORE_RIGHT: Deed(to=Where.RIGHT, counts=True),
    Verdict.CONFLICT: Deed(counts=True),
}


class Policy(enum.Enum):
    """Who wins a conflict."""

    KEEP_BOTH = "keep_both"
    FAIL = "fail"
    PREFER_LEFT = "prefer_left"
    PREFER_RIGHT = "prefer_right"
    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"


class Greater(enum.Enum):
    """Which side's value is greater."""

    LEFT = "left"
    RIGHT = "right"
    EQUAL = "equal"


class Pick(enum.Enum):
    """Whose attribute is taken."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Carriage(enum.Enum):
    """How a file gets to a new path."""

    MOVE = "move"
    COPY = "copy"


class Fate(enum.Enum):
    """What a directory's own path says of it."""

    REMOVED = "removed"
    REPLACED = "replaced"
    CONTESTED = "contested"


class Outcome(enum.Enum):
    """What becomes of a directory."""

    REVIVE = "revive"
    KEEP = "keep"
    GO = "go"
    BESIDE = "beside"
    BLOCK = "block"


def judge_path(left: Side, right: Side, base: Base, alike: bool) -> Verdict:
    """The verdict at one path."""
    if left == Side.UNKNOWN or right == Side.UNKNOWN:
        return Verdict.LEAVE
    if left == Side.SPECIAL or right == Side.SPECIAL:
        return Verdict.SKIP
    if left == Side.ABSENT and right == Side.ABSENT:
        return Verdict.NOTHING
    if left == Side.ABSENT:
        if base != Base.PRESENT:
            return Verdict.TO_LEFT
        if right == Side.SAME:
            return Verdict.REMOVE_RIGHT
        return Verdict.RESTORE_LEFT
    if right == Side.ABSENT:
        if base != Base.PRESENT:
            return Verdict.TO_RIGHT
        if left == Side.SAME:
            return Verdict.REMOVE_LEFT
        return Verdict.RESTORE_RIGHT
    if alike or (left == Side.SAME and right == Side.SAME):
        return Verdict.AGREE
    if left == Side.SAME and base == Base.PRESENT:
        return Verdict.TO_LEFT
    if right == Side.SAME and base == Base.PRESENT:
        return Verdict.TO_RIGHT
    return Verdict.CONFLICT


def judge_winner(policy: Policy, time: Greater, size: Greater, digest: Greater) -> Where:
    """Who wins a conflict of two versions that are not directories."""
    if policy == Policy.PREFER_LEFT:
        return Where.LEFT
    if policy == Policy.PREFER_RIGHT:
        return Where.RIGHT
    if (policy == Policy.NEWEST and time == Greater.LEFT) or (policy == Policy.OLDEST and time == Greater.RIGHT):
        return Where.LEFT
    if (policy == Policy.NEWEST and time == Greater.RIGHT) or (policy == Policy.OLDEST and time == Greater.LEFT):
        return Where.RIGHT
    if (policy == Policy.LARGEST and size == Greater.LEFT) or (policy == Policy.SMALLEST and size == Greater.RIGHT):
        return Where.LEFT
    if (policy == Policy.LARGEST and size == Greater.RIGHT) or (policy == Policy.SMALLEST and size == Greater.LEFT):
        return Where.RIGHT
    if digest == Greater.RIGHT:
        return Where.RIGHT
    return Where.LEFT


def judge_attribute(equal: bool, left_as_base: bool, right_as_base: bool) -> Pick:
    """Whose permissions, or time, both sides are to have."""
    if equal:
        return Pick.LEFT
    if left_as_base and not right_as_base:
        return Pick.RIGHT
    if right_as_base and not left_as_base:
        return Pick.LEFT
    return Pick.BOTH


def judge_carriage(agreed: bool, same_content: bool, gone_once: bool, new_once: bool) -> Carriage:
    """How a side gets a file that is new on the other one (``docs/spec/moves.md``)."""
    if agreed and same_content and gone_once and new_once:
        return Carriage.MOVE
    return Carriage.COPY


def judge_directory(fate: Fate, lives_below: bool, stays_below: bool) -> Outcome:
    """What becomes of a directory that its own path removes, or sets against something that is none."""
    if fate == Fate.REMOVED:
        if lives_below:
            return Outcome.REVIVE
        if stays_below:
            return Outcome.KEEP
        return Outcome.GO
    if stays_below:
        return Outcome.BLOCK
    if lives_below or fate == Fate.CONTESTED:
        return Outcome.BESIDE
    return Outcome.GO
