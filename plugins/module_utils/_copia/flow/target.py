# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target side of a mirror: what is to be done, and doing it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Tuple

from ..core.accounts import in_manifest
from ..core.brakes import Brake, Limit, explain, pulled_brakes
from ..core.entries import ABSENT, Entry, Kind, Problem
from ..core.errors import Braked, InputError, RemoteProtocolError
from ..core.forced import with_owner
from ..core.manifest import Manifest
from ..core.mirror_plan import has_same_names, hold_back_removals, plan_mirror, resolve_looks
from ..core.parcel import Differs, Item, Listing, Same, Small, Trouble, Want, Wants
from ..core.paths import TreePath, show
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.report import Report, TextChange, foresee, is_text
from ..core.selection import Rules, selector
from ..core.signature import block_size_for
from ..core.steps import MirrorPlan, PutFile, Reason
from ..disk.accounts import ids_here
from ..disk.ahead import Ahead
from ..disk.folders import Folders
from ..disk.many import Locate
from ..disk.read import hash_files, locate_in_tree, locate_single, read_small, sign_file
from ..disk.root import group_id, has_leftovers, kind_of_root, lock_root, open_source, user_id
from ..disk.scan import Scan, Selects, is_native
from ..values import dataclass, field, replace

if TYPE_CHECKING:
    from ..core.folding import Folding
    from ..disk.operations import Perform

DELTA_FROM = 64 * 1024
"""Files smaller than this travel whole: their signature and the search cost more than their bytes."""
TEXTS_MOST = 200
"""Content diffs of at most this many files."""
PATIENCE = 60.0
"""Seconds to wait for another run at the same destination."""

_Scanned = Tuple[Manifest, List[Problem]]
Digests = Callable[[List[Entry]], Dict[TreePath, bytes]]


@dataclass(frozen=True)
class TargetSpec:
    """Where it goes and how. ``text_limit`` is in bytes, 0 for no content diffs; ``patience`` in seconds; ``backup`` is
    where displaced versions go (``core/backup.py``).
    """

    path: bytes
    rules: Rules = field(default_factory=Rules)
    checksum: bool = False
    delete: bool = False
    limit: Limit = field(default_factory=lambda: Limit(50, True))
    force: bool = False
    owner: Optional[str] = None
    group: Optional[str] = None
    durable: bool = True
    check: bool = False
    text_limit: int = 0
    delta: bool = True
    patience: float = PATIENCE
    backup: bytes = b""
    preserve: Preserve = NOTHING_MORE

    @property
    def keeps(self) -> Preserve:
        """What of the source's entries is kept: what is forced is not."""
        return self.preserve.without(owner=self.owner is not None, group=self.group is not None)


@dataclass
class Considered:
    """What the target side makes of a listing. With ``wants`` it waits for a parcel; without, ``finish`` can go on."""

    plan: MirrorPlan
    wants: Wants
    report: Report = field(default_factory=Report)


