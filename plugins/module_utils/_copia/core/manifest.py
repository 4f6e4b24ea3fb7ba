# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as a value: one packed block per directory.

Rules
1. A block holds the sorted names of one directory, NUL-separated, and one 28-byte row for each
   (``docs/formats/listing.md``). Link texts and digests stand beside them, in row order.
2. Two trees are compared block by block as bytes; ``Entry`` values are built only where they differ.
3. Blocks are sorted by ``path_key``: a directory's block comes before those of its subdirectories.
4. An entry that could not be looked at has kind 0; a directory that could not be listed has the flag ``UNLISTED``.
5. ``sheltering`` names the directories that hold excluded entries: those are invisible here, but a directory that
   shelters one cannot be removed.

What this file does not know: disks, wires, and which of two trees is right.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..values import dataclass, field
from .entries import ABSENT, NOT_RECORDED, Entry, Kind, Presence, Unknown
from .errors import RemoteProtocolError
from .extras import cut_extras, join_extras, unpack_extras
from .paths import (
    TreePath,
    check_names,
    checked_links,
    is_reserved,
    join,
    parse_path,
    parse_paths,
    path_key,
)

ROW = struct.Struct("<BBHIIQq")
"""kind, flags, mode, uid, gid, size, mtime_ns."""

_PLAIN = struct.Struct(f"{ROW.size}s")
_SIZE_AT = 12
UNLISTED, HAS_EXTRAS = 1, 2
DIGEST_SIZE = 32
_KINDS = (None, Kind.FILE, Kind.DIRECTORY, Kind.LINK, Kind.SPECIAL)


class Rows(NamedTuple):
    """A packed sequence of presences: names, rows, link texts, digests of the files (all of them or none), and the
    extended attributes of those rows that say that they have some, each after its length.
    """

    names: bytes
    rows: bytes
    targets: bytes
    digests: bytes
    extras: bytes = b""


class Block(NamedTuple):
    """The entries of one directory."""

    directory: TreePath
    packed: Rows

    def entries(self) -> Iterator[Tuple[TreePath, Presence]]:
        """``(path, presence)`` in name order."""
        prefix = self.directory + b"/" if self.directory else b""
        return unpack_rows(self.packed, prefix)

    def directories(self) -> List[TreePath]:
        """The paths of the directories among them."""
        kinds = self.packed.rows[:: ROW.size]
        names = self.packed.names.split(b"\0") if Kind.DIRECTORY in kinds else []
        return [join(self.directory, name) for name, kind in zip(names, kinds) if kind == Kind.DIRECTORY]

    def find(self, name: bytes) -> Presence:
        """What it has under a name."""
        names = self.packed.names.split(b"\0")
        at = bisect_left(names, name)
        if at == len(names) or names[at] != name or not self.packed.rows:
            return ABSENT
        return next(what for _path, what in self.only([at]).entries())

    def only(self, places: Sequence[int]) -> "Block":
        """The block of those of its entries that stand at ``places``, which are sorted."""
        packed, kinds = self.packed, self.packed.rows[:: ROW.size]
        names, targets = packed.names.split(b"\0"), packed.targets.split(b"\0")
        links = [kinds.count(Kind.LINK, 0, at) for at in places if kinds[at] == Kind.LINK]
        files = [kinds.count(Kind.FILE, 0, at) for at in places if kinds[at] == Kind.FILE and packed.digests]
        rows = Rows(
            b"\0".join(names[at] for at in places),
            b"".join(packed.rows[at * ROW.size : (at + 1) * ROW.size] for at in places),
            b"\0".join(targets[number] for number in links),
            b"".join(packed.digests[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE] for number in files),
            _some_extras(packed, places) if packed.extras else b"",
        )
        return Block(self.directory, rows)


@dataclass(frozen=True)
class Manifest:
    """A tree. ``root`` is the root directory itself, or absent. ``links`` are pairs: the path of a file that is one
    with an earlier one (a hard link), and the first path of that, where somebody asked.
    """

    root: Presence
    blocks: Tuple[Block, ...] = ()
    sheltering: FrozenSet[TreePath] = frozenset()
    unlisted: FrozenSet[TreePath] = frozenset()
    links: Tuple[Tuple[TreePath, TreePath], ...] = ()
    _index: Dict[bytes, Block] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._index.update((block.directory, block) for block in self.blocks)

    def block(self, directory: bytes) -> Optional[Block]:
        """The block of ``directory``; ``None`` where it has none (absent, empty or not listed)."""
        return self._index.get(directory)

    def __iter__(self) -> Iterator[Tuple[TreePath, Presence]]:
        for block in self.blocks:
            yield from block.entries()

    def count_files(self) -> int:
        """How many entries are no directories."""
        kinds = (block.packed.rows[:: ROW.size] for block in self.blocks)
        return sum(len(found) - found.count(Kind.DIRECTORY) for found in kinds)

    def __len__(self) -> int:
        return sum(len(block.packed.rows) for block in self.blocks) // ROW.size


