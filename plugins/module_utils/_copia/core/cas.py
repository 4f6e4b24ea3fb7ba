# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub does with an offer at one path. The rows of ``docs/spec/cas.md``, which the tests read, as code.

Rules
1. Unknown: refuse. Nothing is overwritten or removed on a guess.
2. What is already there as wanted is no conflict, whoever put it there.
3. An offer commits only where the hub holds the content that the client expects.
4. Anything else is stale, and never commits.

These are decision kernels: only ``if``, ``return``, ``==``, boolean operators and enum members. They do not know paths,
disks or clients. They are asked twice: when an offer is made, and under the lock with what is really there.
"""

from __future__ import annotations

import enum

from .entries import Absent, Entry, Kind, Presence, Unknown


class Decision(enum.Enum):
    """What becomes of an offer."""

    COMMIT = "commit"
    ALREADY = "already"
    STALE = "stale"
    REFUSED = "refused"


class Likeness(enum.Enum):
    """What the hub holds, against what somebody has in mind: the same content, and with it all attributes or not."""

    UNKNOWN = "unknown"
    OTHER = "other"
    CONTENT = "content"
    EQUAL = "equal"


class Fate(enum.Enum):
    """What becomes of the content of an offer that is stale."""

    NOTHING = "nothing"
    KEEP = "keep"
    FOUND = "found"
    REFUSE = "refuse"


def judge_offer(expected: Likeness, wanted: Likeness) -> Decision:
    """The decision: what the hub holds, against what the client expects there and what it wants there."""
    if expected == Likeness.UNKNOWN or wanted == Likeness.UNKNOWN:
        return Decision.REFUSED
    if wanted == Likeness.EQUAL:
        return Decision.ALREADY
    if expected == Likeness.OTHER and wanted == Likeness.CONTENT:
        return Decision.ALREADY
    if expected == Likeness.OTHER:
        return Decision.STALE
    return Decision.COMMIT


def judge_stale(has_content: bool, is_kept: bool, has_room: bool) -> Fate:
    """What becomes of the content of a stale offer; ``has_room`` says that there are fewer copies than allowed."""
    if not has_content:
        return Fate.NOTHING
    if is_kept:
        return Fate.FOUND
    if has_room:
        return Fate.KEEP
    return Fate.REFUSE


def likeness(held: Presence, other: Presence) -> Likeness:
    """How what is held compares; two directories have the same content, and two files only by their digests."""
    if isinstance(held, Unknown) or isinstance(other, Unknown):
        return Likeness.UNKNOWN
    if isinstance(held, Absent) or isinstance(other, Absent):
        return Likeness.EQUAL if held == other else Likeness.OTHER
    if held.kind is not other.kind or not _same_bytes(held, other):
        return Likeness.OTHER
    if held.kind is not Kind.LINK and (held.mode, held.mtime_ns) != (other.mode, other.mtime_ns):
        return Likeness.CONTENT
    return Likeness.EQUAL


def _same_bytes(one: Entry, two: Entry) -> bool:
    if one.kind is Kind.FILE:
        return one.size == two.size and one.digest is not None and one.digest == two.digest
    return one.kind is not Kind.LINK or one.target == two.target


def decide(held: Presence, expected: Presence, wanted: Presence) -> Decision:
    """``judge_offer`` for the values of an offer."""
    return judge_offer(likeness(held, expected), likeness(held, wanted))
