# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source side of a mirror: what is there, and its content when it is asked for."""

from __future__ import annotations

import os
from itertools import chain
from typing import Any, Callable, Dict, Iterator, List, Optional

from ..core.entries import Entry, Kind
from ..core.errors import InputError
from ..core.forced import with_modes
from ..core.manifest import Block, Manifest, pack_rows
from ..core.parcel import Item, Listing, Wants
from ..core.paths import TreePath, show
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.selection import Rules, selector
from ..disk.accounts import accounts_in
from ..disk.digests import outwait_grain
from ..disk.folders import Folders
from ..disk.many import Locate
from ..disk.read import Reader, hash_files, locate_in_tree, locate_single
from ..disk.root import kind_of_root, open_source, split_file
from ..disk.scan import Scan
from ..disk.sums import digest_of_pieces
from ..values import dataclass, field, replace
from .pump import packing


@dataclass(frozen=True)
class SourceSpec:
    """What is mirrored. ``mode_rule(kind, mode)`` forces modes; ``name`` is what a single file is listed as;
    ``preserve`` says what is listed beside content, permissions and time.
    """

    path: bytes
    rules: Rules = field(default_factory=Rules)
    checksum: bool = False
    mode_rule: Optional[Callable[[Kind, int], int]] = None
    name: bytes = b"-"
    preserve: Preserve = NOTHING_MORE


class Source:
    """The source side. Close it when the answer is sent."""

    def __init__(self, spec: SourceSpec) -> None:
        """Open the source.

        :raises InputError: when it is missing, unreadable, or neither a file nor a directory.
        """
        kind = kind_of_root(spec.path)
        if kind is None:
            raise InputError(f"src {show(spec.path)} does not exist; check the path and on which host it is")
        if kind == "other":
            raise InputError(f"src {show(spec.path)} is neither a file nor a directory")
        self.spec = spec
        self.is_tree = kind == "tree"
        self._descriptor, self._name = (open_source(spec.path), b"") if self.is_tree else split_file(spec.path)
        self._folders = Folders(self._descriptor)

    def offer(self) -> Listing:
        """The listing of what is there, with forced modes, and with digests for ``checksum``."""
        keeps = self.spec.preserve
        how: Dict[str, Any] = {"owner": keeps.owner, "group": keeps.group, "keeps": keeps}
        scan = Scan(selector=selector(self.spec.rules), mode_mask=0o777, **how)
        if self.is_tree:
            manifest = scan.tree(self._descriptor)
        else:
            manifest = scan.single(self._descriptor, self._name, self.spec.name)
        if self.spec.mode_rule:
            manifest = with_modes(manifest, self.spec.mode_rule)
        if self.spec.checksum:
            manifest = _with_digests(manifest, self._locate())
        return Listing(manifest, self.is_tree, tuple(scan.problems), accounts_in(manifest, keeps))

    def answer(self, wants: Wants, *, dry: bool = False) -> Iterator[Item]:
        """The parcel for ``wants``. A file that was written just now is read when its time stamp's grain has passed:
        then a later change has a later time, and size and time can speak for it in the next run.
        """
        outwait_grain([want.entry for want in wants])
        reader = Reader(self._locate(), dry=dry)
        return reader.items_in_tree(wants) if self.is_tree else reader.items(wants)

    def packed(self, wants: Wants, codec: str, *, dry: bool = False) -> Iterator[bytes]:
        """The parcel as a pack, in pieces."""
        return packing(self.answer(wants, dry=dry), codec)

    def answer_here(self, wants: Wants, *, dry: bool = False) -> Iterator[Item]:
        """The same for a target in this process: whole files are not read here, the target copies them."""
        outwait_grain([want.entry for want in wants])
        return Reader(self._locate(), digests=False, dry=dry).items_here(wants)

    def digests(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """The BLAKE3 of files of the source, for a target in the same process."""
        outwait_grain(entries)
        return hash_files(self._locate(), iter(entries))

    def close(self) -> None:
        """Close what is open."""
        self._folders.forget()
        os.close(self._descriptor)

    def _locate(self) -> Locate:
        return locate_in_tree(self._folders) if self.is_tree else locate_single(self._descriptor, self._name)


def tree_digest(listing: Listing) -> str:
    """The BLAKE3 of the source's listing, in hex: equal where the same tree was offered."""
    pieces = (part for block in listing.manifest.blocks for part in (block.directory, b"\0", *block.packed))
    links = (b"\0" + part for link in listing.manifest.links for part in link)
    return digest_of_pieces(chain(pieces, links)).hex()


def _with_digests(manifest: Manifest, locate: Locate) -> Manifest:
    blocks = []
    for block in manifest.blocks:
        entries = list(block.entries())
        files = [entry for _path, entry in entries if isinstance(entry, Entry) and entry.kind is Kind.FILE]
        digests = hash_files(locate, iter(files))
        names = block.packed.names.split(b"\0")
        digested = [
            (name, entry._replace(digest=digests.get(path)) if isinstance(entry, Entry) else entry)
            for name, (path, entry) in zip(names, entries)
        ]
        blocks.append(Block(block.directory, pack_rows(digested)))
    return replace(manifest, blocks=tuple(blocks), _index={})
