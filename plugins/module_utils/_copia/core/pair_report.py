# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a two-way sync did, as a value: a report for each side, the conflicts, and what the base was worth."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ..values import dataclass, field
from .conflicts import Conflict
from .entries import Problem
from .paths import path_key, show
from .report import Report, plain_changes, stats
from .verdicts import Where

_SUMMED = ("made", "updated", "touched", "removed", "kept")


@dataclass
class PairReport:
    """``sides`` are the reports of left and right; ``base`` is ``trusted``, ``old`` or ``none``; ``epoch`` counts what
    was recorded; ``files`` counts what the left side has and is no directory; ``seconds`` by phase.
    """

    sides: Tuple[Report, Report] = field(default_factory=lambda: (Report(), Report()))
    conflicts: Tuple[Conflict, ...] = ()
    problems: List[Problem] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    base: str = "none"
    epoch: int = 0
    scanned: int = 0
    files: int = 0
    hashed: int = 0
    seconds: Dict[str, float] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anything but a time is different from before on either side."""
        return any(side.changed for side in self.sides)

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do on either side, not even a time to set."""
        return not self.changed and not any(side.touched for side in self.sides)

    @property
    def unlisted(self) -> int:
        """How many of the changes are counted and not listed."""
        return sum(side.unlisted for side in self.sides)

    def is_cut_at(self, limit: int) -> bool:
        """Whether lists of at most ``limit`` (of changes, for each side) are without something."""
        lists = (*(side.changes for side in self.sides), self.conflicts, self.problems)
        return self.unlisted > 0 or any(len(found) > limit for found in lists)

    @property
    def applied(self) -> int:
        """How many changes were made, on both sides together."""
        return sum(side.changes_total for side in self.sides)

    def finish(self) -> None:
        """Gather the problems and notes of both sides, and sort what was gathered."""
        for side in self.sides:
            side.finish()
            self.problems.extend(side.problems)
            self.notes.extend(note for note in side.notes if note not in self.notes)
        self.conflicts = tuple(sorted(self.conflicts, key=lambda conflict: path_key(conflict.path)))
        self.problems = sorted(set(self.problems), key=lambda problem: (path_key(problem.path), problem.what))


def pair_stats(report: PairReport) -> Dict[str, Any]:
    """The counts as plain data."""
    left, right = (stats(side) for side in report.sides)
    found: Dict[str, Any] = {name: left[name] + right[name] for name in (*_SUMMED, "bytes_literal")}
    found["moved"] = sum(side.moved for side in report.sides)
    found["scanned"], found["hashed"] = report.scanned, report.hashed
    found["seconds"] = {phase: round(seconds, 4) for phase, seconds in sorted(report.seconds.items())}
    return found


def pair_changes(report: PairReport, limit: int) -> List[Dict[str, Any]]:
    """The first ``limit`` changes of each side, each with its ``side``."""
    return [{"side": where.word, **change} for where in Where for change in plain_changes(report.sides[where], limit)]


def plain_conflicts(report: PairReport, limit: int) -> List[Dict[str, Any]]:
    """The first ``limit`` conflicts."""
    return [
        {
            "path": show(conflict.path),
            "kind": conflict.kind,
            "winner": conflict.winner.word,
            "kept_as": show(conflict.kept_as) if conflict.kept_as else "",
        }
        for conflict in report.conflicts[:limit]
    ]
