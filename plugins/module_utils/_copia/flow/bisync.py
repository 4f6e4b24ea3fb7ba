# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two-way sync of two trees, as a story: scan, reconcile, brake, transfer, apply, record.

    left   scan ─┐                          ┌─▶ copies, then what right has for it
    base   load ─┼─▶ compare ─▶ reconcile ──┤
    right  scan ─┘                          └─▶ copies, then what left has for it      then the archive

What differs is looked into portion by portion where that may be (``core/lineup.py``). The archive is written last, from
what was applied. A run that dies on the way leaves the old one, and the next run finds what was done already alike on
both sides.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from ..core.bisync_plan import Reconciliation, reconcile
from ..core.errors import InputError
from ..core.pair_links import with_pair_links
from ..core.pair_report import PairReport
from ..core.paths import show
from ..core.verdicts import Policy
from .displaced import places_of_pair
from .local_side import LocalSide
from .pair import Pair, PairSpec
from .sides import Side

if TYPE_CHECKING:
    from ..disk.operations import Perform


def bisync(
    spec: PairSpec,
    *,
    left: Optional[Side] = None,
    right: Optional[Side] = None,
    announce: Optional[Callable[[Reconciliation], None]] = None,
    carry_out: "Optional[Perform]" = None,
) -> PairReport:
    """Bring ``spec.left`` and ``spec.right`` together. ``announce`` hears the plan before anything is done, of each
    portion.

    ``right`` is a side that is reached in another way; without it both are on this host. ``left`` is that of ``spec``
    (see ``left_of``), where a look at it was begun already; it is closed here.

    :raises CopiaError: when the run cannot go on; see ``core.errors`` for whose fault it is.
    """
    one, other = _sides_of(spec, carry_out, is_near=right is None)
    pair = Pair(spec, (left or one, right or other), carry_out)
    try:
        clock = time.perf_counter()
        for found in pair.look():
            clock = pair.lap("scan", clock)
            digests = pair.read(found)
            clock = pair.lap("hash", clock)
            plan = with_pair_links(reconcile(found, *digests, spec.rulebook), found)
            found.let_go()  # it takes as much memory as the plan
            pair.brake(plan)
            refuse_conflicts(plan, spec.policy)
            clock = pair.lap("plan", clock)
            if announce:
                announce(plan)
            pair.show_texts(plan)
            if spec.check:
                pair.rehearse(plan)
            else:
                pair.apply(plan)
                pair.agree(found, plan)
            pair.take_down(plan)
            clock = pair.lap("apply", clock)
        if not spec.check:
            pair.record()
        pair.lap("apply", clock)
        return pair.conclude()
    finally:
        pair.close()


def left_of(spec: PairSpec, carry_out: "Optional[Perform]" = None) -> LocalSide:
    """The left side of a pair of which the right one is reached in another way."""
    return _sides_of(spec, carry_out, is_near=False)[0]


def _sides_of(spec: PairSpec, carry_out: "Optional[Perform]", *, is_near: bool) -> Tuple[LocalSide, LocalSide]:
    how: Dict[str, Any] = {"durable": spec.durable, "patience": spec.patience, "preserve": spec.preserve}
    places = places_of_pair(spec.backup, (spec.left, spec.right) if is_near else (spec.left,))
    left, right = (
        LocalSide(path, **how, backup=place, carry_out=carry_out)
        for path, place in zip((spec.left, spec.right), places)
    )
    return left, right


def refuse_conflicts(plan: Reconciliation, policy: Policy) -> None:
    """With the policy ``fail``, stop at any conflict.

    :raises InputError: when there is one; nothing was touched.
    """
    if policy is Policy.FAIL and plan.conflicts:
        first = plan.conflicts[0]
        raise InputError(
            f"{len(plan.conflicts)} conflict(s), the first: {show(first.path)} ({first.kind}); nothing was touched. "
            "Settle them by hand, or choose another conflict policy"
        )
