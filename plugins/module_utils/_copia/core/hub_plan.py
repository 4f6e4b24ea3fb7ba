# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client and its hub: which part of a reconciliation a direction takes, and what is agreed on afterwards.

Rules
1. What is decided at a path is decided as in a two-way sync (``reconcile``, ``settling``); the local tree is the left
   side, the hub the right one, and in a conflict whose versions both survive the hub's keeps the name.
2. The hub's tree is what it was when it was last told, with the news since then; nobody lists it again.
3. A direction takes one side's steps or both. A path is agreed on when nothing that it asks for is left undone.
4. What an offer expects is what the plan was made on: what the base has, or what a policy decided against. A hub that
   changed meanwhile does not commit it.
5. Directories keep their own times: every entry that comes or goes changes them, on either side.

What this file does not know: disks, wires, and how a hub decides.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Protocol, Sequence, Set, Tuple

from ..values import replace
from .bisync_plan import Reconciliation
from .cas import Decision
from .entries import ABSENT, Entry, Kind, Presence
from .hub_words import Offer
from .lineup import Triple
from .manifest import ROW, Block, beside_listed, pack_rows
from .parcel import SMALL_LIMIT
from .paths import TreePath, path_key, split
from .rights import Request, request_of
from .seen import Seen
from .steps import MirrorPlan, PutFile, Remove, SetAttributes, Step
from .verdicts import Where

OFFERS_MOST, NAMES_MOST, BYTES_MOST = 8192, 1 << 21, 1 << 28
"""One call asks or puts at most so many offers, with so many bytes of paths, and so many bytes of content and one file:
each call is durable on its own, and a message has its bounds.
"""


class Direction(enum.Enum):
    """Who is brought up to date."""

    PUSH = "push"
    PULL = "pull"
    BOTH = "both"


class Part(enum.Enum):
    """What becomes of one side's steps."""

    TAKEN = "taken"
    LEFT = "left"


class Did(enum.Enum):
    """What became of a path on one side."""

    NOTHING = "nothing"
    DONE = "done"
    UNDONE = "undone"


class Agreed(enum.Enum):
    """What the base has at a path afterwards."""

    NEW = "new"
    BEFORE = "before"


def judge_part(direction: Direction, side: Where) -> Part:
    """Whether a direction takes the steps of a side."""
    if direction == Direction.BOTH:
        return Part.TAKEN
    if direction == Direction.PUSH and side == Where.RIGHT:
        return Part.TAKEN
    if direction == Direction.PULL and side == Where.LEFT:
        return Part.TAKEN
    return Part.LEFT


def judge_agreed(local: Did, hub: Did) -> Agreed:
    """Whether both have it now."""
    if local == Did.UNDONE or hub == Did.UNDONE:
        return Agreed.BEFORE
    return Agreed.NEW


class Asking(enum.Enum):
    """Whether a hub is asked what it would do, before it gets the content."""

    FIRST = "first"
    AT_ONCE = "at once"


def judge_asking(removal: bool, large: bool, insists: bool) -> Asking:
    """Whether the answer to an offer is worth the wait."""
    if removal or large or insists:
        return Asking.FIRST
    return Asking.AT_ONCE


class Next(enum.Enum):
    """What a client does about an answer."""

    PUT = "put"
    AGREED = "agreed"
    CONFLICT = "conflict"
    INSIST = "insist"
    COPY = "copy"
    PROBLEM = "problem"


def judge_answer(decision: Decision, bare: bool, insists: bool) -> Next:
    """What is done about what the hub would do."""
    if decision == Decision.COMMIT:
        return Next.PUT
    if decision == Decision.ALREADY:
        return Next.AGREED
    if decision == Decision.REFUSED:
        return Next.PROBLEM
    if bare:
        return Next.CONFLICT
    if insists:
        return Next.INSIST
    return Next.COPY


class Line(enum.Enum):
    """What a hub's revisions are, seen from the one that we were told last."""

    SAME = "same"
    FORGOTTEN = "forgotten"
    WENT_BACK = "went back"


def judge_line(is_known: bool, is_too_old: bool) -> Line:
    """Whether the hub's revisions go on where we were; ``is_too_old`` says that it remembers none as old as ours."""
    if is_known:
        return Line.SAME
    if is_too_old:
        return Line.FORGOTTEN
    return Line.WENT_BACK


class Selects(Protocol):
    """What may leave entries out."""

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path`` is not to be seen; asked for a directory before its content."""


def selected(blocks: Iterable[Block], selector: Optional[Selects], seen: Seen) -> Iterator[Block]:
    """A hub's tree without what the rules leave out here; ``seen`` hears of the directories that shelter it."""
    if selector is None:
        yield from blocks
        return
    sheltering: Set[TreePath] = set()
    for block, is_listed in beside_listed(_selected(blocks, selector, sheltering)):
        if is_listed and block.directory in sheltering:
            seen.sheltering.append(block.directory)
        sheltering.clear()
        if is_listed and block.packed.rows:
            yield block


def _selected(blocks: Iterable[Block], selector: Selects, sheltering: Set[TreePath]) -> Iterator[Block]:
    for block in blocks:
        kept: List[Tuple[bytes, Presence]] = []
        for path, what in block.entries():
            if selector.excludes(path, isinstance(what, Entry) and what.kind is Kind.DIRECTORY):
                sheltering.add(block.directory)
            else:
                kept.append((split(path)[1], what))
        yield Block(block.directory, pack_rows(kept))


