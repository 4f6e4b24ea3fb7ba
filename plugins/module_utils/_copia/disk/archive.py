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
5. It is never in memory: its blocks are read one after the other, and written as they come.
"""

from __future__ import annotations

import os
import struct
from typing import Any, Iterable, Iterator, Optional, Tuple

from ..core.errors import InputError, RemoteProtocolError
from ..core.hub_words import NO_STAMP
from ..core.manifest import Block, checked_blocks
from ..core.paths import show
from ..core.pieces import gathered
from . import operations as op
from .shelf import END, blocks_at, packed_block
from .state import IDENTITY

MAGIC = b"COPA"
VERSION = 3
_HEAD = struct.Struct("<4sHQ16s")
_START = _HEAD.size + 2 * IDENTITY.size
_DIGEST = 32
_PIECE = 1 << 18
NEWEST, BEFORE, NEXT, PATHS = b".archive", b".before", b".next", b".paths"

Identities = Tuple[bytes, bytes]


class Archive:
    """An archive that is whole. ``epoch`` counts what was recorded so far, or is a hub's revision with its ``stamp``;
    ``is_old`` says that the newest generation was damaged. Close it.
    """

    def __init__(self, name: bytes, descriptor: int, end: int, epoch: int, stamp: bytes, *, is_old: bool) -> None:
        self._name, self._descriptor, self._end = name, descriptor, end
        self.epoch, self.stamp, self.is_old = epoch, stamp, is_old

    def blocks(self) -> Iterator[Block]:
        """What was agreed on, directory by directory.

        :raises InputError: when a block breaks a rule of a listing.
        """
        try:
            yield from checked_blocks(blocks_at(self._descriptor, _START, self._end))
        except RemoteProtocolError as error:
            raise InputError(
                f"{show(self._name)} in the state folder was not written by copia: {error}. Remove it; the next run "
                "does without what was agreed on"
            ) from error

    def close(self) -> None:
        """Let the file go. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def key_of(identities: Identities) -> bytes:
    """The name of a pair."""
    return _hex(b"".join(sorted(identities)))


def load(folder: int, identities: Identities) -> Optional[Archive]:
    """The archive of a pair in the state folder; ``None`` when there is none that is whole."""
    key = key_of(identities)
    for name, is_old in ((NEWEST, False), (BEFORE, True)):
        try:
            descriptor = _open(folder, key + name)
        except OSError:
            continue
        try:
            return _checked(key + name, descriptor, identities, is_old)
        except (OSError, RemoteProtocolError):
            os.close(descriptor)
    return None


def save(
    folder: int,
    identities: Identities,
    blocks: Iterable[Block],
    epoch: int,
    *,
    stamp: bytes = NO_STAMP,
    durable: bool = True,
) -> op.Acts:
    """Write an archive; at no point is there none that is whole. ``durable`` flushes it before it counts.

    :raises OSError: when it can't be written; the one before is then as it was.
    """
    key = key_of(identities)
    new = yield from _begin(folder, key + NEXT)
    state = _blake3(b"")
    for piece in gathered(_encode(identities, blocks, epoch, stamp)):
        state.update(piece)
        yield op.Append(new, (piece,))
    yield op.Append(new, (state.digest(),))
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
    most = 2 * IDENTITY.size + 1
    try:
        descriptor = _open(folder, paths + PATHS)
        try:
            found = os.pread(descriptor, most, 0)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return found if len(found) == most - 1 else None


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


def _open(folder: int, name: bytes) -> int:
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)


def _begin(folder: int, name: bytes) -> op.Acts:
    """A new file, in the place of one that a killed run left."""
    yield from _without(folder, name)
    return (yield op.CreateFile(folder, name))


def _without(folder: int, name: bytes) -> op.Acts:
    try:
        yield op.Unlink(folder, name)
    except FileNotFoundError:
        pass


def _encode(identities: Identities, blocks: Iterable[Block], epoch: int, stamp: bytes) -> Iterator[bytes]:
    yield _HEAD.pack(MAGIC, VERSION, epoch, stamp) + b"".join(sorted(identities))
    yield from (packed_block(block) for block in blocks if block.packed.rows)
    yield END


def _checked(name: bytes, descriptor: int, identities: Identities, is_old: bool) -> Archive:
    """The archive in a file.

    :raises RemoteProtocolError: when it is damaged, cut off, of another version or of another pair.
    """
    end = os.fstat(descriptor).st_size - _DIGEST
    head = os.pread(descriptor, _START, 0)
    if end < _START or not _is_whole(descriptor, end):
        raise RemoteProtocolError("an archive is damaged or cut off")
    magic, version, epoch, stamp = _HEAD.unpack_from(head)
    if magic != MAGIC or version != VERSION or head[_HEAD.size :] != b"".join(sorted(identities)):
        raise RemoteProtocolError("an archive is of another version or of another pair")
    return Archive(name, descriptor, end, epoch, stamp, is_old=is_old)


def _is_whole(descriptor: int, end: int) -> bool:
    """Whether the digest behind the first ``end`` bytes of a file is theirs."""
    state = _blake3(b"")
    for at in range(0, end, _PIECE):
        state.update(os.pread(descriptor, min(_PIECE, end - at), at))
    return bool(os.pread(descriptor, _DIGEST, end) == state.digest())


def _hex(data: bytes) -> bytes:
    return bytes.fromhex(_blake3(data).hexdigest()).hex()[:40].encode("ascii")


def _blake3(data: "bytes | memoryview") -> Any:
    from blake3 import blake3

    return blake3(data)
