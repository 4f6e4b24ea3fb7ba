# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a basis, so that only what differs has to travel: a row for each block (``blocks``).

Blocks are small and nearly constant in size; the last may be short. Its bytes: ``docs/formats/signature.md``.
"""

from __future__ import annotations

import struct
from typing import Iterable, List

from ..values import dataclass
from .blocks import ROW_SIZE, block_rows
from .errors import RemoteProtocolError

MIN_BLOCK, MAX_BLOCK = 512, 65536
MAX_BLOCKS = 1 << 19
_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"COPS"


@dataclass(frozen=True)
class Signature:
    """The sums of a basis of ``length`` bytes in blocks of ``block_size``; ``rows`` has one for each."""

    block_size: int
    length: int
    rows: bytes

    def part(self, first: int, count: int) -> bytes:
        """The rows of ``count`` blocks from ``first``."""
        return self.rows[first * ROW_SIZE : (first + count) * ROW_SIZE]

    @property
    def blocks(self) -> int:
        """How many blocks there are, the last short one included."""
        return len(self.rows) // ROW_SIZE


def block_size_for(size: int) -> int:
    """The block size for a basis of ``size`` bytes: a power of two from 512 to 65536.

    Small and nearly constant, not the square root of the size: a scattered edit costs a whole block of literals, so
    blocks of 32 KiB (the square root's at 1 GiB) send 15 times what 2 KiB ones do.
    """
    block = 2048 if size < 8 << 20 else 4096
    while block < MAX_BLOCK and size > block * MAX_BLOCKS:
        block *= 2
    return block


def signature(chunks: Iterable[bytes], block_size: int) -> Signature:
    """The signature of a basis that comes in ``chunks``; how it is cut does not matter."""
    rows: List[bytes] = []
    rest, length = b"", 0
    for chunk in chunks:
        length += len(chunk)
        rest = rest + chunk if rest else chunk
        whole = len(rest) - len(rest) % block_size
        rows.append(block_rows(rest[:whole], block_size)[0])
        rest = rest[whole:]
    rows.append(block_rows(rest, block_size)[0])
    return Signature(block_size, length, b"".join(rows))


def pack_signature(signed: Signature) -> bytes:
    """A signature as bytes (docs/formats/signature.md)."""
    return _HEAD.pack(_MAGIC, signed.block_size, signed.length) + signed.rows


def unpack_signature(packed: bytes) -> Signature:
    """The signature in ``packed``.

    :raises RemoteProtocolError: when it is foreign, damaged or out of bounds.
    """
    if len(packed) < _HEAD.size or packed[:4] != _MAGIC:
        raise RemoteProtocolError("not a copia signature: expected the magic bytes COPS")
    _magic, block_size, length = _HEAD.unpack_from(packed)
    if not MIN_BLOCK <= block_size <= MAX_BLOCK or block_size & (block_size - 1):
        raise RemoteProtocolError(f"a signature has blocks of {block_size} bytes, not a power of two, 512 to 65536")
    if len(packed) - _HEAD.size != -(-length // block_size) * ROW_SIZE:
        raise RemoteProtocolError("a signature has another number of blocks than its length says")
    return Signature(block_size, length, packed[_HEAD.size :])
