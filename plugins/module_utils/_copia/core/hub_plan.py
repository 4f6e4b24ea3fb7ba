# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client and its hub: which part of a reconciliation a direction takes, and what is agreed on afterwards.

Rules
1. What is decided at a path is decided as in a two-way sync (``reconcile``, ``settling``); the local tree is the left
   side, the hub the right one, and in a conflict whose versions both survive the hub's keeps the name.
2. The hub's tree is what it was when it was last told, with the news since then; nobody lists it again.
3. A direction takes one side's steps or both. A path is agreed on when nothing that it asks for is left undone.
4. What an offer expects comes from the base where the hub still has that; so a hub that changed meanwhile refuses it.

What this file does not know: disks, wires, and how a hub decides.
"""

from __future__ import annotations

import enum
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Set, Tuple

from .bisync_plan import Reconciliation
from .entries import ABSENT, Entry, Kind, Presence
from .manifest import ROW, Block, Manifest, pack_rows
from .paths import ROOT, TreePath, path_key, split
from .reconcile import Comparison, same_content
from .steps import MirrorPlan, Remove, Step
from .verdicts import Where


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


class Selects(Protocol):
    """What may leave entries out."""

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path`` is not to be seen; asked for a directory before its content."""


class Offered(NamedTuple):
    """One step for the hub: it is to have ``wanted`` where it has ``expected``; ``source`` is where the content is."""

    path: TreePath
    expected: Presence
    wanted: Presence
    source: TreePath


def with_news(view: Manifest, rows: Iterable[Tuple[TreePath, Presence]]) -> Manifest:
    """The hub's tree after ``rows``: each says what the hub has at a path now."""
    changed: Dict[TreePath, Dict[bytes, Presence]] = {}
    for path, what in rows:
        directory, name = split(path)
        changed.setdefault(directory, {})[name] = what
    if not changed:
        return view
    blocks = {block.directory: block for block in view.blocks}
    for directory, names in changed.items():
        block = blocks.get(directory)
        there = {split(path)[1]: what for path, what in block.entries()} if block else {}
        there.update(names)
        kept = sorted((name, what) for name, what in there.items() if what is not ABSENT)
        if kept:
            blocks[directory] = Block(directory, pack_rows(kept))
        else:
            blocks.pop(directory, None)
    return Manifest(ABSENT, tuple(_reachable(blocks)))


def _reachable(blocks: Dict[TreePath, Block]) -> Iterator[Block]:
    """The blocks of directories that are there, parents before what is in them."""
    listed = {ROOT}
    for directory in sorted(blocks, key=path_key):
        if directory not in listed:
            continue
        yield blocks[directory]
        if Kind.DIRECTORY in blocks[directory].packed.rows[:: ROW.size]:
            listed.update(path for path, what in blocks[directory].entries() if _is_directory(what))


def _is_directory(what: Presence) -> bool:
    return isinstance(what, Entry) and what.kind is Kind.DIRECTORY


def selected(view: Manifest, selector: Optional[Selects]) -> Manifest:
    """The hub's tree without what the rules leave out here; its directories are noted as sheltering it."""
    if selector is None:
        return view
    sheltering: Set[TreePath] = set()
    blocks: Dict[TreePath, Block] = {}
    for block in view.blocks:
        kept: List[Tuple[bytes, Presence]] = []
        for path, what in block.entries():
            if selector.excludes(path, _is_directory(what)):
                sheltering.add(block.directory)
            else:
                kept.append((split(path)[1], what))
        if kept:
            blocks[block.directory] = Block(block.directory, pack_rows(kept))
    left = tuple(_reachable(blocks))
    listed = {block.directory for block in left} | {split(path)[0] for path in sheltering}
    return Manifest(view.root, left, frozenset(path for path in sheltering if path in listed or not path))


def offered(plan: Reconciliation, found: Comparison, *, copied: bool) -> Iterator[Offered]:
    """The hub's part of a plan, in the order in which a hub has to take it. ``copied`` says whether the copies of what
    loses its name were made here; else their content is where it was.
    """
    saves = {} if copied else plan.saves[Where.LEFT]
    for step in steps_of(plan.plans[Where.RIGHT]):
        wanted: Presence = ABSENT if isinstance(step, Remove) else step.wanted
        yield Offered(step.path, _expected(step, found), wanted, saves.get(step.path, step.path))


def _expected(step: Step, found: Comparison) -> Presence:
    """Rule 4."""
    case = found.cases.get(step.path)
    if case is None or not isinstance(step.expected, Entry) or not isinstance(case.base, Entry):
        return step.expected
    return case.base if same_content(case.base, step.expected) else step.expected


def steps_of(plan: MirrorPlan) -> Iterator[Step]:
    """The steps of a plan, in the order in which they are applied."""
    for group in (plan.clearances, plan.makes, plan.puts, plan.settles, plan.removals):
        yield from group


def not_agreed(plan: Reconciliation, undone: Tuple[Set[TreePath], Set[TreePath]]) -> Set[TreePath]:
    """The paths at which something is left undone; ``undone`` are those of either side that were not carried out."""
    touched = tuple({step.path for step in steps_of(side)} for side in plan.plans)
    everywhere = touched[0] | touched[1] | undone[0] | undone[1]
    return {path for path in everywhere if judge_agreed(*_did(path, touched, undone)) is Agreed.BEFORE}


def _did(path: TreePath, touched: Tuple[Set[TreePath], ...], undone: Tuple[Set[TreePath], ...]) -> Tuple[Did, Did]:
    one, two = (
        Did.UNDONE if path in missed else Did.DONE if path in done else Did.NOTHING
        for done, missed in zip(touched, undone)
    )
    return one, two