def pack_rows(presences: Sequence[Tuple[bytes, Presence]]) -> Rows:
    """Pack ``(name, presence)`` pairs. Digests are kept only when every file has one."""
    rows: List[bytes] = []
    targets: List[bytes] = []
    digests: List[Optional[bytes]] = []
    extras: List[bytes] = []
    for _name, what in presences:
        if isinstance(what, Entry):
            flags = HAS_EXTRAS if what.extras else 0
            rows.append(ROW.pack(what.kind, flags, what.mode, what.uid, what.gid, what.size, what.mtime_ns))
            if flags:
                extras.append(what.extras)
            if what.kind is Kind.LINK:
                targets.append(what.target)
            elif what.kind is Kind.FILE:
                digests.append(what.digest)
        else:
            rows.append(ROW.pack(0, 0 if what is ABSENT else UNLISTED, 0, 0, 0, 0, 0))
    known = [digest for digest in digests if digest is not None]
    return Rows(
        b"\0".join(name for name, _what in presences),
        b"".join(rows),
        b"\0".join(targets),
        b"".join(known) if len(known) == len(digests) else b"",
        join_extras(extras),
    )


def unpack_rows(packed: Rows, prefix: bytes = b"") -> Iterator[Tuple[TreePath, Presence]]:
    """The inverse of ``pack_rows``; every name gets ``prefix`` in front."""
    if not packed.rows:
        return
    targets = packed.targets.split(b"\0")[::-1]
    digests = packed.digests
    extras = list(cut_extras(packed.extras))[::-1]
    at = 0
    known: Dict[int, int] = {NOT_RECORDED: NOT_RECORDED}
    once = known.setdefault  # most modes and owners are the same number, and an int takes 32 bytes
    for name, row in zip(packed.names.split(b"\0"), ROW.iter_unpack(packed.rows)):
        number, flags, mode, uid, gid, size, mtime_ns = row
        path = TreePath(prefix + name)
        kind = _KINDS[number]
        if kind is None:
            yield path, (Unknown("could not be read") if flags & UNLISTED else ABSENT)
            continue
        digest, target = None, b""
        if kind is Kind.LINK:
            target = targets.pop()
        elif kind is Kind.FILE and digests:
            digest = digests[at : at + DIGEST_SIZE]
            at += DIGEST_SIZE
        more = extras.pop() if flags & HAS_EXTRAS else b""
        mode, uid, gid = once(mode, mode), once(uid, uid), once(gid, gid)
        yield path, Entry(path, kind, size, mtime_ns, mode, digest, target, uid, gid, more)


def _some_extras(packed: Rows, places: Sequence[int]) -> bytes:
    """The column of extended attributes for the rows at ``places``."""
    having = [at for at, flags in enumerate(packed.rows[1 :: ROW.size]) if flags & HAS_EXTRAS]
    found = dict(zip(having, cut_extras(packed.extras)))
    return join_extras(found[at] for at in places if at in found)


def row_of_file(entry: Entry) -> bytes:
    """The packed row of one file."""
    return ROW.pack(Kind.FILE, 0, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime_ns)


def pack_plain(kind: int, mode: int, size: int, mtime_ns: int) -> bytes:
    """The packed row of something of which neither owner nor extended attributes are recorded."""
    return ROW.pack(kind, 0, mode, NOT_RECORDED, NOT_RECORDED, size, mtime_ns)


def content_size(rows: bytes) -> int:
    """The sum of the sizes in packed rows, in bytes; added up by columns, since every run of every tree asks for it."""
    columns = [rows[_SIZE_AT + place :: ROW.size] for place in range(8)]
    return sum(sum(column) << 8 * place for place, column in enumerate(columns) if column.strip(b"\0"))


def parse_rows(packed: Rows) -> List[Tuple[TreePath, Presence]]:
    """``unpack_rows`` for rows that came from outside and are named by whole paths.

    :raises RemoteProtocolError: when the rows or a path break a rule.
    """
    check_rows(packed)
    if packed.rows:
        parse_paths(packed.names.split(b"\0"))
    return list(unpack_rows(packed))


def check_rows(packed: Rows) -> None:
    """Check packed rows that came from outside: lengths agree and every kind is known.

    :raises RemoteProtocolError: when not.
    """
    count, rest = divmod(len(packed.rows), ROW.size)
    if rest:
        raise RemoteProtocolError("a listing ends within a row")
    kinds = packed.rows[:: ROW.size]
    if kinds and max(kinds) > Kind.SPECIAL:
        raise RemoteProtocolError("a listing holds an entry of an unknown kind")
    _check_count(packed.names, count, "names")
    _check_count(packed.targets, kinds.count(Kind.LINK), "link texts")
    if packed.digests and len(packed.digests) != kinds.count(Kind.FILE) * DIGEST_SIZE:
        raise RemoteProtocolError("a listing's files and digests do not agree in number")
    flags = packed.rows[1 :: ROW.size]
    if packed.extras or (flags and max(flags) >= HAS_EXTRAS):
        _check_extras(packed.extras, kinds, flags)


