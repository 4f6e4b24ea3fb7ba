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
from typing import Callable, Dict, Iterable, Iterator, Optional, Tuple, Union

from .errors import RemoteProtocolError
from .rolling import search, weak_sum

MIN_BLOCK, MAX_BLOCK = 512, 65536
MAX_BLOCKS = 1 << 20
STRONG = 16
ROW_SIZE = 4 + STRONG
WINDOW = 1 << 20
"""Bytes that are read at once."""
ROLL_LIMIT = 256 * 1024
"""Positions of a file that are searched byte by byte, at most: Python rolls about 4 MB/s, so this is 0.06 s, in which
a link of 1 Gbit/s sends 8 MB."""
ROLL_SHARE = 32
"""A gap is left after this share of the file (or 8 blocks) was searched without a match: so a file that is new from
beginning to end is searched at more than 100 MB/s, and not slower than it is sent."""
ROLL_STEP = 16 * 1024
MAX_CANDIDATES = 8
MAX_FAILURES = 512
"""Blocks with the same weak sum that are looked at, and blocks of a file that only seemed to match."""
_HEAD = struct.Struct("<4sIQ")
_WEAK = struct.Struct(f"<I{STRONG}x")
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
    rows, rest = bytearray(), bytearray()
    length = 0
    for chunk in chunks:
        length += len(chunk)
        rest += chunk
        whole = len(rest) - len(rest) % block_size
        for start in range(0, whole, block_size):
            rows += _row(bytes(rest[start : start + block_size]))
        del rest[:whole]
    if rest:
        rows += _row(bytes(rest))
    return Signature(block_size, length, bytes(rows))


def _row(block: bytes) -> bytes:
    return weak_sum(block).to_bytes(4, "little") + strong_sum(block)


def strong_sum(block: bytes) -> bytes:
    """The strong sum of ``block``: the first 16 bytes of its BLAKE3."""
    from blake3 import blake3

    return bytes(blake3(block).digest(length=STRONG))


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


def delta(read_at: ReadAt, length: int, signed: Signature) -> Iterator[Instruction]:
    """What turns the basis into the new file of ``length`` bytes, in its order; adjacent copies are joined."""
    return _joined(_matched(read_at, length, signed))


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


def _matched(read_at: ReadAt, length: int, signed: Signature) -> Iterator[Instruction]:
    """Front-aligned, then shifted, then searched: each looks into the gaps that the one before left."""
    front, back = _Window(read_at, length), _Window(read_at, length)
    searching = _Search(_Window(read_at, length), length, signed)
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
    """Start and end of each range of the gap in which every block on that diagonal is equal."""
    size, end = signed.block_size, gap.offset + gap.length
    first = max(0, -(-(gap.offset - shift) // size))
    start = stop = gap.offset
    for number in range(first, min(signed.blocks, -(-(end - shift) // size))):
        here = number * size + shift
        length = _equal(window, here, end, number, signed)
        if length:
            start = start if here == stop else here
            stop = here + length
        elif start < stop:
            yield start, stop
            start = stop
    if start < stop:
        yield start, stop


def _equal(window: _Window, here: int, end: int, number: int, signed: Signature) -> int:
    """The length of block ``number`` if it stands, whole, from ``here`` to at most ``end``; else 0."""
    span = min(signed.block_size, signed.length - number * signed.block_size)
    if here + span <= end and strong_sum(window.view(here, span)) == signed.strong(number):
        return span
    return 0


class _Search:
    """The search byte by byte, with the budgets of one file."""

    def __init__(self, window: _Window, length: int, signed: Signature) -> None:
        self._window, self._signed = window, signed
        self._budget, self._failures = ROLL_LIMIT, MAX_FAILURES
        self._patience = max(8 * signed.block_size, length // ROLL_SHARE)
        self._made: Optional[_Table] = None

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
            data = self._window.view(at, size - 1 + min(ROLL_STEP, limit - at, self._budget))
            if len(data) < size:
                return None  # the file shrank while it is read; its reader finds out
            found = search(data, size, self._table().first)
            passed = len(data) - size + 1 if found < 0 else found
            self._budget -= passed
            at += passed
            if found < 0:
                continue
            number = self._confirmed(data[found : found + size])
            if number is not None:
                return at, number
            self._failures -= 1
            self._budget -= 1
            at += 1
        return None

    def _confirmed(self, block: bytes) -> Optional[int]:
        strong, numbers = strong_sum(block), self._table().candidates(weak_sum(block))
        return next((number for number in numbers if self._signed.strong(number) == strong), None)

    def _run(self, here: int, number: int, end: int) -> Copy:
        """The block ``number``, which stands at ``here``, and those behind it up to the first that differs."""
        basis, stop = number * self._signed.block_size, here + self._signed.block_size
        for following in range(number + 1, self._signed.blocks):
            length = _equal(self._window, stop, end, following, self._signed)
            if not length:
                break
            stop += length
        return Copy(basis, stop - here)

    def _table(self) -> _Table:
        if self._made is None:
            self._made = _Table(self._signed)
        return self._made


class _Table:
    """The numbers of the whole blocks by weak sum; made only when there is a gap to search.

    Weak sums are rarely shared, so the first number is kept plain: about 130 bytes a block instead of 200.
    """

    def __init__(self, signed: Signature) -> None:
        self.first: Dict[int, int] = {}
        self._others: Dict[int, Tuple[int, ...]] = {}
        whole = min(signed.length // signed.block_size, MAX_BLOCKS)
        for number, (weak,) in enumerate(_WEAK.iter_unpack(signed.rows[: whole * ROW_SIZE])):
            if self.first.setdefault(weak, number) == number:
                continue
            others = self._others.get(weak, ())
            if len(others) + 1 < MAX_CANDIDATES:
                self._others[weak] = (*others, number)

    def candidates(self, weak: int) -> Tuple[int, ...]:
        """The blocks with this weak sum, which is one of ``first``."""
        return (self.first[weak], *self._others.get(weak, ()))


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
