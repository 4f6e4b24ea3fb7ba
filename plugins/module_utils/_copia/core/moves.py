# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renames of a two-way sync: what goes and comes with the same content on one side is moved (``docs/spec/moves.md``).

What this file does not know: why a file goes or comes. That was decided path by path before.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, List, Optional, Set, Tuple

from ..values import replace
from .entries import ABSENT, Entry, Kind
from .reconcile import Comparison, vouched
from .steps import MirrorPlan, Move, Put, PutFile, Remove
from .verdicts import Carriage, judge_carriage


def arrivals(found: Comparison) -> Tuple[List[Entry], List[Entry]]:
    """By side, the new files that may be renamed ones: one of their size is gone there."""
    gone: Tuple[Set[int], Set[int]] = (set(), set())
    for case in found.cases.values():
        for sizes, mine, other in ((gone[0], case.left, case.right), (gone[1], case.right, case.left)):
            if mine is ABSENT and isinstance(other, Entry) and vouched(other, case.base):
                sizes.add(other.size)
    new: Tuple[List[Entry], List[Entry]] = ([], [])
    for case in found.cases.values() if gone[0] or gone[1] else ():
        for entries, sizes, mine, other in (
            (new[0], gone[0], case.left, case.right),
            (new[1], gone[1], case.right, case.left),
        ):
            if other is ABSENT and case.base is ABSENT and isinstance(mine, Entry) and mine.kind is Kind.FILE:
                entries.extend([mine] if mine.size in sizes and mine.size else [])
    return new


def with_moves(plan: MirrorPlan) -> MirrorPlan:
    """The plan of one side, in which what is clearly a rename is a move."""
    gone = _by_digest([step.expected for step in plan.removals])
    if not gone:
        return plan
    new = Counter(step.wanted.digest for step in plan.puts if isinstance(step, PutFile))
    moves: List[Move] = []
    puts: List[Put] = []
    for step in plan.puts:
        old = _old_path(step, gone, new)
        if old is None:
            puts.append(step)
        else:
            moves.append(Move(step.path, old, step.wanted))
    moved = {move.expected.path for move in moves}
    removals: Tuple[Remove, ...] = tuple(step for step in plan.removals if step.path not in moved)
    return replace(plan, puts=tuple(puts), removals=removals, moves=tuple(moves))


def _by_digest(entries: List[Entry]) -> Dict[bytes, List[Entry]]:
    found: Dict[bytes, List[Entry]] = {}
    for entry in entries:
        if entry.kind is Kind.FILE and entry.size and entry.digest is not None:
            found.setdefault(entry.digest, []).append(entry)
    return found


def _old_path(step: Put, gone: Dict[bytes, List[Entry]], new: "Counter[Optional[bytes]]") -> Optional[Entry]:
    """What is moved to the path of ``step``; ``None`` when it is copied."""
    digest = step.wanted.digest
    if not isinstance(step, PutFile) or step.expected is not ABSENT or digest is None:
        return None
    olds = gone.get(digest, [])
    carriage = judge_carriage(
        bool(olds), any(old.size == step.wanted.size for old in olds), len(olds) == 1, new[digest] == 1
    )
    return olds[0] if carriage is Carriage.MOVE else None
