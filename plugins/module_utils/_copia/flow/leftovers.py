# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a two-way sync's plan when parts of it failed: what may still be done, and what was not."""

from __future__ import annotations

from typing import Set

from ..core.bisync_plan import Reconciliation
from ..core.entries import Problem
from ..core.pair_report import PairReport
from ..core.paths import TreePath
from ..core.report import Report
from ..core.steps import MirrorPlan
from ..core.verdicts import Where
from ..values import replace

_WITHHELD = "its other version could not be kept, so it was left as it is; run again"


def without_unsaved(plan: Reconciliation, side: Where, report: PairReport) -> MirrorPlan:
    """The plan of a side without what would take the name of a version that could not be copied aside."""
    failed = {problem.path for told in report.sides for problem in told.problems}
    names = {name for saves in plan.saves for name in saves if name in failed}
    held = {saves[name] for saves in plan.saves for name in saves if name in failed} | names
    if not held:
        return plan.plans[side]
    mine = plan.plans[side]
    loose = {step.path for step in mine.links if step.first in held}
    report.sides[side].problems.extend(Problem(path, _WITHHELD) for path in (held | loose) - names)
    held |= loose
    return replace(
        mine,
        makes=tuple(step for step in mine.makes if step.path not in held),
        puts=tuple(step for step in mine.puts if step.path not in held),
        settles=tuple(step for step in mine.settles if step.path not in held),
        links=tuple(step for step in mine.links if step.path not in held),
    )


def undone_of(report: Report, plan: MirrorPlan) -> Set[TreePath]:
    """The paths of a side that are not as its plan would have them."""
    removed = {change.path for change in report.changes if change.change == "remove"}
    removals = {step.path for step in (*plan.removals, *plan.clearances)}
    moved = {change.path for change in report.changes if change.change == "move"}
    stayed = {path for step in plan.moves if step.path not in moved for path in (step.path, step.expected.path)}
    return {problem.path for problem in report.problems} | set(report.undone) | (removals - removed) | stayed
