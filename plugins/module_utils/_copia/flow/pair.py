# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of roots on this host: opened, locked, looked at, changed, and what they agree on recorded."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Optional, Set, Tuple

from ..core.bisync_plan import Reconciliation, next_base
from ..core.brakes import (
    Brake,
    Limit,
    explain_removals,
    explain_root,
    root_emptied,
    root_recreated,
    too_many_removals,
)
from ..core.entries import Entry, Kind, Problem
from ..core.errors import Braked, InputError
from ..core.manifest import Manifest
from ..core.pair_report import PairReport
from ..core.parcel import Begin, Broken, End, Item, Small, Trouble, Want
from ..core.paths import TreePath, show, split
from ..core.reconcile import Comparison, compare, to_read, vouched
from ..core.report import Report, foresee
from ..core.selection import Rules, selector
from ..core.steps import MirrorPlan, PutFile
from ..core.verdicts import Policy, Where
from ..disk.archive import Archive, Identities, load, name_of_paths, remember, remembered, save
from ..disk.digests import digests_of, outwait_grain
from ..disk.folders import Folders, open_root
from ..disk.read import Locate, Reader
from ..disk.root import has_leftovers, kind_of_root, lock_root, open_source
from ..disk.scan import Scan, is_native
from ..disk.state import identity_of, state_folder
from .ahead import Ahead

if TYPE_CHECKING:
    from ..disk.operations import Acts, Perform

_WITHHELD = "its other version could not be kept, so it was left as it is; run again"
_CHANGED = "changed while it was read; run again"
_BOTH = (Where.LEFT, Where.RIGHT)
Digests = Dict[TreePath, bytes]


@dataclass(frozen=True)
class PairSpec:
    """What is brought together and how. ``state`` is the state folder; ``patience`` is in seconds."""

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