def with_own_times(blocks: Triple) -> Triple:
    """What all have in one directory, with the times that the directories in it have on the left. Rule 5."""
    left, right, base = blocks
    if left is None or Kind.DIRECTORY not in left.packed.rows[:: ROW.size]:
        return blocks
    times = {path: what.mtime_ns for path, what in left.entries() if isinstance(what, Entry)}
    return left, _with_times(right, times), _with_times(base, times)


def _with_times(block: Optional[Block], times: Mapping[TreePath, int]) -> Optional[Block]:
    if block is None or Kind.DIRECTORY not in block.packed.rows[:: ROW.size]:
        return block
    rows: List[Tuple[bytes, Presence]] = []
    for path, what in block.entries():
        if isinstance(what, Entry) and what.kind is Kind.DIRECTORY:
            what = what._replace(mtime_ns=times.get(path, what.mtime_ns))
        rows.append((split(path)[1], what))
    return Block(block.directory, pack_rows(rows))


def brings_nothing(step: Step) -> bool:
    """Whether a step brings no content to a hub: a removal, or other attributes of what is there."""
    return isinstance(step, (Remove, SetAttributes))


def without(plan: MirrorPlan, paths: Set[TreePath]) -> MirrorPlan:
    """The plan without its steps at ``paths``."""
    if not paths:
        return plan
    return replace(
        plan,
        clearances=tuple(step for step in plan.clearances if step.path not in paths),
        makes=tuple(step for step in plan.makes if step.path not in paths),
        puts=tuple(step for step in plan.puts if step.path not in paths),
        settles=tuple(step for step in plan.settles if step.path not in paths),
        removals=tuple(step for step in plan.removals if step.path not in paths),
    )


def offer_of(step: Step) -> Offer:
    """The step as an offer to a hub."""
    expected = step.expected if isinstance(step.expected, Entry) else ABSENT
    return Offer(step.path, expected, ABSENT if isinstance(step, Remove) else step.wanted)


def request_for(step: Step) -> Request:
    """What a step asks of a hub."""
    return request_of(step.expected, ABSENT if isinstance(step, Remove) else step.wanted)


def asked_first(steps: Sequence[Step], insists: bool) -> List[Step]:
    """The steps that a hub is asked about before they are put; of the others one for each right that they need."""
    probes: Dict[Request, Step] = {}
    first: List[Step] = []
    for step in steps:
        large = isinstance(step, PutFile) and step.wanted.size > SMALL_LIMIT
        asking = judge_asking(isinstance(step, Remove), large, insists)
        if asking is Asking.FIRST or probes.setdefault(request_for(step), step) is step:
            first.append(step)
    return first


def steps_of(plan: MirrorPlan) -> Iterator[Step]:
    """The steps of a plan, in the order in which they are applied."""
    for group in (plan.clearances, plan.makes, plan.moves, plan.puts, plan.settles, plan.removals):
        yield from group


def as_sent(plan: MirrorPlan) -> Iterator[Step]:
    """The same in the order in which a hub gets them: a new directory comes just before what goes into it, so that one
    call has both.
    """
    if plan.moves:
        yield from steps_of(plan)
        return
    yield from plan.clearances
    makes = sorted(plan.makes, key=lambda step: path_key(step.path))
    keys = [path_key(step.path) for step in makes]
    made = 0
    for put in plan.puts:
        end = bisect_right(keys, path_key(split(put.path)[0]), made)
        yield from makes[made:end]
        made = max(made, end)
        yield put
    yield from makes[made:]
    yield from plan.settles
    yield from plan.removals


def portions(steps: Iterable[Step]) -> Iterator[List[Step]]:
    """The steps of one call each, in order."""
    part: List[Step] = []
    names = size = 0
    for step in steps:
        names += len(step.path)
        if part and (len(part) == OFFERS_MOST or names > NAMES_MOST or size > BYTES_MOST):
            yield part
            part, names, size = [], len(step.path), 0
        part.append(step)
        size += step.wanted.size if isinstance(step, PutFile) else 0
    if part:
        yield part


def not_agreed(plan: Reconciliation, direction: Direction, undone: Iterable[Set[TreePath]]) -> Set[TreePath]:
    """The paths at which something is left undone: by the direction, or because it failed (``undone``, by side)."""
    missed = [
        failed if judge_part(direction, side) is Part.TAKEN else failed | _touched(plan, side)
        for side, failed in zip(Where, undone)
    ]
    return {path for path in set().union(*missed) if judge_agreed(*_did(path, missed)) is Agreed.BEFORE}


def _touched(plan: Reconciliation, side: Where) -> Set[TreePath]:
    steps = {step.path for part in (plan.copies[side], plan.plans[side]) for step in steps_of(part)}
    return steps.union(step.expected.path for step in plan.plans[side].moves)


def _did(path: TreePath, missed: List[Set[TreePath]]) -> Tuple[Did, Did]:
    """What each side did; where nothing was to be done, all of that was done."""
    one, two = (Did.UNDONE if path in undone else Did.DONE for undone in missed)
    return one, two
