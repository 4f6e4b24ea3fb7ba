# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signature, delta and patch of one file: pure functions over bytes and ranges.

Rules
1. A signature is a row for each block of the basis (``blocks``). A weak match is only a hint; the strong sum is the
   judge of a block, the BLAKE3 of the whole file that of a file.
2. A new file is compared with the basis block by block at both ends: from the front, and shifted by the difference in
   length. One insertion or deletion anywhere leaves about a block.
3. In the gaps that remain, the next block of the basis is searched byte by byte and followed as far as it matches, so
   each further insertion costs about a block too. In Python the search has a budget for the file: beyond it sending
   costs less. The C twin searches every gap from end to end.
4. Work is bounded for crafted data: a few candidates for each weak sum, and a number of failed confirmations.
5. Literals are ranges of the new file: memory holds a few windows and the block table, never a file.
6. Windows and gaps are independent of each other; ``each`` is how they are gone through: ``map``, or a map that has
   several hands and keeps the order. The result does not depend on it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union

from . import twin
from .blocks import ROW_SIZE, Table, block_rows, equal_blocks
from .errors import RemoteProtocolError

MIN_BLOCK, MAX_BLOCK = 512, 65536
MAX_BLOCKS = 1 << 19
WINDOW = 1 << 20
"""Bytes that are read at once."""
PART = 16 << 20
"""Bytes of a gap that are searched as one piece of work."""
_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"COPS"

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, length)``: that range of the new file; shorter only at its end."""
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Effort:
    """How much a search may cost: ``positions`` that are looked at, ``failures`` of ``blocks.Table.find``, a gap is
    left after a ``share`` of the file (or 8 blocks) without a match, ``step`` positions are looked at in one call. All
    is given to the file as a whole, or ``for_each_gap``.
    """

    positions: int
    failures: int
    share: int
    step: int
    for_each_gap: bool


SOME = Effort(256 * 1024, 512, 32, 16 * 1024, for_each_gap=False)
"""Python rolls about 4 MB/s: this is 0.06 s, in which a link of 1 Gbit/s sends 8 MB, and a file that is new from
beginning to end is searched at more than 100 MB/s."""
ALL = Effort(1 << 62, 1 << 16, 1, WINDOW - MAX_BLOCK, for_each_gap=True)
"""Every position. What fails costs a strong sum, about as much as a scan of a few thousand positions."""


def effort() -> Effort:
    """What is worth its while with the twin that works."""
    return SOME if twin.native is None else ALL


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
    rows: List[bytes] = []
    rest, length = b"", 0
    for chunk in chunks:
        length += len(chunk)
        rest = rest + chunk if rest else chunk
        whole = len(rest) - len(rest) % block_size
        rows.append(block_rows(rest[:whole], block_size))
        rest = rest[whole:]
    rows.append(block_rows(rest, block_size))
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


def delta(
    read_at: ReadAt, length: int, signed: Signature, *, each: Each = map, how: Optional[Effort] = None
) -> Iterator[Instruction]:
    """What turns the basis into the new file of ``length`` bytes, in its order; adjacent copies are joined."""
    return _joined(_matched(read_at, length, signed, (each, how or effort())))


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

    def view(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; shorter where the file ends."""
        start = offset - self._at
        if start < 0 or start + length > len(self._data):
            self._at, start = offset, 0
            self._data = self._read_at(offset, min(max(length, WINDOW), self._length - offset))
        return self._data[start : start + length]


def _matched(read_at: ReadAt, length: int, signed: Signature, means: Tuple[Each, Effort]) -> Iterator[Instruction]:
    """Front-aligned, then shifted, then searched: each looks into the gaps that the one before left."""
    each, how = means
    shift = length - signed.length
    parts = _aligned(read_at, [Literal(0, length)], 0, signed, each)
    if shift:
        parts = _aligned(read_at, parts, shift, signed, each)
    found = each(_searcher(read_at, length, signed, how), _in_pieces(parts) if how.for_each_gap else parts)
    for pieces in found:
        yield from pieces


def _in_pieces(parts: Iterable[Instruction]) -> Iterator[Instruction]:
    for part in parts:
        if isinstance(part, Copy):
            yield part
            continue
        for at in range(part.offset, part.offset + part.length, PART):
            yield Literal(at, min(PART, part.offset + part.length - at))


