# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree on disk as a manifest.

Rules
1. Three answers: only ENOENT and ENOTDIR mean absent; every other error makes an entry unknown and a problem.
2. Links are read, never followed; the walk goes by descriptor, parents before children, names sorted as bytes.
3. What the selection excludes is not seen at all; its directory is noted as sheltering it.
4. ``.copia`` at the top is ours and is not seen.
5. Permission bits beyond 0777 are kept only where the caller says so (``mode_mask``).

A directory is listed, looked at and packed by ``scan_directory`` of the C twin where that is installed, else by the
loop here; what is excluded, and what a problem means, is said here for both.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from itertools import compress
from typing import Dict, FrozenSet, Iterator, List, Optional, Protocol, Tuple

from ..core import twin
from ..core.entries import ABSENT, NOT_RECORDED, Entry, Kind, Presence, Problem, Unknown
from ..core.extras import pack_extras
from ..core.manifest import ROW, UNLISTED, Block, Manifest, Rows
from ..core.paths import ROOT, TreePath, is_reserved, join
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.seen import Seen
from ..values import dataclass, field
from .folders import DIRECTORY

_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.LINK}
_GONE = (errno.ENOENT, errno.ENOTDIR)
_UNKNOWN_ROW = ROW.pack(0, UNLISTED, 0, 0, 0, 0, 0)
_TROUBLE = struct.Struct("<Ii")
"""From the C twin: the index of a row that nobody could look at, and why (errno)."""


def is_native() -> bool:
    """Whether the C twin scans: then two scans at once take little more time than one."""
    return twin.native is not None


