# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brakes: tiny named predicates that stop a plan before anything is touched.

Rules
1. A source that lists nothing while the target holds something never empties the target.
2. More removals than ``max_delete`` allows stop the run. A percentage counts against what the target holds.
3. Something unknown in the source holds every removal back: it may be where a removed thing went.
4. Of a two-way sync: a root that is missing, was made anew, or is empty while the other is not, stops the run; more
   removals than ``max_delete`` on either side do.
5. ``force`` overrides them for one run. It never reaches below a path that is unknown itself.
"""

from __future__ import annotations

import enum
import re
from typing import Tuple, Union

from ..values import dataclass
from .errors import InputError
from .steps import MirrorPlan


class Brake(enum.Enum):
    """Why a plan is stopped, or its removals are held back."""

    SOURCE_EMPTIED = "source_emptied"
    TOO_MANY_REMOVALS = "too_many_removals"
    SOURCE_UNKNOWN = "source_unknown"
    ROOT_MISSING = "root_missing"
    ROOT_RECREATED = "root_recreated"
    ROOT_EMPTIED = "root_emptied"


@dataclass(frozen=True)
class Limit:
    """At most ``number`` removals, or at most ``number`` percent of the target's entries."""

    number: int
    is_percent: bool


def parse_limit(text: Union[str, int]) -> Limit:
    """A limit from ``"50%"``, ``"20"`` or ``20``.

    :raises InputError: when it is neither.
    """
    match = re.fullmatch(r"\s*([0-9]{1,12})\s*(%?)\s*", str(text))
    if not match or (match[2] and int(match[1]) > 100):
        raise InputError(f"max_delete is {text!r}: expected a count such as 20 or a percentage such as 50%")
    return Limit(int(match[1]), bool(match[2]))


def source_emptied(source_entries: int, removals: int) -> bool:
    """Rule 1."""
    return source_entries == 0 and removals > 0


def too_many_removals(removals: int, target_entries: int, number: int, is_percent: bool) -> bool:
    """Rule 2, without rounding: 50 percent of 3 entries is 1.5, so 2 are too many."""
    if is_percent:
        return removals * 100 > target_entries * number
    return removals > number


def source_unknown(has_unknown: bool, removals: int) -> bool:
    """Rule 3."""
    return has_unknown and removals > 0


def pulled_brakes(plan: MirrorPlan, has_unknown: bool, limit: Limit) -> Tuple[Brake, ...]:
    """The brakes that this plan pulls."""
    removals = len(plan.removals) + len(plan.clearances)
    verdicts = (
        (Brake.SOURCE_EMPTIED, source_emptied(plan.offered, removals)),
        (Brake.TOO_MANY_REMOVALS, too_many_removals(removals, plan.entries, limit.number, limit.is_percent)),
        (Brake.SOURCE_UNKNOWN, source_unknown(has_unknown, len(plan.removals))),
    )
    return tuple(brake for brake, pulled in verdicts if pulled)


def explain(brake: Brake, plan: MirrorPlan, limit: Limit) -> str:
    """One line for the user: what stopped, by how much, and what to do next."""
    removals = len(plan.removals) + len(plan.clearances)
    if brake is Brake.SOURCE_EMPTIED:
        return (
            f"the source is empty and {removals} entries of the destination would be removed; nothing was touched. "
            "Check the source, or set force for this run"
        )
    if brake is Brake.SOURCE_UNKNOWN:
        return (
            f"{len(plan.removals)} removal(s) held back because part of the source could not be read. "
            "Make it readable, exclude it, or set force for this run"
        )
    allowed = f"{limit.number}%" if limit.is_percent else str(limit.number)
    return (
        f"{removals} of {plan.entries} entries of the destination would be removed, max_delete allows {allowed}; "
        "nothing was touched. Check the source, raise max_delete, or set force for this run"
    )


def root_emptied(entries: int, other_removals: int) -> bool:
    """Rule 4: this root lists nothing, and so something would be removed from the other."""
    return entries == 0 and other_removals > 0


def root_recreated(is_remembered: bool, is_same: bool) -> bool:
    """Rule 4: the roots at these paths are not the ones that agreed last."""
    return is_remembered and not is_same


_ROOT_WORDS = {
    Brake.ROOT_MISSING: "does not exist; nothing was touched. Check the path and the mount, or set force to make it",
    Brake.ROOT_RECREATED: (
        "or the other root is not the directory that was synchronised last: made anew, or another file system is "
        "mounted there; nothing was touched. Check the mounts, or set force to start without a base, removing nothing"
    ),
    Brake.ROOT_EMPTIED: (
        "is empty, and so everything that was agreed on would be removed from the other side; nothing was touched. "
        "Check the mount, or set force for this run"
    ),
}


def explain_root(brake: Brake, name: str) -> str:
    """One line for the user about the root ``name``."""
    return f"{brake.value}: {name} {_ROOT_WORDS[brake]}"


def explain_removals(name: str, removals: int, entries: int, limit: Limit) -> str:
    """One line for the user about too many removals from the root ``name``."""
    allowed = f"{limit.number}%" if limit.is_percent else str(limit.number)
    return (
        f"{Brake.TOO_MANY_REMOVALS.value}: {removals} of {entries} entries of {name} would be removed, "
        f"max_delete allows {allowed}; nothing was touched. Check the other side, raise max_delete, or set force for "
        "this run"
    )
