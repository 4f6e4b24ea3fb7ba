# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client and its hub, as a story: ask for the news, then it is a two-way sync of which a direction takes its part.

    local  scan ───────────────┐                        ┌─▶ what is new on the hub, applied here        (pull, both)
    base   load ───────────────┼─▶ compare ─▶ reconcile ┤
    hub    as told, and news ──┘                        └─▶ offers ─▶ answers ─▶ contents ─▶ receipt    (push, both)
                                                                                       then the base, from both

The base is written last, from what was applied here and what the receipt says. A client that dies before sees its own
commits among the next news, finds them equal to what it has, and agrees.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

from ..core.brakes import Brake, explain_root, root_recreated
from ..core.errors import Braked, InputError
from ..core.hub_plan import Line
from ..core.hub_report import HubReport
from ..core.hub_words import Hub
from ..core.paths import path_key, show
from ..core.verdicts import Policy, Where
from ..disk.state import state_folder
from ..values import replace
from .bisync import bisync
from .hub_side import HubSide, Place
from .pair import PairSpec
from .sides import Side

if TYPE_CHECKING:
    from ..disk.operations import Perform


def hub_sync(
    spec: PairSpec,
    hub: Hub,
    place: bytes,
    *,
    left: Optional[Side] = None,
    carry_out: "Optional[Perform]" = None,
) -> HubReport:
    """Bring ``spec.left`` and the hub together, in the spec's direction. ``spec.right`` is what people call the hub,
    ``place`` where it is in one way of writing: a real path of this host, or something that begins with no slash.
    ``left`` is the spec's left side, where a look at it was begun already.

    :raises CopiaError: when the run cannot go on; see ``core.errors`` for whose fault it is.
    """
    state = spec.state or state_folder(os.environ)
    where = Place(show(spec.right), place, os.path.realpath(spec.left))
    is_told = spec.takes(Where.LEFT)
    side = HubSide(hub, where, state, insists=spec.policy is Policy.PREFER_LEFT, is_told=is_told)
    try:
        return _brought_together(spec, side, left, carry_out)
    finally:
        side.forget()


def _brought_together(spec: PairSpec, side: HubSide, left: Optional[Side], carry_out: "Optional[Perform]") -> HubReport:
    if root_recreated(side.line is Line.WENT_BACK, False) and not spec.force:
        raise Braked(explain_root(Brake.ROOT_RECREATED, side.name))
    spec = replace(spec, with_hub=True, forgets=spec.forgets or side.line is not Line.SAME, state=side.state)
    pair = bisync(spec, left=left, right=side, carry_out=carry_out)
    pair.conflicts = tuple(sorted((*pair.conflicts, *side.late), key=lambda conflict: path_key(conflict.path)))
    if not spec.check:
        try:
            side.remember(carry_out)
        except OSError as error:
            raise InputError(f"{show(side.state)} cannot be written: {os.strerror(error.errno or 0)}") from error
        if spec.takes(Where.LEFT) and not pair.problems:
            side.acknowledge()
    return HubReport(pair, side.facts.hub_id.hex(), side.revision, side.sent)