class Selects(Protocol):
    """What may leave entries out of a scan."""

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path`` is not to be seen; asked for a directory before its content."""


@dataclass
class Scan:
    """How to look, and what was found. ``owner`` and ``group`` say whether those ids are recorded, ``keeps`` which
    extended attributes are.
    """

    selector: Optional[Selects] = None
    mode_mask: int = 0o7777
    owner: bool = False
    group: bool = False
    keeps: Preserve = NOTHING_MORE
    seen: Seen = field(default_factory=Seen)
    _blocks: List[Block] = field(default_factory=list)
    _firsts: Dict[Tuple[int, int], TreePath] = field(default_factory=dict)

    def tree(self, root: int) -> Manifest:
        """The manifest of the tree at descriptor ``root``."""
        blocks = tuple(self.blocks(root))
        return self.seen.manifest(blocks, self.top(root))

    def top(self, root: int) -> Presence:
        """The directory at descriptor ``root`` itself."""
        top = self.entry(ROOT, os.fstat(root))
        if not self.keeps.has_extras:
            return top
        from .extras import attributes_at

        try:
            return top._replace(extras=pack_extras(attributes_at(root, b"", self.keeps)))
        except OSError as error:
            self._not_read(ROOT, b"", error.errno or 0)
            return Unknown("its attributes could not be read")

    def blocks(self, root: int) -> Iterator[Block]:
        """The same, block by block; nothing of the tree is kept."""
        for _done in self._walk(root):
            yield from self._blocks
            self._blocks.clear()

    @property
    def problems(self) -> List[Problem]:
        """What could not be looked at."""
        return self.seen.problems

    @property
    def unlisted(self) -> FrozenSet[TreePath]:
        """The directories that could not be listed."""
        return frozenset(self.seen.unlisted)

    def _walk(self, root: int) -> Iterator[None]:
        """One directory after the other."""
        waiting: List[Tuple[TreePath, int, bytes]] = self._directory(ROOT, os.dup(root))
        try:
            yield
            while waiting:
                path, parent, name = waiting.pop()
                if not name:
                    os.close(parent)
                    continue
                try:
                    descriptor = os.open(name, DIRECTORY, dir_fd=parent)
                except OSError as error:
                    self._not_listed(path, error)
                    continue
                waiting.extend(self._directory(path, descriptor))
                yield
        finally:
            for _path, left, name in waiting:
                if not name:
                    os.close(left)

    def single(self, parent: int, name: bytes, listed_as: bytes) -> Manifest:
        """The manifest of one file (or link) in the directory at ``parent``; its name in it is ``listed_as``."""
        blocks = self._pack(ROOT, parent, [name], [listed_as])[0]
        if self.keeps.has_extras:
            blocks = self._with_extras(blocks, parent, [name])
        return Manifest(ABSENT, (blocks,) if blocks.packed.rows else ())

    def entry(self, path: TreePath, found: os.stat_result) -> Entry:
        """The entry that ``found`` describes; a link's text is not in it."""
        kind, mode, uid, gid, size, mtime_ns = self._fields(found)
        return Entry(path, kind, size, mtime_ns, mode, uid=uid, gid=gid)

    def _fields(self, found: os.stat_result) -> Tuple[Kind, int, int, int, int, int]:
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), Kind.SPECIAL)
        return (
            kind,
            0o777 if kind is Kind.LINK else found.st_mode & self.mode_mask,
            found.st_uid if self.owner else NOT_RECORDED,
            found.st_gid if self.group else NOT_RECORDED,
            found.st_size if kind is Kind.FILE else 0,
            found.st_mtime_ns,
        )

    def _directory(self, path: TreePath, descriptor: int) -> List[Tuple[TreePath, int, bytes]]:
        """Take in one directory; its subdirectories, last one first, above a mark that closes its descriptor."""
        mark = (path, descriptor, b"")
        try:
            block, below = self._packed(path, descriptor) if twin.native else self._listed(path, descriptor)
        except OSError as error:
            self._not_listed(path, error)
            return [mark]
        if block.packed.rows:
            if self.keeps.has_extras:
                block = self._with_extras(block, descriptor, block.packed.names.split(b"\0"))
            if self.keeps.hard_links:
                self._note_links(block, descriptor)
            self._blocks.append(block)
        return [mark, *((join(path, name), descriptor, name) for name in reversed(below))]

    def _with_extras(self, block: Block, descriptor: int, names: List[bytes]) -> Block:
        from .extras import with_extras

        return with_extras(block, descriptor, names, self.keeps, self._not_read)

    def _note_links(self, block: Block, descriptor: int) -> None:
        """Note which files of a directory are one with one that was seen before."""
        names, kinds = block.packed.names.split(b"\0"), block.packed.rows[:: ROW.size]
        for name in compress(names, (kind == Kind.FILE for kind in kinds)):
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:
                continue
            if found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
                path = join(block.directory, name)
                first = self._firsts.setdefault((found.st_dev, found.st_ino), path)
                self.seen.links.extend([] if first == path else [(path, first)])

    def _packed(self, path: TreePath, descriptor: int) -> Tuple[Block, List[bytes]]:
        """The block of one directory, and the names of its subdirectories, from the C twin."""
        how = (self.mode_mask, self.owner, self.group, not path)
        joined, rows, targets, troubles = twin.native.scan_directory(descriptor, *how)
        packed = Rows(joined, rows, targets, b"")
        if troubles:
            names = joined.split(b"\0")
            for index, number in _TROUBLE.iter_unpack(troubles):
                self._not_read(path, names[index], number)
        if self.selector is not None and packed.rows:
            packed = self._selected(path, packed)
        kinds = packed.rows[:: ROW.size]
        below: List[bytes] = []
        if Kind.DIRECTORY in kinds:
            below = [name for name, kind in zip(packed.names.split(b"\0"), kinds) if kind == Kind.DIRECTORY]
        return Block(path, packed), below

    def _selected(self, path: TreePath, packed: Rows) -> Rows:
        """What the selection leaves of one directory; an entry of no known kind is not asked for."""
        names, kinds, size = packed.names.split(b"\0"), packed.rows[:: ROW.size], ROW.size
        stays = [not kind or not self._is_excluded(path, name, Kind(kind)) for name, kind in zip(names, kinds)]
        if all(stays):
            return packed
        rows = b"".join(packed.rows[at * size : (at + 1) * size] for at, stay in enumerate(stays) if stay)
        links = [stay for stay, kind in zip(stays, kinds) if kind == Kind.LINK]
        targets = compress(packed.targets.split(b"\0"), links) if links else ()
        return Rows(b"\0".join(compress(names, stays)), rows, b"\0".join(targets), b"")

    def _listed(self, path: TreePath, descriptor: int) -> Tuple[Block, List[bytes]]:
        """The same in Python."""
        names = sorted(map(os.fsencode, os.listdir(descriptor)))
        if not path:
            names = [name for name in names if not is_reserved(name)]
        return self._pack(path, descriptor, names, names)

    def _pack(
        self, path: TreePath, descriptor: int, names: List[bytes], listed_as: List[bytes]
    ) -> Tuple[Block, List[bytes]]:
        """The block of one directory, and the names of its subdirectories. The loop that a scan's time is spent in:
        regular files of a tree without rules pass straight through.
        """
        kept: List[bytes] = []
        rows: List[bytes] = []
        targets: List[bytes] = []
        below: List[bytes] = []
        look_at, pack, mask = os.stat, ROW.pack, self.mode_mask
        regular, file_kind = stat.S_IFREG, int(Kind.FILE)
        plain = self.selector is None and not self.owner and not self.group
        for name, shown in zip(names, listed_as):
            try:
                found = look_at(name, dir_fd=descriptor, follow_symlinks=False)
                mode = found.st_mode
                if plain and mode & 0o170000 == regular:
                    size, mtime_ns = found.st_size, found.st_mtime_ns
                    rows.append(pack(file_kind, 0, mode & mask, NOT_RECORDED, NOT_RECORDED, size, mtime_ns))
                    kept.append(shown)
                    continue
                kind, mode, uid, gid, size, mtime_ns = self._fields(found)
                if self.selector is not None and self._is_excluded(path, shown, kind):
                    continue
                if kind is Kind.LINK:
                    targets.append(os.readlink(name, dir_fd=descriptor))
            except OSError as error:
                if error.errno in _GONE:
                    continue
                self._not_read(path, shown, error.errno or 0)
                row = _UNKNOWN_ROW
            else:
                row = pack(kind, 0, mode, uid, gid, size, mtime_ns)
                if kind is Kind.DIRECTORY:
                    below.append(name)
            kept.append(shown)
            rows.append(row)
        return Block(path, Rows(b"\0".join(kept), b"".join(rows), b"\0".join(targets), b"")), below

    def _is_excluded(self, directory: TreePath, name: bytes, kind: Kind) -> bool:
        if self.selector is None or not self.selector.excludes(join(directory, name), kind is Kind.DIRECTORY):
            return False
        if self.seen.sheltering[-1:] != [directory]:
            self.seen.sheltering.append(directory)
        return True

    def _not_read(self, directory: TreePath, name: bytes, number: int) -> None:
        self.problems.append(Problem(join(directory, name), f"cannot be read: {os.strerror(number)}"))

    def _not_listed(self, path: TreePath, error: OSError) -> None:
        if error.errno in _GONE:
            return
        self.seen.unlisted.append(path)
        self.problems.append(Problem(path, f"cannot be listed: {os.strerror(error.errno or 0)}"))


def matches(found: Presence, expected: Presence) -> bool:
    """Whether what stands there is what was expected: kind, and for files size and time, for links the text."""
    if not isinstance(found, Entry) or not isinstance(expected, Entry):
        return found == expected
    if found.kind is not expected.kind:
        return False
    if found.kind is Kind.FILE:
        return (found.size, found.mtime_ns) == (expected.size, expected.mtime_ns)
    return found.kind is not Kind.LINK or found.target == expected.target


def look(parent: int, name: bytes, path: TreePath) -> Presence:
    """What stands at ``name`` now.

    :raises OSError: when that can't be said.
    """
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        entry = Scan().entry(path, found)
        return entry._replace(target=os.readlink(name, dir_fd=parent)) if entry.kind is Kind.LINK else entry
    except OSError as error:
        if error.errno in _GONE:
            return ABSENT
        raise
