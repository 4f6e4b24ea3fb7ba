# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signature, delta and patch of one file: pure functions over bytes and ranges.

Rules
1. A signature is, for each block of the basis, its weak sum (``rolling``) and the first 16 bytes of its BLAKE3.
2. A weak match is only a hint; the strong sum is the judge of a block, the BLAKE3 of the whole file that of a file.
3. A new file is compared with the basis block by block at both ends: from the front, and shifted by the difference in
   length. One insertion or deletion anywhere leaves about a block.
4. In the gaps that remain, the next block of the basis is searched byte by byte and followed as far as it matches, so
   each further insertion costs about a block too. The search has a budget: beyond it sending costs less.
5. Work is bounded for crafted data: a few candidates for each weak sum, and a budget of failed confirmations.
6. Literals are ranges of the new file: memory holds three windows and the block table, never a file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterable, Iterator, Optional, Tuple, Union

from .errors import RemoteProtocolError
from .rolling import EFFORT, ROW_SIZE, Effort, Table, block_sums, equal_blocks

MIN_BLOCK, MAX_BLOCK = 512, 65536
MAX_BLOCKS = 1 << 20
WINDOW = 1 << 20
"""Bytes that are read at once."""
ROLL_STEP = 16 * 1024
"""Positions between two looks at the budget."""
MAX_CANDIDATES = 8
"""Blocks with the same weak sum that are looked at."""
_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"COPS"

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, length)``: that range of the new file; shorter only at its end."""


@dataclass(frozen=True)
class Signature:
    """The sums of a basis of ``length`` bytes in blocks of ``block_size``; ``rows`` has 20 bytes a block."""

    block_size: int
    length: int
    rows: bytes

    def strong(self, number: int) -> bytes:
        """The strong sum of one block."""
        return self.rows[number * ROW_SIZE + 4 : (number + 1) * ROW_SIZE]

    @property
    def blocks(self) -> int:
        """How many blocks there are, the last short one included."""
        return len(self.rows) // ROW_SIZE


@dataclass(frozen=True)
class Copy:
    """``length`` bytes of the basis from ``offset``."""

    offset: int
    length: int


@dataclass(frozen=True)
class Literal:
    """``length`` bytes of the new file from ``offset``."""

    offset: int
    length: int


Instruction = Union[Copy, Literal]


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
    rows, rest, length = bytearray(), b"", 0
    for chunk in chunks:
        length += len(chunk)
        rest = rest + chunk if rest else chunk
        whole = len(rest) - len(rest) % block_size
        rows += block_sums(rest, 0, whole, block_size)
        rest = rest[whole:]
    rows += block_sums(rest, 0, len(rest), block_size)
    return Signature(block_size, length, bytes(rows))


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


def delta(read_at: ReadAt, length: int, signed: Signature, effort: Effort = EFFORT) -> Iterator[Instruction]:
    """What turns the basis into the new file of ``length`` bytes, in its order; adjacent copies are joined."""
    return _joined(_matched(read_at, length, signed, effort))


def _joined(parts: Iterator[Instruction]) -> Iterator[Instruction]:
    last: Optional[Instruction] = None
    for part in parts:
        if last is None:
            last = part
        elif isinstance(last, Copy) == isinstance(part, Copy) and part.offset == last.offset + last.length:
            last = replace(last, length=last.length + part.length)
        else:
            yield last
            last = part
    if last is not None:
        yield last


class _Window:
    """The new file through a window that moves forward."""

    def __init__(self, read_at: ReadAt, length: int) -> None:
        self._read_at, self._length = read_at, length
        self._at, self._data = 0, b""

    def view(self, offset: int, length: int) -> Tuple[bytes, int, int]:
        """Bytes, and where in them the ``length`` bytes from ``offset`` start and end; fewer where the file ends."""
        start = offset - self._at
        if start < 0 or start + length > len(self._data):
            self._at, start = offset, 0
            self._data = self._read_at(offset, min(max(length, WINDOW), self._length - offset))
        return self._data, start, min(start + length, len(self._data))


def _matched(read_at: ReadAt, length: int, signed: Signature, effort: Effort) -> Iterator[Instruction]:
    """Front-aligned, then shifted, then searched: each looks into the gaps that the one before left."""
    front, back = _Window(read_at, length), _Window(read_at, length)
    searching = _Search(_Window(read_at, length), length, signed, effort)
    shift = length - signed.length
    for part in _aligned(front, Literal(0, length), 0, signed):
        if isinstance(part, Copy):
            yield part
            continue
        for rest in _aligned(back, part, shift, signed) if shift else (part,):
            if isinstance(rest, Copy):
                yield rest
            else:
                yield from searching.gap(rest)


def _aligned(window: _Window, gap: Literal, shift: int, signed: Signature) -> Iterator[Instruction]:
    """A gap of the new file, compared with the blocks of the basis that lie ``shift`` bytes before it."""
    at, end = gap.offset, gap.offset + gap.length
    for start, stop in _runs(window, gap, shift, signed):
        if start > at:
            yield Literal(at, start - at)
        yield Copy(start - shift, stop - start)
        at = stop
    if at < end:
        yield Literal(at, end - at)


def _runs(window: _Window, gap: Literal, shift: int, signed: Signature) -> Iterator[Tuple[int, int]]:
    """Start and end of ranges of the gap in which every block on that diagonal is equal."""
    size, end = signed.block_size, gap.offset + gap.length
    number, stop = max(0, -(-(gap.offset - shift) // size)), _fitting(signed, end - shift)
    while number < stop:
        count = min(max(1, WINDOW // size), stop - number)
        here = number * size + shift
        flags = _equal(window, here, number, count, signed)
        first = flags.find(1)
        while first >= 0:
            last = flags.find(0, first)
            last = len(flags) if last < 0 else last
            yield here + first * size, min(here + last * size, signed.length + shift)
            first = flags.find(1, last)
        number += count


def _fitting(signed: Signature, end: int) -> int:
    """How many blocks of the basis lie, whole, before its byte ``end``."""
    return signed.blocks if end >= signed.length else max(0, end) // signed.block_size


def _equal(window: _Window, here: int, number: int, count: int, signed: Signature) -> bytes:
    """Which of ``count`` blocks from ``number`` on stand where they should, from ``here`` on: a byte for each."""
    span = min(count * signed.block_size, signed.length - number * signed.block_size)
    data, start, end = window.view(here, span)
    flags: bytes = equal_blocks(data, start, end, signed.block_size, signed.rows, number)
    return flags


class _Search:
    """The search byte by byte, with the budgets of one file."""

    def __init__(self, window: _Window, length: int, signed: Signature, effort: Effort) -> None:
        self._window, self._signed = window, signed
        self._budget = effort.positions
        self._failures = effort.failures + length // effort.failure_share
        self._patience = max(8 * signed.block_size, length // effort.share)
        self._made: Any = None

    def gap(self, gap: Literal) -> Iterator[Instruction]:
        """The gap, taken apart into copies and what is really new."""
        at, end = gap.offset, gap.offset + gap.length
        while True:
            hit = self._next(at, end)
            if hit is None:
                break
            here, number = hit
            run = self._run(here, number, end)
            if here > at:
                yield Literal(at, here - at)
            yield run
            at = here + run.length
        if at < end:
            yield Literal(at, end - at)

    def _next(self, at: int, end: int) -> Optional[Tuple[int, int]]:
        """Where the next block of the basis stands, and its number. Positions that were passed cost budget."""
        size = self._signed.block_size
        limit = min(end - size + 1, at + self._patience)
        while at < limit and self._budget > 0 and self._failures > 0:
            data, start, stop = self._window.view(at, size - 1 + min(ROLL_STEP, limit - at, self._budget))
            if stop - start < size:
                return None  # the file shrank while it is read; its reader finds out
            found, number, failed = self._table().find(data, start, stop, self._failures)
            self._budget -= found - start
            self._failures -= failed
            at += found - start
            if number >= 0:
                return at, number
            if found == start:
                return None  # the basis has no whole block
        return None

    def _run(self, here: int, number: int, end: int) -> Copy:
        """The block ``number``, which stands at ``here``, and those behind it up to the first that differs."""
        size, following, count = self._signed.block_size, number + 1, 4
        shift = here - number * size
        limit = _fitting(self._signed, end - shift)
        while following < limit:
            count = min(2 * count, limit - following, max(1, WINDOW // size))
            flags = _equal(self._window, following * size + shift, following, count, self._signed)
            equal = flags.find(0)
            following += count if equal < 0 and len(flags) == count else max(0, equal)
            if equal >= 0 or len(flags) < count:
                break
        return Copy(number * size, min(following * size, self._signed.length) - number * size)

    def _table(self) -> Any:
        if self._made is None:
            whole = min(self._signed.length // self._signed.block_size, MAX_BLOCKS)
            self._made = Table(self._signed.rows, whole, self._signed.block_size, MAX_CANDIDATES)
        return self._made


def patch(read_basis_at: ReadAt, parts: Iterable[Union[Copy, bytes]]) -> Iterator[bytes]:
    """The new file, from ranges of the basis and literal bytes, in pieces of at most a window."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        for at in range(part.offset, part.offset + part.length, WINDOW):
            yield read_basis_at(at, min(WINDOW, part.offset + part.length - at))


def sizes(parts: Iterable[Instruction]) -> Tuple[int, int]:
    """``(literal, copied)`` bytes of a delta."""
    literal = copied = 0
    for part in parts:
        if isinstance(part, Literal):
            literal += part.length
        else:
            copied += part.length
    return literal, copied