def _aligned(
    read_at: ReadAt, parts: Iterable[Instruction], shift: int, signed: Signature, each: Each
) -> Iterator[Instruction]:
    """The parts, with each gap compared with the blocks of the basis that lie ``shift`` bytes before it."""
    for part in parts:
        if isinstance(part, Copy):
            yield part
            continue
        at, end = part.offset, part.offset + part.length
        for start, stop in _runs(read_at, part, shift, signed, each):
            if start > at:
                yield Literal(at, start - at)
            yield Copy(start - shift, stop - start)
            at = stop
        if at < end:
            yield Literal(at, end - at)


def _runs(read_at: ReadAt, gap: Literal, shift: int, signed: Signature, each: Each) -> Iterator[Tuple[int, int]]:
    """Start and end of each range of the gap in which every block on that diagonal is equal."""
    size, end = signed.block_size, gap.offset + gap.length
    first = max(0, -(-(gap.offset - shift) // size))
    last = min(signed.blocks, -(-(end - shift) // size))
    count = max(1, WINDOW // size)

    def compare(number: int) -> bytes:
        span = min(count * size, signed.length - number * size, end - shift - number * size)
        return equal_blocks(read_at(number * size + shift, span), size, signed.part(number, min(count, last - number)))

    groups = range(first, last, count)
    for number, equal in zip(groups, each(compare, groups) if len(groups) > 1 else map(compare, groups)):
        at = equal.find(1)
        while at >= 0:
            stop = equal.find(0, at)
            stop = len(equal) if stop < 0 else stop
            yield (number + at) * size + shift, min((number + stop) * size, signed.length) + shift
            at = equal.find(1, stop)


def _searcher(
    read_at: ReadAt, length: int, signed: Signature, how: Effort
) -> Callable[[Instruction], Iterable[Instruction]]:
    """A function that takes one part apart: a copy stays, a gap is searched. The table is made when the first is."""
    made: List[Table] = []
    whole = _Search(_Window(read_at, length), length, signed, how)

    def solve(part: Instruction) -> Iterable[Instruction]:
        if isinstance(part, Copy) or part.length < signed.block_size:
            return (part,)
        if not made:
            made.append(Table(signed.rows, signed.block_size, signed.length // signed.block_size))
        search = _Search(_Window(read_at, length), length, signed, how) if how.for_each_gap else whole
        return list(search.gap(part, made[0]))

    return solve


class _Search:
    """The search byte by byte, with the budgets of one file, or of one gap."""

    def __init__(self, window: _Window, length: int, signed: Signature, how: Effort) -> None:
        self._window, self._signed, self._how = window, signed, how
        self._positions, self._failures = how.positions, how.failures
        self._patience = max(8 * signed.block_size, length // how.share)

    def gap(self, gap: Literal, table: Table) -> Iterator[Instruction]:
        """The gap, taken apart into copies and what is really new."""
        at, end = gap.offset, gap.offset + gap.length
        while True:
            hit = self._next(at, end, table)
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

    def _next(self, at: int, end: int, table: Table) -> Optional[Tuple[int, int]]:
        """Where the next block of the basis stands, and its number. Positions that were passed cost budget."""
        size = self._signed.block_size
        limit = min(end - size + 1, at + self._patience)
        while at < limit and self._positions > 0 and self._failures > 0:
            step = min(self._how.step, limit - at, self._positions)
            data = self._window.view(at, size - 1 + step)
            if len(data) < size:
                return None  # the file shrank while it is read; its reader finds out
            found, number, self._failures = table.find(data, step, self._failures)
            if found >= 0:
                self._positions -= found
                return at + found, number
            self._positions -= step
            at += step
        return None

    def _run(self, here: int, number: int, end: int) -> Copy:
        """The block ``number``, which stands at ``here``, and those behind it up to the first that differs. Twice as
        many are compared each time.
        """
        signed, size = self._signed, self._signed.block_size
        following, stop, count = number + 1, here + size, 1
        while following < signed.blocks and stop < end:
            span = min(count * size, signed.length - following * size, end - stop)
            rows = signed.part(following, -(-span // size))
            equal = equal_blocks(self._window.view(stop, span), size, rows)
            good = equal.find(0)
            if good >= 0:
                stop += good * size
                break
            stop += span
            following += len(equal)
            count = min(2 * count, max(1, WINDOW // size))
        return Copy(number * size, stop - here)


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
