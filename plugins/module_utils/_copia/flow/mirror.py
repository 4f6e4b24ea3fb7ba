# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror, as a story: scan, plan, transfer, apply, report.

    source side                                    target side
    offer()     listing  ───────────────────────▶  consider()    plan, wants, or at once a report
    answer()             ◀───────────────────────  wants
                parcel   ───────────────────────▶  finish()      report

``mirror`` runs both sides in one process. Ansible's action plugin runs one side here and the other on the host, and
carries the same values as messages. In check mode the story is the same and ``finish`` applies nothing.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Callable, Optional

from ..core.errors import InputError
from ..core.paths import show
from ..core.report import Report
from ..core.steps import MirrorPlan
from .source import Source, SourceSpec, tree_digest
from .target import Target, TargetSpec

if TYPE_CHECKING:
    from ..disk.operations import Perform


def mirror(
    source_spec: SourceSpec,
    target_spec: TargetSpec,
    *,
    announce: Optional[Callable[[MirrorPlan], None]] = None,
    carry_out: Optional[Perform] = None,
) -> Report:
    """Make ``target_spec.path`` equal to ``source_spec.path``, both on this host. ``announce`` hears the plan before
    anything is done.

    :raises CopiaError: when the run cannot go on; see ``core.errors`` for whose fault it is.
    """
    refuse_overlap(source_spec.path, target_spec.path)
    if target_spec.backup:
        from .displaced import refuse_within

        refuse_within(target_spec.backup, source_spec.path, source_spec.path)
    clock = time.perf_counter()
    source = Source(source_spec)
    try:
        target = Target(target_spec, is_tree=source.is_tree, carry_out=carry_out)
        try:
            target.scan_ahead()
            listing = source.offer()
            offered = time.perf_counter() - clock
            considered = target.consider(listing, source.digests)
            if announce:
                announce(considered.plan)
            items = source.answer_here(considered.wants, dry=target_spec.check)
            report = target.finish(considered.plan, items)
        finally:
            target.close()
    finally:
        source.close()
    report.seconds["offer"] = offered
    report.tree = tree_digest(listing)
    return report


def refuse_overlap(source: bytes, target: bytes) -> None:
    """Refuse a source and a destination on one host of which one holds the other: the mirror would eat itself.

    :raises InputError: when they overlap.
    """
    left, right = os.path.realpath(source), os.path.realpath(target)
    if os.path.commonpath((left, right)) in (left, right):
        raise InputError(f"src {show(source)} and dest {show(target)} lie within each other; name two separate places")