class Target:
    """The target side. Close it when the report is out."""

    def __init__(
        self, spec: TargetSpec, *, is_tree: bool, report: Optional[Report] = None, carry_out: Optional[Perform] = None
    ) -> None:
        """Open the destination, as far as it exists. ``report`` is that of an earlier part of the run.

        :raises InputError: when a file stands where a tree is to be, or the other way round.
        """
        self.spec, self.is_tree, self._perform = spec, is_tree, carry_out
        self.root, self.name = (spec.path, b"") if is_tree else os.path.split(os.path.abspath(spec.path))
        found = kind_of_root(self.root)
        if found is None and os.path.lexists(self.root):
            raise InputError(f"dest {show(self.root)} is a link that leads nowhere; remove it or name another place")
        if found not in (None, "tree"):
            raise InputError(f"dest {show(self.root)} is not a directory; move it aside, or name another place")
        if not is_tree and kind_of_root(spec.path) == "tree" and not os.path.islink(spec.path):
            raise InputError(f"dest {show(spec.path)} is a directory and src is a file: name the file itself as dest")
        self._descriptor = None if found is None else open_source(self.root)
        if spec.backup:
            from .displaced import check_place

            check_place(spec.backup, self.root, spec.path, is_tree=is_tree)
        self._folders: Optional[Folders] = None
        self._report = report or Report()
        self._ahead: Optional[Ahead[_Scanned]] = None

    def scan_ahead(self) -> None:
        """Begin to scan, beside the source's scan: worth a thread where the C twin does it."""
        if is_native() and self._descriptor is not None:
            self._ahead = Ahead(self._scan)

    def consider(self, listing: Listing, digests_of: Optional[Digests] = None) -> Considered:
        """Scan, plan, and say what is wanted. ``digests_of`` asks the source where that costs no message.

        :raises Braked: when a brake is pulled and ``force`` is not set; nothing was touched.
        :raises InputError: when owner or group are no accounts here.
        """
        report = self._report
        spec = self.spec
        uid, gid = user_id(spec.owner), group_id(spec.group)
        wanted = in_manifest(listing.manifest, ids_here(listing.accounts))
        wanted = with_owner(wanted, uid, gid) if (uid, gid) != (None, None) else wanted
        clock = time.perf_counter()
        found, problems = self._ahead.result() if self._ahead else self._scan()
        clock = _lap(report, "scan", clock)
        plan, wanted, found = self._plan(wanted, found)
        plan = self._look(plan, digests_of)
        if wanted.links or found.links:
            from ..core.hard_links import with_links

            plan = with_links(plan, wanted, found)
        plan = self._brake(plan, listing)
        report.problems.extend((*listing.problems, *problems))
        _lap(report, "plan", clock)
        clock = time.perf_counter()
        wants = tuple(self._wants(plan))
        _lap(report, "sign", clock)
        return Considered(plan, wants, report)

    def finish(self, plan: MirrorPlan, items: Iterator[Item]) -> Report:
        """Carry out the plan with the contents in ``items``; in check mode, say what that would do.

        :raises InputError: when the file system as a whole refuses; nothing was replaced then.
        :raises Busy: when another run holds the destination.
        """
        clock = time.perf_counter()
        if self.spec.check:
            _rehearse(plan, items, self._report, self._before_text)
        else:
            try:
                self._carry_out(plan, items)
            except OSError as error:
                what = os.strerror(error.errno or 0)
                raise InputError(f"dest {show(self.spec.path)} cannot be changed: {what}") from error
        _lap(self._report, "apply", clock)
        return self._report

    def close(self) -> None:
        """Close what is open; this lets go of the lock."""
        if self._ahead is not None:
            self._ahead.wait()
        if self._folders is not None:
            self._folders.forget()
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _scan(self) -> _Scanned:
        if self._descriptor is None:
            return Manifest(ABSENT), []
        spec = self.spec
        owner, group = (forced is not None for forced in (spec.owner, spec.group))
        owner, group = owner or spec.preserve.owner, group or spec.preserve.group
        scan = Scan(selector=self._selector(), owner=owner, group=group, keeps=spec.preserve)
        manifest = scan.tree(self._descriptor) if self.is_tree else scan.single(self._descriptor, self.name, self.name)
        return manifest, scan.problems

    def _selector(self) -> Optional[Selects]:
        if not self.spec.backup:
            return selector(self.spec.rules)
        from ..core.backup import sparing

        return sparing(self.spec.backup, selector(self.spec.rules))

    def _plan(self, wanted: Manifest, found: Manifest) -> Tuple[MirrorPlan, Manifest, Manifest]:
        """The plan, in which names that are one name here are left alone, and the two trees that it is about."""
        if self.is_tree and self.spec.backup:
            from ..core.backup import below_root, without

            wanted = without(wanted, below_root(self.spec.backup))
        collided: Tuple[Tuple[TreePath, str], ...] = ()
        if not has_same_names(wanted, found):
            from ..core.folding import in_words, left_alone
            from .spelling import spelled_like

            alike = spelled_like(wanted, found, self._folding)
            wanted, found = (left_alone(manifest, alike.collisions) for manifest in (wanted, alike.spelled))
            collided = tuple(in_words(collision, "the destination") for collision in alike.collisions)
        plan = plan_mirror(wanted, found, delete=self.spec.delete and self.is_tree, checksum=self.spec.checksum)
        return replace(plan, problems=(*plan.problems, *collided)) if collided else plan, wanted, found

    def _folding(self) -> Folding:
        """Which names the file system takes for one. To find out, a missing destination is made now."""
        from ..disk.operations import run
        from ..disk.perform import perform
        from ..disk.probe import probe_folding, seen_folding
        from ..disk.stage import make_root

        if self.spec.check:
            return Folding.NONE if self._descriptor is None else seen_folding(self._descriptor)
        do = self._perform or perform
        try:
            if self._descriptor is None:
                self._descriptor = run(make_root(self.root), do)
            lock_root(self._descriptor, self.root, patience=self.spec.patience)
            found: Folding = run(probe_folding(self._descriptor), do)
        except OSError as error:
            what = os.strerror(error.errno or 0)
            raise InputError(f"dest {show(self.spec.path)} cannot be changed: {what}") from error
        return found

    def _look(self, plan: MirrorPlan, digests_of: Optional[Digests]) -> MirrorPlan:
        """Hash our own version of the files that have the same size and nothing else to go by."""
        looks = [step for step in plan.puts if step.reason is Reason.LOOK]
        if not looks:
            return plan
        found = [step.expected for step in looks if isinstance(step.expected, Entry)]
        theirs = digests_of([step.wanted for step in looks if step.wanted.digest is None]) if digests_of else {}
        return resolve_looks(plan, hash_files(self._locate(), iter(found)), theirs)

    def _brake(self, plan: MirrorPlan, listing: Listing) -> MirrorPlan:
        pulled = () if self.spec.force else pulled_brakes(plan, listing.has_unknown, self.spec.limit)
        for brake in pulled:
            if brake is not Brake.SOURCE_UNKNOWN:
                raise Braked(f"{brake.value}: {explain(brake, plan, self.spec.limit)}")
        if pulled:
            self._report.brakes.append(Brake.SOURCE_UNKNOWN.value)
            self._report.notes.append(explain(Brake.SOURCE_UNKNOWN, plan, self.spec.limit))
            return hold_back_removals(plan)
        return plan

    def _wants(self, plan: MirrorPlan) -> Iterator[Want]:
        """In check mode only what the report depends on: content that may be the same, and texts for the diff."""
        texts = TEXTS_MOST if self.spec.text_limit else 0
        for step in plan.puts:
            if not isinstance(step, PutFile):
                continue
            with_text = texts > 0 and self._may_show_text(step)
            texts -= with_text
            want = self._want(step, with_text)
            if not self.spec.check or want.digest or with_text:
                yield want

    def _want(self, step: PutFile, with_text: bool) -> Want:
        basis = step.expected
        if not isinstance(basis, Entry) or basis.kind is not Kind.FILE:
            return Want(step.wanted, with_text=with_text)
        digest = basis.digest if step.reason is Reason.LOOK and basis.digest else b""
        signature = None
        if self.spec.delta and not self.spec.check and min(basis.size, step.wanted.size) >= DELTA_FROM:
            signature = sign_file(self._locate(), basis, block_size_for(basis.size))
        return Want(step.wanted, digest, signature, with_text)

    def _may_show_text(self, step: PutFile) -> bool:
        before = step.expected
        return step.wanted.size <= self.spec.text_limit and (
            not isinstance(before, Entry) or (before.kind is Kind.FILE and before.size <= self.spec.text_limit)
        )

    def _before_text(self, step: PutFile) -> Optional[bytes]:
        return read_small(self._locate(), step.expected) if isinstance(step.expected, Entry) else b""

    def _carry_out(self, plan: MirrorPlan, items: Iterator[Item]) -> None:
        if plan.is_empty and (self._descriptor is None or not has_leftovers(self._descriptor)):
            self._report.begin(plan)
            self._report.finish()
            return
        # an unchanged tree never gets here, and a module's imports are compiled anew on every host: hence so late
        from ..disk.apply import apply_plan
        from ..disk.operations import run
        from ..disk.perform import perform
        from ..disk.stage import make_root, sweep

        do = self._perform or perform
        if self._descriptor is None:
            self._descriptor = run(make_root(self.root), do)
        lock_root(self._descriptor, self.root, patience=self.spec.patience)
        if has_leftovers(self._descriptor):
            run(sweep(self._descriptor), do)
        spec = self.spec
        how: Dict[str, Any] = {
            "durable": spec.durable,
            "text_limit": spec.text_limit,
            "keeps": spec.keeps,
            "backup": spec.backup,
        }
        run(apply_plan(plan, items, self._descriptor, self._report, **how), do)

    def _locate(self) -> Locate:
        if self._descriptor is None:
            raise InputError(f"dest {show(self.root)} vanished during the run; run again")
        if not self.is_tree:
            return locate_single(self._descriptor, self.name)
        if self._folders is None:
            self._folders = Folders(self._descriptor)
        return locate_in_tree(self._folders)


def _rehearse(
    plan: MirrorPlan, items: Iterator[Item], report: Report, before_text: Callable[[PutFile], Optional[bytes]]
) -> None:
    """What ``finish`` would report, from a parcel without contents."""
    puts = {step.path: step for step in plan.puts if isinstance(step, PutFile)}
    same: List[TreePath] = []
    failed: List[TreePath] = []
    for item in items:
        if not isinstance(item, (Small, Same, Differs, Trouble)) or item.path not in puts:
            raise RemoteProtocolError("a parcel is not the answer to what was asked")
        if isinstance(item, Same):
            same.append(item.path)
        elif isinstance(item, Trouble):
            failed.append(item.path)
            report.failed(item.path, item.what)
        elif isinstance(item, Small):
            before = before_text(puts[item.path])
            if before is not None and is_text(before) and is_text(item.data):
                report.texts.append(TextChange(item.path, before, item.data))
    kept = tuple(step for step in plan.puts if step.path not in set(failed))
    foresee(replace(plan, puts=kept), report, frozenset(same))
    report.finish()


def _lap(report: Report, phase: str, since: float) -> float:
    now = time.perf_counter()
    report.seconds[phase] = report.seconds.get(phase, 0.0) + now - since
    return now