class Pair:
    """Both sides. Close it when the report is out; this lets go of the locks."""

    def __init__(self, spec: PairSpec, carry_out: "Optional[Perform]" = None) -> None:
        """Find, open and lock both roots.

        :raises InputError: when one is no directory, or one holds the other.
        :raises Braked: when one is missing.
        :raises Busy: when another run holds one.
        """
        self.spec, self.report = spec, PairReport()
        self._carry_out = carry_out
        self._digests: Digests = {}
        self._names = (spec.left, spec.right)
        _refuse_overlap(*self._names)
        self._roots: List[int] = []
        self._missing(spec)
        try:
            for name in self._names:
                self._roots.append(open_source(name))
            for root in sorted(self._roots, key=lambda root: (os.fstat(root).st_dev, os.fstat(root).st_ino)):
                lock_root(root, self._names[self._roots.index(root)], patience=spec.patience)
        except BaseException:
            self.close()
            raise
        self._state = spec.state or state_folder(os.environ)
        self._base: Optional[Archive] = None
        self._identities: Optional[Identities] = None

    def _missing(self, spec: PairSpec) -> None:
        kinds = [kind_of_root(name) for name in self._names]
        for name, kind in zip(self._names, kinds):
            if kind is None and (not spec.force or spec.check or kinds == [None, None]):
                raise Braked(explain_root(Brake.ROOT_MISSING, show(name)))
            if kind is None:
                from ..disk.stage import make_root

                os.close(self._run(make_root(name)))
            elif kind != "tree":
                raise InputError(f"{show(name)} is not a directory; name two directories")

    def look(self) -> Comparison:
        """Scan both sides, load the base, and line them up.

        :raises Braked: when a root is not the one that it was.
        """
        self._load_base()
        if not self.spec.check:
            self._sweep()
        scans = [Scan(selector=selector(self.spec.rules), mode_mask=0o777) for _side in _BOTH]
        other = Ahead(lambda: scans[1].tree(self._roots[1])) if is_native() else None
        left = scans[0].tree(self._roots[0])
        right = other.result() if other else scans[1].tree(self._roots[1])
        for side, scan in zip(self.report.sides, scans):
            side.problems.extend(scan.problems)
        self.report.scanned = len(left) + len(right)
        base = self._base
        found = compare(left, right, base.manifest if base else None, stale=base is not None and base.is_old)
        self._emptied = [len(left), len(right)]
        outwait_grain(
            side
            for case in found.cases.values()
            for side in (case.left, case.right)
            if isinstance(side, Entry) and side.kind is Kind.FILE and not vouched(side, case.base)
        )
        return found

    def _load_base(self) -> None:
        left, right = (identity_of(root) for root in self._roots)
        try:
            folder = open_root(self._state)
        except OSError:
            folder = -1
        try:
            if left is None or right is None:
                self.report.notes.append(
                    "the file system does not say who a root is: no base is kept, nothing is removed"
                )
            else:
                self._identities = (left, right)
                self._base = load(folder, self._identities) if folder >= 0 else None
            known = remembered(folder, self._paths_name()) if folder >= 0 else None
        finally:
            if folder >= 0:
                os.close(folder)
        is_same = self._identities is not None and known == b"".join(sorted(self._identities))
        if root_recreated(known is not None, is_same) and not self.spec.force:
            raise Braked(explain_root(Brake.ROOT_RECREATED, " or ".join(map(show, self._names))))
        self._tell_base()

    def _tell_base(self) -> None:
        if self._base is None:
            self.report.notes.append("no trusted base: both sides are brought together, and nothing is removed")
            return
        self.report.base = "old" if self._base.is_old else "trusted"
        self.report.epoch = self._base.epoch
        if self._base.is_old:
            self.report.notes.append("the newest archive is damaged and the one before was read: nothing is removed")

    def _paths_name(self) -> bytes:
        return name_of_paths(*map(os.path.realpath, self._names))

    def _sweep(self) -> None:
        for root in self._roots:
            if has_leftovers(root):
                from ..disk.stage import sweep

                self._run(sweep(root))
            if has_leftovers(root):
                self.report.notes.append(
                    f"{show(self._names[self._roots.index(root)])}/.copia holds edits that raced with a run that was "
                    "killed (kept-*); take out what you need and remove it"
                )

    def read(self, found: Comparison) -> Tuple[Digests, Digests]:
        """The digests that decide something and that the base does not vouch for."""
        wanted = to_read(found)
        self.report.hashed = sum(map(len, wanted))
        left, right = (digests_of(root, entries) for root, entries in zip(self._roots, wanted))
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
            removals, name = plan.removals(side), show(self._names[side])
            if root_emptied(self._emptied[side.other], removals):
                raise Braked(explain_root(Brake.ROOT_EMPTIED, show(self._names[side.other])))
            if too_many_removals(removals, self._emptied[side], limit.number, limit.is_percent):
                raise Braked(explain_removals(name, removals, self._emptied[side], limit))

    def rehearse(self, plan: Reconciliation) -> None:
        """Report what ``apply`` would do."""
        for side in _BOTH:
            for part in (plan.copies[side], plan.plans[side]):
                foresee(part, self.report.sides[side])

    def apply(self, plan: Reconciliation) -> None:
        """Carry out the plan: first the copies of what loses its name, then each side with the other as source."""
        try:
            for side in _BOTH:
                saves = plan.saves[side]
                self._side(side, plan.copies[side], side, saves.__getitem__)
            for side in _BOTH:
                self._side(side, self._without_unsaved(plan, side), side.other, lambda path: path)
        except OSError as error:
            raise InputError(f"a root cannot be changed: {os.strerror(error.errno or 0)}") from error

    def _without_unsaved(self, plan: Reconciliation, side: Where) -> MirrorPlan:
        """The plan of a side without what would take the name of a version that could not be copied aside."""
        failed = {problem.path for report in self.report.sides for problem in report.problems}
        names = {name for saves in plan.saves for name in saves if name in failed}
        held = {saves[name] for saves in plan.saves for name in saves if name in failed} | names
        if not held:
            return plan.plans[side]
        self.report.sides[side].problems.extend(Problem(path, _WITHHELD) for path in held - names)
        mine = plan.plans[side]
        return replace(
            mine,
            makes=tuple(step for step in mine.makes if step.path not in held),
            puts=tuple(step for step in mine.puts if step.path not in held),
        )

    def _side(self, side: Where, plan: MirrorPlan, source: Where, at: Callable[[TreePath], TreePath]) -> None:
        """Carry out one side's plan with content from ``source``, where ``at`` says under which path it is."""
        if plan.is_empty and not plan.closings:
            return
        from ..disk.apply import apply_plan

        folders = Folders(self._roots[source])

        def locate(path: TreePath) -> Tuple[int, bytes]:
            directory, name = split(at(path))
            return folders.at(directory), name

        try:
            items = self._checked(plan, locate)
            report: Report = self.report.sides[side]
            self._run(apply_plan(plan, items, self._roots[side], report, durable=self.spec.durable))
        finally:
            folders.forget()

    def _checked(self, plan: MirrorPlan, locate: Locate) -> Iterator[Item]:
        """The contents of a plan; each is what the decision was made on, and its digest is noted for the archive."""
        wanted = {step.path: step.wanted for step in plan.puts if isinstance(step, PutFile)}
        path = TreePath(b"")
        for item in Reader(locate).items(tuple(map(Want, wanted.values()))):
            if isinstance(item, (Small, Begin)):
                path = item.path
            if isinstance(item, (Small, End)):
                if wanted[path].digest not in (None, item.digest):
                    yield Trouble(path, _CHANGED) if isinstance(item, Small) else Broken(_CHANGED)
                    continue
                self._digests[path] = item.digest
            yield item

    def record(self, found: Comparison, plan: Reconciliation) -> None:
        """Write the archive, from what was applied; unless nothing is new."""
        if self._identities is None:
            return
        removed = [{change.path for change in side.changes if change.change == "remove"} for side in self.report.sides]
        failed: Set[TreePath] = {problem.path for side in self.report.sides for problem in side.problems}
        for side in _BOTH:
            steps = (*plan.plans[side].removals, *plan.plans[side].clearances)
            failed.update(step.path for step in steps if step.path not in removed[side])
        base = next_base(found, plan, failed, self._digests)
        if self._base is None or self._base.is_old or base != self._base.manifest:
            self.report.epoch += 1
            self._save(base)

    def _save(self, base: Manifest) -> None:
        from ..disk.stage import make_root

        try:
            folder = self._run(make_root(self._state, 0o700))
            try:
                identities = self._identities or (b"", b"")
                self._run(save(folder, identities, Archive(base, self.report.epoch), durable=self.spec.durable))
                self._run(remember(folder, self._paths_name(), identities))
            finally:
                os.close(folder)
        except OSError as error:
            raise InputError(
                f"the archive in {show(self._state)} cannot be written: {os.strerror(error.errno or 0)}; the trees are "
                "brought together, but the next run will not know it. Mend that and run again"
            ) from error

    def conclude(self, plan: Reconciliation) -> PairReport:
        """The report."""
        self.report.conflicts = plan.conflicts
        self.report.problems.extend(Problem(path, what) for path, what in plan.problems)
        self.report.finish()
        return self.report

    def lap(self, phase: str, since: float) -> float:
        """Note the seconds of a phase; the answer is now."""
        now = time.perf_counter()
        self.report.seconds[phase] = now - since
        return now

    def close(self) -> None:
        """Close both roots."""
        for root in self._roots:
            os.close(root)
        self._roots = []

    def _run(self, acts: "Acts") -> int:
        from ..disk.operations import run
        from ..disk.perform import perform

        answer: int = run(acts, self._carry_out or perform)
        return answer


def _refuse_overlap(left: bytes, right: bytes) -> None:
    one, two = os.path.realpath(left), os.path.realpath(right)
    if os.path.commonpath((one, two)) in (one, two):
        raise InputError(f"{show(left)} and {show(right)} lie within each other; name two separate trees")
