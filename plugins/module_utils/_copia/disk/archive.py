# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a pair of roots: what they last agreed on (``docs/formats/archive.md``, byte by byte).

Rules
1. It is keyed by both roots' identities in sorted order, so a pair is the same pair from either side and under any
   path, and a root that was made anew is another one.
2. It is written last, from what was applied, and flushed before it takes the place of the one before.
3. The one before is kept, and read when the newest is damaged. It is then said to be old.
4. A second, tiny file remembers which identities two paths had, so that a root that was made anew is noticed.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from typing import Any, Iterator, Optional, Tuple

from ..core.entries import ABSENT
from ..core.errors import RemoteProtocolError
from ..core.hub_words import NO_STAMP
from ..core.manifest import Block, Manifest, Rows, checked_manifest
from ..core.paths import TreePath
from ..values import dataclass
from . import operations as op
from .state import IDENTITY

MAGIC = b"COPA"
VERSION = 3
_HEAD = struct.Struct("<4sHQ16s")
_BLOCK = struct.Struct("<IIIIIII")
_DIGEST = 32
_FLUSH_AT = 1 << 18
_MOST = 1 << 31
NEWEST, BEFORE, NEXT, PATHS = b".archive", b".before", b".next", b".paths"

Identities = Tuple[bytes, bytes]


@dataclass(frozen=True)
class Archive:
    """``epoch`` counts what was recorded so far, or is a hub's revision with its ``stamp``; ``is_old`` says that the
    newest generation was damaged.
    """

    manifest: Manifest
    epoch: int
    is_old: bool = False
    stamp: bytes = NO_STAMP


def key_of(identities: Identities) -> bytes:
    """The name of a pair."""
    return _hex(b"".join(sorted(identities)))


def load(folder: int, identities: Identities) -> Optional[Archive]:
    """The archive of a pair in the state folder; ``None`` when there is none that is whole."""
    key = key_of(identities)
    for name, is_old in ((NEWEST, False), (BEFORE, True)):
        try:
            manifest, epoch, stamp = _decode(_read(folder, key + name), identities)
        except (OSError, RemoteProtocolError):
            continue
        return Archive(manifest, epoch, is_old, stamp)
    return None


def save(folder: int, identities: Identities, archive: Archive, *, durable: bool = True) -> op.Acts:
    """Write the archive; at no point is there none that is whole. ``durable`` flushes it before it counts.

    :raises OSError: when it can't be written; the one before is then as it was.
    """
    key = key_of(identities)
    new = yield from _begin(folder, key + NEXT)
    state = _blake3(b"")
    waiting = b""
    for piece in _encode(identities, archive):
        state.update(piece)
        waiting += piece
        if len(waiting) >= _FLUSH_AT:
            yield op.Append(new, waiting)
            waiting = b""
    yield op.Append(new, waiting + state.digest())
    yield op.SealFile(new, op.Attributes(0o600, 0), durable)
    yield from _without(folder, key + BEFORE)
    try:
        yield op.Link(folder, key + NEWEST, folder, key + BEFORE)
    except FileNotFoundError:
        pass
    yield op.Replace(folder, key + NEXT, folder, key + NEWEST)
    if durable:
        yield op.Flush(folder)


def remembered(folder: int, paths: bytes) -> Optional[bytes]:
    """The identities, sorted and joined, that the roots at ``paths`` had when they last agreed."""
    try:
        found = _read(folder, paths + PATHS)
    except OSError:
        return None
    return found if len(found) == 2 * IDENTITY.size else None


def remember(folder: int, paths: bytes, identities: Identities) -> op.Acts:
    """Remember whose identities the roots at ``paths`` have, unless that is known."""
    joined = b"".join(sorted(identities))
    if remembered(folder, paths) == joined:
        return
    yield from _without(folder, paths + NEXT)
    yield op.WriteFile(folder, paths + NEXT, joined, op.Attributes(0o600, 0), True)
    yield op.Replace(folder, paths + NEXT, folder, paths + PATHS)


def name_of_paths(left: bytes, right: bytes) -> bytes:
    """The name of two paths, in either order."""
    return _hex(b"\0".join(sorted((left, right))))


def _begin(folder: int, name: bytes) -> op.Acts:
    """A new file, in the place of one that a killed run left."""
    yield from _without(folder, name)
    return (yield op.CreateFile(folder, name))


def _without(folder: int, name: bytes) -> op.Acts:
    try:
        yield op.Unlink(folder, name)
    except FileNotFoundError:
        pass


def _encode(identities: Identities, archive: Archive) -> Iterator[bytes]:
    yield _HEAD.pack(MAGIC, VERSION, archive.epoch, archive.stamp) + b"".join(sorted(identities))
    for block in archive.manifest.blocks:
        rows = zlib.compress(block.packed.rows, 1)
        parts = (block.directory, block.packed.names, rows, block.packed.targets, *block.packed[3:])
        yield _BLOCK.pack(len(block.packed.rows), *map(len, parts)) + b"".join(parts)
    yield bytes(_BLOCK.size)


def _decode(data: bytes, identities: Identities) -> Tuple[Manifest, int, bytes]:
    """The content of an archive: what was agreed on, its epoch and stamp.

    :raises RemoteProtocolError: when it is damaged, cut off, of another version or of another pair.
    """
    body, trailer = memoryview(data)[:-_DIGEST], data[-_DIGEST:]
    if len(data) < _HEAD.size + 2 * IDENTITY.size + _DIGEST or _blake3(body).digest() != trailer:
        raise RemoteProtocolError("an archive is damaged or cut off")
    magic, version, epoch, stamp = _HEAD.unpack_from(body)
    whose = bytes(body[_HEAD.size : _HEAD.size + 2 * IDENTITY.size])
    if magic != MAGIC or version != VERSION or whose != b"".join(sorted(identities)):
        raise RemoteProtocolError("an archive is of another version or of another pair")
    try:
        blocks = list(_blocks(body, _HEAD.size + len(whose)))
    except (struct.error, zlib.error) as error:
        raise RemoteProtocolError(f"an archive is damaged: {error}") from error
    return checked_manifest(ABSENT, ((block.directory, block.packed) for block in blocks), (), ()), epoch, stamp


def _blocks(body: memoryview, at: int) -> Iterator[Block]:
    while True:
        size, *lengths = _BLOCK.unpack_from(body, at)
        at += _BLOCK.size
        if not size:
            return
        parts = []
        for length in lengths:
            parts.append(bytes(body[at : at + length]))
            at += length
        directory, names, rows, *others = parts
        yield Block(TreePath(directory), Rows(names, zlib.decompressobj().decompress(rows, size), *others))


def _read(folder: int, name: bytes) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if os.fstat(descriptor).st_size > _MOST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(descriptor)


def _hex(data: bytes) -> bytes:
    return bytes.fromhex(_blake3(data).hexdigest()).hex()[:40].encode("ascii")


def _blake3(data: "bytes | memoryview") -> Any:
    from blake3 import blake3

    return blake3(data)