def _check_extras(packed: bytes, kinds: bytes, flags: bytes) -> None:
    extras = cut_extras(packed)
    if sum(flag >= HAS_EXTRAS for flag in flags) != len(extras) or not all(map(unpack_extras, extras)):
        raise RemoteProtocolError("a listing's rows and attributes do not agree in number")
    if any(flag > HAS_EXTRAS or (flag == HAS_EXTRAS and not kind) for flag, kind in zip(flags, kinds)):
        raise RemoteProtocolError("a listing has attributes of what is not there")


def _check_count(joined: bytes, expected: int, what: str) -> None:
    found = joined.count(b"\0") + 1 if expected else len(joined)
    if found != expected:
        raise RemoteProtocolError(f"a listing's rows and {what} do not agree in number: {expected} and {found}")


def checked_manifest(
    root: Presence,
    blocks: Iterable[Tuple[bytes, Rows]],
    sheltering: Iterable[bytes],
    unlisted: Iterable[bytes],
    links: Sequence[Sequence[object]] = (),
) -> Manifest:
    """The one constructor for what came from outside.

    :raises RemoteProtocolError: when a name, a row or the order breaks a rule of this file.
    """
    found = tuple(checked_blocks(blocks))
    shelter, hidden = (frozenset(map(parse_path, paths)) for paths in (sheltering, unlisted))
    return Manifest(root, found, shelter, hidden, checked_links(links))


def checked_blocks(blocks: Iterable[Tuple[bytes, Rows]]) -> Iterator[Block]:
    """Blocks that came from outside: every one but the root's is that of a directory that its parent's block lists.

    :raises RemoteProtocolError: when a name, a row or the order breaks a rule of this file.
    """
    for block, is_listed in beside_listed(_checked_rows(blocks)):
        if not is_listed:
            raise RemoteProtocolError("a listing has the content of a directory that it does not list")
        yield block


def _checked_rows(blocks: Iterable[Tuple[bytes, Rows]]) -> Iterator[Block]:
    last: Optional[bytes] = None
    for directory, packed in blocks:
        path = parse_path(directory)
        check_rows(packed)
        names = packed.names.split(b"\0") if packed.rows else []
        check_names(names)
        if not path and any(is_reserved(name) for name in names):
            raise RemoteProtocolError("a listing names the reserved folder .copia")
        if last is not None and last >= path_key(path):
            raise RemoteProtocolError("a listing's directories are not sorted")
        last = path_key(path)
        yield Block(path, packed)


def beside_listed(blocks: Iterable[Block]) -> Iterator[Tuple[Block, bool]]:
    """Sorted blocks, each with whether it is the root's or that of a directory that a block above it lists."""
    above: List[Tuple[TreePath, Set[TreePath]]] = []
    for block in blocks:
        path = block.directory
        while above and above[-1][0] and not path.startswith(above[-1][0] + b"/"):
            above.pop()
        is_listed = not path or bool(above and path in above[-1][1])
        if is_listed:
            above.append((path, set(block.directories())))
        yield block, is_listed


def align(*manifests: Manifest) -> Iterator[Tuple[TreePath, Tuple[Optional[Block], ...]]]:
    """One sorted walk over the directories of any number of manifests: ``(directory, blocks)``.

    A place is ``None`` where that manifest has no block.
    """
    directories = {block.directory for manifest in manifests for block in manifest.blocks}
    for directory in sorted(directories, key=path_key):
        yield directory, tuple(manifest.block(directory) for manifest in manifests)


def unequal_rows(left: Rows, right: Rows) -> Optional[List[int]]:
    """Where two packed sequences with the same names differ; ``None`` where more than rows of the same kinds do."""
    size = ROW.size
    if (left.names, left.targets, left.rows[::size]) != (right.names, right.targets, right.rows[::size]):
        return None
    if left.digests or right.digests or left.extras != right.extras:
        return None
    pairs = zip(_PLAIN.iter_unpack(left.rows), _PLAIN.iter_unpack(right.rows))
    return [place for place, (one, other) in enumerate(pairs) if one != other]


def merge(*blocks: Optional[Block]) -> Iterator[Tuple[TreePath, Tuple[Presence, ...]]]:
    """Align the entries of one directory in several manifests by name; what one lacks is absent there."""
    present = [block for block in blocks if block]
    if len(present) == 1:
        place = blocks.index(present[0])
        before, after = (ABSENT,) * place, (ABSENT,) * (len(blocks) - place - 1)
        for path, presence in present[0].entries():
            yield path, (*before, presence, *after)
        return
    sides: List[Dict[TreePath, Presence]] = [dict(block.entries()) if block else {} for block in blocks]
    for path in sorted(set().union(*sides)):
        yield path, tuple(side.get(path, ABSENT) for side in sides)
