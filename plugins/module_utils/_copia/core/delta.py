# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signature, delta and patch of one file: pure functions over bytes and ranges.

Rules
1. A signature is, for each block of the basis, its weak sum (``rolling``) and the first 16 bytes of its BLAKE3.
2. A weak match is only a hint; the strong sum is the judge of a block, the BLAKE3 of the whole file that of a file.
3. A new file is compared with the basis block by block at both ends: from the front, and shifted by the difference in
   length. One insertion or deletion anywhere leaves about a block.
4. What is left between is scanned byte by byte within a budget: pure Python rolls a few MB/s, so beyond that
   sending costs less than searching.
5. Work is bounded for crafted data: a few candidates for each weak sum, and a budget of failed confirmations.
6. Literals are ranges of the new file: memory holds a window and the block table, never a file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from .errors import RemoteProtocolError
from .rolling import roll, weak_sum

MIN_BLOCK, MAX_BLOCK = 512, 65536
MAX_BLOCKS = 1 << 20
STRONG = 16
ROW_SIZE = 4 + STRONG
ROLL_LIMIT = 256 * 1024
"""Bytes of a file that are scanned byte by byte at most."""
MAX_CANDIDATES = 8
MAX_FAILURES = 512
WINDOW = 1 << 20
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
    from blake3 import blake3

    rows: List[bytes] = []
    length = 0
    rest = b""

    def take(block: bytes) -> None:
        rows.append(weak_sum(block).to_bytes(4, "little") + blake3(block).digest(length=STRONG))

    for chunk in chunks:
        length += len(chunk)
        rest += chunk
        whole = len(rest) - len(rest) % block_size
        for start in range(0, whole, block_size):
            take(rest[start : start + block_size])
        rest = rest[whole:]
    if rest:
        take(rest)
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


def delta(read_at: ReadAt, length: int, signed: Signature) -> Iterator[Instruction]:
    """What turns the basis into the new file of ``length`` bytes, in its order; adjacent copies are joined."""
    return _joined(_matched(read_at, length, signed))


def _joined(parts: Iterator[Instruction]) -> Iterator[Instruction]:
    last: Optional[Instruction] = None
    for part in parts:
        if last is not None and _follows(last, part):
            last = replace(last, length=last.length + part.length)
            continue
        if last is not None:
            yield last
        last = part
    if last is not None:
        yield last


def _follows(last: Instruction, part: Instruction) -> bool:
    return isinstance(last, Copy) == isinstance(part, Copy) and part.offset == last.offset + last.length


def _matched(read_at: ReadAt, length: int, signed: Signature) -> Iterator[Instruction]:
    """Front-aligned, then shifted, then scanned."""
    shift = length - signed.length
    budget = [ROLL_LIMIT]
    table: List[Dict[int, List[int]]] = []
    for gap in _aligned(read_at, 0, length, 0, signed):
        if isinstance(gap, Copy):
            yield gap
            continue
        start, end = gap.offset, gap.offset + gap.length
        for part in _aligned(read_at, start, end, shift, signed) if shift else (gap,):
            if isinstance(part, Copy) or part.length > budget[0] or part.length < signed.block_size:
                yield part
                continue
            budget[0] -= part.length
            if not table:
                table.append(_table(signed))
            yield from _scanned(read_at(part.offset, part.length), part.offset, signed, table[0])


def _aligned(read_at: ReadAt, start: int, end: int, shift: int, signed: Signature) -> Iterator[Instruction]:
    """Compare the range ``start`` to ``end`` of the new file with basis blocks that lie ``shift`` bytes before."""
    from blake3 import blake3

    size = signed.block_size
    first = max(0, -(-(start - shift) // size))
    at = start
    number = first
    window, window_at = b"", 0
    while number < signed.blocks:
        here = number * size + shift
        span = min(size, signed.length - number * size)
        if here < start:
            number += 1
            continue
        if here + span > end:
            break
        if not window_at <= here <= here + span <= window_at + len(window):
            window_at, window = here, read_at(here, max(span, min(WINDOW, end - here)))
        block = window[here - window_at : here - window_at + span]
        if blake3(block).digest(length=STRONG) == signed.strong(number):
            if here > at:
                yield Literal(at, here - at)
            yield Copy(number * size, span)
            at = here + span
        number += 1
    if at < end:
        yield Literal(at, end - at)


def _table(signed: Signature) -> Dict[int, List[int]]:
    table: Dict[int, List[int]] = {}
    for number in range(signed.blocks):
        weak = int.from_bytes(signed.rows[number * ROW_SIZE : number * ROW_SIZE + 4], "little")
        candidates = table.setdefault(weak, [])
        if len(candidates) < MAX_CANDIDATES:
            candidates.append(number)
    return table


def _scanned(data: bytes, base: int, signed: Signature, table: Dict[int, List[int]]) -> Iterator[Instruction]:
    """Search every position of ``data``, which stands at ``base`` in the new file."""
    size = signed.block_size
    at = literal = 0
    failures = 0
    last = -2
    weak = weak_sum(data[:size])
    while at + size <= len(data) and failures < MAX_FAILURES:
        candidates = table.get(weak)
        if candidates:
            number = _confirm(data[at : at + size], candidates, last, signed)
            if number >= 0:
                if at > literal:
                    yield Literal(base + literal, at - literal)
                yield Copy(number * size, size)
                at += size
                literal, last = at, number
                weak = weak_sum(data[at : at + size])
                continue
            failures += 1
        if at + size < len(data):
            weak = roll(weak, data[at], data[at + size], size)
        at += 1
    if literal < len(data):
        yield Literal(base + literal, len(data) - literal)


def _confirm(block: bytes, candidates: List[int], last: int, signed: Signature) -> int:
    """The candidate with this content, the one that continues the last run first; -1 for none."""
    from blake3 import blake3

    strong = blake3(block).digest(length=STRONG)
    if last + 1 in candidates and signed.strong(last + 1) == strong:
        return last + 1
    for number in candidates:
        if signed.strong(number) == strong:
            return number
    return -1


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
