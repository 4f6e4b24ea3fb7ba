# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of sides: opened, locked, looked at, changed, and what they agree on recorded.

The archive is kept on this host, whichever hosts the sides are on.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from ..core.bisync_plan import Reconciliation, Rulebook
from ..core.brakes import (
    Brake,
    Limit,
    explain_removals,
    explain_root,
    root_emptied,
    too_many_removals,
)
from ..core.conflicts import sanitised
from ..core.entries import Entry, Problem
from ..core.errors import Braked, InputError
from ..core.hub_plan import Direction, Part, judge_part, not_agreed, with_own_times
from ..core.lineup import WHOLE, Lineup, Portion, as_they_are
from ..core.moves import arrivals
from ..core.next_base import next_base
from ..core.pair_links import with_linked
from ..core.pair_report import PairReport
from ..core.parcel import Item
from ..core.paths import TreePath
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.reconcile import Comparison, compare, to_read
from ..core.report import foresee
from ..core.seen import Seen
from ..core.selection import Rules
from ..core.steps import MirrorPlan, PutFile
from ..core.verdicts import Policy, Where
from ..disk.state import state_folder
from ..values import dataclass, field
from .base import Base
from .contents import checked, replaced_by, wants_of
from .leftovers import undone_of, without_unsaved
from .sides import Considers, HandsOver, LetsGo, Places, Side, TurnsPages
from .spelling import spelled_alike
from .texts import texts_of

if TYPE_CHECKING:
    from ..disk.operations import Perform

_BOTH = (Where.LEFT, Where.RIGHT)
_AT_ONCE = 8192
"""Files whose digests are asked for in one go."""
PORTION = 1 << 15
"""Entries, by which memory is bounded where what differs may be done in portions."""
Digests = Dict[TreePath, bytes]


@dataclass(frozen=True)
class PairSpec:
    """What is brought together and how. ``state`` is the state folder; ``patience`` is in seconds. ``with_hub`` says
    that the right side is a hub, ``forgets`` that nothing counts as agreed on; ``text_limit`` is in bytes, 0 for no
    content diffs; ``backup`` is where displaced versions go. ``portion`` is how many entries that differ are brought
    together at once where that may be done in portions (``core/lineup.py``).
    """

    left: bytes
    right: bytes
    rules: Rules = field(default_factory=Rules)
    policy: Policy = Policy.KEEP_BOTH
    max_conflicts: int = 8
    limit: Limit = field(default_factory=lambda: Limit(50, True))
    force: bool = False
    check: bool = False
    durable: bool = True
    state: Optional[bytes] = None
    host: str = field(default_factory=lambda: os.uname().nodename)
    patience: float = 60.0
    direction: Direction = Direction.BOTH
    with_hub: bool = False
    forgets: bool = False
    text_limit: int = 0
    backup: bytes = b""
    preserve: Preserve = NOTHING_MORE
    portion: int = PORTION

    @property
    def rulebook(self) -> Rulebook:
        """How conflicts are settled. A hub keeps the name of its version, and no host is part of a copy's name."""
        if self.with_hub:
            return Rulebook(self.policy, b"", self.max_conflicts, keeper=Where.RIGHT)
        return Rulebook(self.policy, sanitised(self.host), self.max_conflicts)

    def takes(self, side: Where) -> bool:
        """Whether that side is changed."""
        return judge_part(self.direction, side) is Part.TAKEN


