# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settling: verdicts that go together in nested trees. The rules of ``docs/spec/settling.md``.

Paths are walked from the deepest up: what lives or stays below a directory is known before the directory is judged.
"""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Set, Tuple

from ..values import dataclass, field
from .entries import Entry, Kind
from .paths import TreePath, split
from .reconcile import Case, Comparison, judge, with_digests
from .verdicts import VERDICTS, Fate, Outcome, Verdict, Where, judge_directory

_TO = {Where.LEFT: Verdict.TO_LEFT, Where.RIGHT: Verdict.TO_RIGHT}


@dataclass
class Settled:
    """``cases`` have digests, in the order of the comparison; ``blocked`` paths are left alone with all below them,
    ``kept`` directories stay on the one side they are on; ``beside`` are conflicts that a directory wins.
    """

    cases: Dict[TreePath, Tuple[Case, Verdict]] = field(default_factory=dict)
    blocked: Set[TreePath] = field(default_factory=set)
    kept: Set[TreePath] = field(default_factory=set)
    beside: Set[TreePath] = field(default_factory=set)
    barred: Set[TreePath] = field(default_factory=set)
    _lives: Set[TreePath] = field(default_factory=set)
    _stays: Set[TreePath] = field(default_factory=set)


def settle(found: Comparison, left: Mapping[TreePath, bytes], right: Mapping[TreePath, bytes]) -> Settled:
    """The verdicts of a comparison, gone through from the deepest path up; ``left`` and ``right`` are digests."""
    done = Settled(blocked=set(found.blocked))
    for path in reversed(found.cases):
        case = with_digests(found.cases[path], left, right)
        verdict = judge(case, has_base=found.has_base, stale=found.stale)
        done.cases[path] = case, _settle_path(found, done, case, verdict)
    done.cases = dict(reversed(done.cases.items()))
    return done


def _settle_path(found: Comparison, done: Settled, case: Case, verdict: Verdict) -> Verdict:
    path, parent = case.path, split(case.path)[0]
    if VERDICTS[verdict].stays or path in found.blocked:
        done.blocked.add(path)
        done._stays.add(parent)
        return verdict
    if path in done._stays:
        done._stays.add(parent)
    fate, holder = _fate(case, verdict)
    if fate is not None and holder is not None:
        manifest = (found.left, found.right)[holder]
        outcome = judge_directory(fate, path in done._lives, path in done._stays or path in manifest.sheltering)
        verdict = _outcome(done, case, verdict, outcome, holder)
    if _lives(done, path, verdict):
        done._lives.add(parent)
    if path in done.kept or path in done.barred:
        done._stays.add(parent)
    return verdict


def _lives(done: Settled, path: TreePath, verdict: Verdict) -> bool:
    deed = VERDICTS[verdict]
    return deed.removed is None and verdict is not Verdict.NOTHING and path not in done.kept | done.barred


def _outcome(done: Settled, case: Case, verdict: Verdict, outcome: Outcome, holder: Where) -> Verdict:
    if outcome is Outcome.REVIVE:
        return _TO[holder.other]
    if outcome is Outcome.KEEP:
        done.kept.add(case.path)
    elif outcome is Outcome.BLOCK:
        done.barred.add(case.path)
        done.blocked.add(case.path)
    elif outcome is Outcome.BESIDE:
        done.beside.add(case.path)
        return Verdict.CONFLICT
    return verdict


def _fate(case: Case, verdict: Verdict) -> Tuple[Optional[Fate], Optional[Where]]:
    """What is at stake for a directory at this path, and which side has it."""
    is_directory = [isinstance(side, Entry) and side.kind is Kind.DIRECTORY for side in (case.left, case.right)]
    if is_directory[0] == is_directory[1]:
        return None, None
    holder = Where.LEFT if is_directory[0] else Where.RIGHT
    deed = VERDICTS[verdict]
    if deed.removed is holder:
        return Fate.REMOVED, holder
    if deed.to is holder:
        return Fate.REPLACED, holder
    return (Fate.CONTESTED, holder) if verdict is Verdict.CONFLICT else (None, None)
