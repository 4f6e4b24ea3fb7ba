# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A side of a two-way sync on this host."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from ..core.backup import sparing
from ..core.entries import Entry
from ..core.errors import Busy, InputError
from ..core.folding import Folding
from ..core.parcel import Item, Want, Wants
from ..core.paths import TreePath, show, split
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.report import Report
from ..core.selection import Rules, selector
from ..core.signature import Signature, block_size_for
from ..core.steps import MirrorPlan
from ..disk.digests import digests_of, outwait_grain
from ..disk.folders import Folders
from ..disk.read import Reader, locate_in_tree, sign_file
from ..disk.root import has_leftovers, kind_of_root, lock_root, open_source
from ..disk.scan import Scan, is_native
from ..disk.state import identity_of
from .contents import checked, wants_of
from .displaced import check_place
from .look import Look
from .sides import Folds, HandsOver, Places, Scanned

if TYPE_CHECKING:
    from ..disk.operations import Acts, Perform

_KEY = struct.Struct(">QQ")
SIGNED_FROM = 64 * 1024
"""Files smaller than this travel whole: their signature and the search cost more than their bytes."""


class LocalSide(Folds, HandsOver):
    """The tree at ``path``. ``patience`` is in seconds; ``durable`` flushes what is changed; ``preserve`` says what is
    listed and kept beside content, permissions and times; ``backup`` is where displaced versions go.
    """

    is_far = False

    def __init__(
        self,
        path: bytes,
        *,
        durable: bool = True,
        patience: float = 60.0,
        preserve: Preserve = NOTHING_MORE,
        backup: bytes = b"",
        carry_out: "Optional[Perform]" = None,
    ) -> None:
        self._path, self._durable, self._patience, self._carry_out = path, durable, patience, carry_out
        self._keeps, self._backup = preserve, backup
        self._root = -1
        self._look: Optional[Look] = None

    @property
    def name(self) -> str:
        """The path that the user gave."""
        return show(self._path)

    @property
    def place(self) -> bytes:
        """The real path."""
        return os.path.realpath(self._path)

    @property
    def lock_key(self) -> bytes:
        """Device and inode."""
        found = os.fstat(self._root)
        return _KEY.pack(found.st_dev, found.st_ino)

    def kind(self) -> Optional[str]:
        """What stands at the path."""
        return kind_of_root(self._path)

    def make(self) -> None:
        """Make the root, with its missing parents."""
        from ..disk.stage import make_root

        os.close(self._run(make_root(self._path)))

    def look_ahead(self, rules: Rules, *, digests: bool) -> None:
        """Begin to look at the tree while the other side is on its way, with ``digests`` also into each file: ``scan``
        and ``digests_of`` then have less to do. Nothing where the root is not there, or another run holds it: that is
        for the run itself to find out.
        """
        try:
            if self.kind() != "tree":
                return
            self._root = open_source(self._path)
            lock_root(self._root, self._path, patience=0)
            self._look = Look(self._root, self._scan(rules), digests=digests)
        except (InputError, Busy, OSError):
            self.close()

    def open(self) -> None:
        """Open the root."""
        if self._root < 0:
            self._root = open_source(self._path)
        if self._backup:
            check_place(self._backup, self._path, self._path)

    def lock(self) -> None:
        """Hold the root until the side is closed."""
        lock_root(self._root, self._path, patience=self._patience)

    def identity(self) -> Optional[bytes]:
        """Who the root is."""
        return identity_of(self._root)

    def sweep(self) -> bool:
        """Remove what a killed run left; whether edits are left that only their user can take out."""
        if has_leftovers(self._root):
            from ..disk.stage import sweep

            self._run(sweep(self._root))
        return has_leftovers(self._root)

    def scan(self, rules: Rules) -> Scanned:
        """The tree, without what the rules leave out."""
        found = self._look.take() if self._look is not None else None
        if found is not None:
            return found
        scan = self._scan(rules)
        if not is_native():
            return Scanned(scan.blocks(self._root), scan.seen, scan.top(self._root))
        self._stop_looking()
        self._look = Look(self._root, scan, digests=False)
        return self.scan(rules)

    def _scan(self, rules: Rules) -> Scan:
        seen, keeps = sparing(self._backup, selector(rules)), self._keeps
        return Scan(selector=seen, mode_mask=0o777, owner=keeps.owner, group=keeps.group, keeps=keeps)

    def folding(self, *, may_write: bool) -> Folding:
        """Which names the file system takes for one."""
        from ..disk.probe import probe_folding, seen_folding

        if not may_write:
            return seen_folding(self._root)
        found: Folding = self._run(probe_folding(self._root))
        return found

    def digests_of(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """The BLAKE3 of files and of the texts of links."""
        known = {} if self._look is None else self._look.digests_of(entries)
        left = [entry for entry in entries if entry.path not in known] if known else entries
        outwait_grain(left)
        return {**known, **digests_of(self._root, left)}

    def signatures_of(self, entries: List[Entry]) -> Dict[TreePath, Signature]:
        """Signatures of the files of at least ``SIGNED_FROM`` bytes."""
        folders = Folders(self._root)
        try:
            found = (
                (entry.path, sign_file(locate_in_tree(folders), entry, block_size_for(entry.size)))
                for entry in entries
                if entry.size >= SIGNED_FROM
            )
            return {path: signature for path, signature in found if signature is not None}
        finally:
            folders.forget()

    def read(self, wants: Wants, at: Places) -> Iterator[Item]:
        """The parcel that answers ``wants``, in their order."""
        outwait_grain(want.entry for want in wants)
        folders = Folders(self._root)

        def locate(path: TreePath) -> Tuple[int, bytes]:
            directory, name = split(at.get(path, path))
            return folders.at(directory), name

        try:
            reader = Reader(locate)
            yield from reader.items(wants) if at else reader.items_in_tree(wants)
        finally:
            folders.forget()

    def hand_over(self, files: List[Entry]) -> Optional[Iterator[Item]]:
        """What gives whole ``files`` to a target on this host, where the C twin copies."""
        return self._handed_over(files) if is_native() else None

    def _handed_over(self, files: List[Entry]) -> Iterator[Item]:
        outwait_grain(files)
        folders = Folders(self._root)
        try:
            yield from Reader(locate_in_tree(folders), digests=False).items_here(map(Want, files))
        finally:
            folders.forget()

    def copy_aside(self, plan: MirrorPlan, at: Places) -> Report:
        """Carry out a plan whose content is on this very side."""
        return self.apply(plan, checked(plan, self.read(wants_of(plan, {}), at), {}))

    def apply(self, plan: MirrorPlan, items: Iterator[Item]) -> Report:
        """Carry out a plan with the contents in ``items``; what was done."""
        from ..disk.apply import apply_plan

        report = Report()
        try:
            how: Dict[str, Any] = {"durable": self._durable, "keeps": self._keeps, "backup": self._backup}
            self._run(apply_plan(plan, items, self._root, report, **how))
        except OSError as error:
            raise InputError(f"{self.name} cannot be changed: {os.strerror(error.errno or 0)}") from error
        return report

    def close(self) -> None:
        """Let go of the lock and close the root."""
        self._stop_looking()
        if self._root >= 0:
            os.close(self._root)
        self._root = -1

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.stop()
        self._look = None

    def _run(self, acts: "Acts") -> Any:
        from ..disk.operations import run
        from ..disk.perform import perform

        return run(acts, self._carry_out or perform)