class Pair:
    """Both sides. Close it when the report is out; this lets go of the locks."""

    def __init__(self, spec: PairSpec, sides: Tuple[Side, Side], carry_out: "Optional[Perform]" = None) -> None:
        """Find, open and lock both roots.

        :raises InputError: when one is no directory, or one holds the other.
        :raises Braked: when one is missing.
        :raises Busy: when another run holds one.
        """
        self.spec, self.sides, self.report = spec, sides, PairReport()
        self._digests: Digests = {}
        state = spec.state or state_folder(os.environ)
        self._base = Base(state, sides, self.report, with_hub=spec.with_hub, carry_out=carry_out)
        try:
            _refuse_overlap(*sides)
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        spec = self.spec
        kinds = [side.kind() for side in self.sides]
        for side, kind in zip(self.sides, kinds):
            if kind is None and (not spec.force or spec.check or kinds == [None, None]):
                raise Braked(explain_root(Brake.ROOT_MISSING, side.name))
            if kind is None:
                side.make()
            elif kind != "tree":
                raise InputError(f"{side.name} is not a directory; name two directories")
        for side in self.sides:
            side.open()
        for side in sorted(self.sides, key=lambda side: side.lock_key):
            side.lock()

    def look(self) -> Iterator[Comparison]:
        """Scan both sides, load the base, and line them up: what differs, portion by portion. Whatever is to be done
        about one is done before the next is asked for.

        :raises Braked: when a root is not the one that it was.
        """
        self._base.load(forgets=self.spec.forgets, force=self.spec.force)
        if not self.spec.check:
            self._sweep()
        one, other = (side.scan(self.spec.rules) for side in self.sides)
        self._lineup = Lineup(
            (one.blocks, other.blocks, self._base.blocks()),
            (one.seen, other.seen),
            most=self.spec.portion if self._may_part else WHOLE,
            keeps_all=self.spec.preserve.hard_links or self._base.is_old,
            match=with_own_times if self.spec.with_hub else as_they_are,
        )
        for portion in self._lineup.portions():
            self._portion = portion
            self._heed(one.seen, other.seen)
            yield self._compared(portion)
        self._heed(one.seen, other.seen)

    @property
    def _may_part(self) -> bool:
        """Whether what differs may be done in portions: nothing is removed or moved, and nobody wants to know first."""
        spec = self.spec
        return not self._base.is_there and spec.policy is not Policy.FAIL and not spec.preserve.hard_links

    def _heed(self, *seen: Seen) -> None:
        """Report what the scans have come across by now."""
        for side, found in zip(self.report.sides, seen):
            while found.problems:
                side.problems.append(found.problems.pop(0))
        self.report.scanned, self.report.files = sum(self._lineup.entries), self._lineup.files

    def _compared(self, portion: Portion) -> Comparison:
        trees = (portion.left, portion.right, portion.base)
        (left, right, base), collided = spelled_alike(self.sides, trees, may_write=not self.spec.check)
        self.report.problems.extend(collided)
        how: Dict[str, Any] = {"stale": self._base.is_old, "is_new": not self._base.is_there}
        comparison = compare(left, right, base, **how, above=portion.above)
        comparison.named = self.spec.with_hub
        return comparison

    def _sweep(self) -> None:
        for side in self.sides:
            if side.sweep():
                self.report.notes.append(
                    f"{side.name}/.copia holds edits that raced with a run that was killed (kept-*); take out what you "
                    "need and remove it"
                )

    def read(self, found: Comparison) -> Tuple[Digests, Digests]:
        """The digests that decide something and that the base does not vouch for."""
        self._digests = {}
        wanted = [_once([*some, *more]) for some, more in zip(to_read(found), arrivals(found))]
        self.report.hashed += sum(map(len, wanted))
        left, right = (side.digests_of(entries) for side, entries in zip(self.sides, wanted))
        for side, entries, digests in zip(self.report.sides, wanted, (left, right)):
            unread = (entry.path for entry in entries if entry.path not in digests)
            side.problems.extend(Problem(path, "could not be read, or changed while it was read") for path in unread)
        return left, right

    def brake(self, plan: Reconciliation) -> None:
        """Stop before anything is touched.

        :raises Braked: when a brake is pulled and ``force`` is not set.
        """
        limit = self.spec.limit
        for side in () if self.spec.force else _BOTH:
            removals, name = plan.removals(side) if self.spec.takes(side) else 0, self.sides[side].name
            if root_emptied(self._lineup.entries[side.other], removals):
                raise Braked(explain_root(Brake.ROOT_EMPTIED, self.sides[side.other].name))
            if too_many_removals(removals, self._lineup.entries[side], limit.number, limit.is_percent):
                raise Braked(explain_removals(name, removals, self._lineup.entries[side], limit))

    def show_texts(self, plan: Reconciliation) -> None:
        """Keep the contents that a diff shows; nothing is read without a limit."""
        for side in filter(self.spec.takes, _BOTH) if self.spec.text_limit else ():
            places = plan.saves[side.other]
            found = texts_of(plan.plans[side], self.sides[side], self.sides[side.other], places, self.spec.text_limit)
            self.report.sides[side].texts.extend(found)

    def rehearse(self, plan: Reconciliation) -> None:
        """Report what ``apply`` would do."""
        for side in filter(self.spec.takes, _BOTH):
            for part in (plan.copies[side], plan.plans[side]):
                foresee(part, self.report.sides[side])

    def apply(self, plan: Reconciliation) -> None:
        """Carry out the plan: first the copies of what loses its name, then each side with the other as source."""
        for side in filter(self.spec.takes, _BOTH):
            if plan.saves[side]:
                report = self.sides[side].copy_aside(plan.copies[side], plan.saves[side])
                self.report.sides[side].absorb(report)
        for side in filter(self.spec.takes, _BOTH):
            at = {} if self.spec.takes(side.other) else plan.saves[side.other]
            self._transfer(side, without_unsaved(plan, side, self.report), at)

    def _transfer(self, side: Where, plan: MirrorPlan, at: Places) -> None:
        """Carry out one side's plan with content from the other, where ``at`` says under which paths it is there."""
        if plan.is_empty and not plan.closings:
            return
        target, source = self.sides[side], self.sides[side.other]
        if isinstance(target, Considers):
            plan, bases = target.consider(plan)
        else:
            bases = target.signatures_of(replaced_by(plan)) if target.is_far or source.is_far else {}
        items = self._handed_over(source, plan) if isinstance(target, HandsOver) and not at else None
        if items is None:
            items = checked(plan, source.read(wants_of(plan, bases), at), self._digests)
        self.report.sides[side].absorb(target.apply(plan, items))

    def _handed_over(self, source: Side, plan: MirrorPlan) -> Optional[Iterator[Item]]:
        """On one host the files are read for their digests and then copied by the kernel; a file that is not as listed,
        before or after either, is a problem of its path.
        """
        files = [step.wanted for step in plan.puts if isinstance(step, PutFile)]
        items = source.hand_over(files) if isinstance(source, HandsOver) else None
        unread = [entry for entry in files if entry.digest is None] if items is not None else []
        for start in range(0, len(unread), _AT_ONCE):
            self._digests.update(source.digests_of(unread[start : start + _AT_ONCE]))
        return items

    def agree(self, found: Comparison, plan: Reconciliation) -> None:
        """Take down what a portion's plan, as far as it was applied, has both sides agree on."""
        undone = not_agreed(plan, self.spec.direction, map(undone_of, self.report.sides, plan.plans))
        agreed = next_base(found, plan, undone, with_linked(self._digests, plan))
        self._base.renew(self._portion, agreed)
        self._lineup.agree({block.directory: block for block in agreed.blocks})
        for side in self.sides:
            if isinstance(side, TurnsPages):
                side.turn_page()

    def record(self) -> None:
        """Write the archive; a side elsewhere may end meanwhile.

        :raises InputError: when it can't be written.
        """
        for side in self.sides:
            if isinstance(side, LetsGo):
                side.let_go()
        self._base.record(durable=self.spec.durable)

    def take_down(self, plan: Reconciliation) -> None:
        """Report what a portion's plan found; where more may follow, of its changes only so many are kept."""
        self.report.conflicts += plan.conflicts
        self.report.problems.extend(Problem(path, what) for path, what in plan.problems)
        if self._may_part:
            for side in self.report.sides:
                side.trim()

    def conclude(self) -> PairReport:
        """The report."""
        self.report.finish()
        return self.report

    def lap(self, phase: str, since: float) -> float:
        """Add to the seconds of a phase; the answer is now."""
        now = time.perf_counter()
        self.report.seconds[phase] = self.report.seconds.get(phase, 0.0) + now - since
        return now

    def close(self) -> None:
        """Close both roots, and the base."""
        self._base.close()
        for side in self.sides:
            side.close()


def _once(entries: List[Entry]) -> List[Entry]:
    return list({entry.path: entry for entry in entries}.values())


def _refuse_overlap(left: Side, right: Side) -> None:
    one, two = left.place, right.place
    if one[:1] == two[:1] == b"/" and os.path.commonpath((one, two)) in (one, two):
        raise InputError(f"{left.name} and {right.name} lie within each other; name two separate trees")
