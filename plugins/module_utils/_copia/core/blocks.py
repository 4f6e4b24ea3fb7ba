# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loops over blocks: rows of a signature made, compared, and searched for byte by byte.

Rules
1. A row is the weak sum of a block, that of its first half, and its strong sum (``docs/formats/signature.md``).
2. The cheap sums come first; the strong sum, the first 16 bytes of the block's BLAKE3, is the judge. The other 16 are
   handed on too: what was hashed once needs no second look at the whole file (``docs/decisions/one-hash.md``).
3. Of the blocks with one weak sum, the first ``MAX_CANDIDATES`` of the basis are known.
4. A search is given a number of failures: a weak sum that was found and whose block was another one. Crafted data
   costs no more than that.

Each loop is here in Python and, under the same name and with the same results, in the C twin.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, Optional, Tuple

from . import twin
from .rolling import search, weak_sum

STRONG = 16
DIGEST = 32
_SUMS = struct.Struct("<II")
_HALF = struct.Struct("<4xI")
_WEAK = struct.Struct(f"<I{4 + STRONG}x")
ROW_SIZE = _SUMS.size + STRONG
MAX_CANDIDATES = 8

Found = Tuple[int, int, int]
"""Position (-1 for none), number of the block that stands there, failures that are left."""


def digest_of_block(block: bytes) -> bytes:
    """The BLAKE3 of ``block``, 32 bytes; the first 16 are its strong sum."""
    from blake3 import blake3

    return bytes(blake3(block).digest())


def _row_of(block: bytes, digest: bytes) -> bytes:
    return _SUMS.pack(weak_sum(block), _half(block)) + digest[:STRONG]


def _half(block: bytes) -> int:
    return weak_sum(block[: len(block) // 2])


def _blocks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def block_rows(data: bytes, size: int) -> Tuple[bytes, bytes]:
    """The rows of ``data`` in blocks of ``size`` bytes, and the BLAKE3 of each block; the last may be short."""
    if twin.native is not None:
        made: Tuple[bytes, bytes] = twin.native.block_rows(data, size)
        return made
    digests = [digest_of_block(block) for block in _blocks(data, size)]
    return b"".join(map(_row_of, _blocks(data, size), digests)), b"".join(digests)


def block_digests(data: bytes, size: int) -> bytes:
    """The BLAKE3 of each block of ``size`` bytes of ``data``; the last may be short."""
    if twin.native is not None:
        return bytes(twin.native.block_digests(data, size))
    return b"".join(map(digest_of_block, _blocks(data, size)))


def equal_blocks(data: bytes, size: int, rows: bytes) -> Tuple[bytes, bytes]:
    """A byte for each row, 1 where its block stands at its place in ``data`` (the last block may be short), and for
    each row the BLAKE3 of that block, zeros where it does not.
    """
    if twin.native is not None:
        made: Tuple[bytes, bytes] = twin.native.equal_blocks(data, size, rows)
        return made
    places = range(0, len(rows), ROW_SIZE)
    digests = [_equal(data[n * size : (n + 1) * size], rows[at : at + ROW_SIZE]) for n, at in enumerate(places)]
    return bytes(digest is not None for digest in digests), b"".join(digest or bytes(DIGEST) for digest in digests)


def _equal(block: bytes, row: bytes) -> Optional[bytes]:
    """The BLAKE3 of the block where it is that of the row."""
    if not block or _HALF.unpack_from(row)[0] != _half(block):
        return None
    digest = digest_of_block(block)
    return digest if digest[:STRONG] == row[-STRONG:] else None


class Table:
    """The first ``count`` blocks of a signature by weak sum; all of them whole."""

    def __init__(self, rows: bytes, size: int, count: int) -> None:
        self._size = size
        self._native: Optional[Any] = None
        if twin.native is not None:
            self._native = twin.native.make_table(rows, size, count)
            return
        self._rows = rows
        self._first: Dict[int, int] = {}
        self._others: Dict[int, Tuple[int, ...]] = {}
        for number, (weak,) in enumerate(_WEAK.iter_unpack(rows[: count * ROW_SIZE])):
            if self._first.setdefault(weak, number) != number:
                others = self._others.get(weak, ())
                self._others[weak] = (*others, number)[: MAX_CANDIDATES - 1]

    def find(self, data: bytes, limit: int, failures: int) -> Found:
        """The first of the positions below ``limit`` at which one of the blocks stands, whole, in ``data``."""
        if self._native is not None:
            found: Found = twin.native.find(self._native, data, limit, failures)
            return found
        at, size = 0, self._size
        while at < limit and failures > 0:
            passed = search(data[at : limit + size - 1], size, self._first)
            if passed < 0:
                break
            at += passed
            number = self._confirmed(data[at : at + size])
            if number is not None:
                return at, number, failures
            failures -= 1
            at += 1
        return -1, 0, failures

    def _confirmed(self, block: bytes) -> Optional[int]:
        weak = weak_sum(block)
        numbers = (self._first[weak], *self._others.get(weak, ()))
        rows = [(number, self._rows[number * ROW_SIZE : (number + 1) * ROW_SIZE]) for number in numbers]
        half = _half(block).to_bytes(4, "little")
        alike = [(number, row) for number, row in rows if row[4:8] == half]
        strong = digest_of_block(block)[:STRONG] if alike else b""
        return next((number for number, row in alike if row[8:] == strong), None)
