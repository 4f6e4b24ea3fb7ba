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

from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union

from ..values import dataclass, replace
from . import twin
from .blocks import DIGEST, Table, block_digests, equal_blocks
from .signature import MAX_BLOCK, Signature

WINDOW = 1 << 20
"""Bytes that are read at once."""
PART = 16 << 20
"""Bytes of gaps that are searched as one piece of work."""
MOST_PARTS = 256
"""Parts that are one piece of work at most."""

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, length)``: that range of the new file; shorter only at its end."""
Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Effort:
    """How much a search may cost: ``positions`` that are looked at, ``failures`` of ``blocks.Table.find`` where blocks
    have at most 4 KiB, a gap is left after a ``share`` of the file (or 8 blocks) without a match, ``step`` positions
    are looked at in one call. All is given to the file as a whole, or ``for_each_gap``.
    """

    positions: int
    failures: int
    share: int
    step: int
    for_each_gap: bool

    def failures_with(self, block_size: int) -> int:
        """How many a search for blocks of that many bytes may have: what a failure costs is a block's strong sum."""
        return max(1, self.failures * _JUDGED // max(_JUDGED, block_size))


_JUDGED = 4096
SOME = Effort(256 * 1024, 512, 32, 16 * 1024, for_each_gap=False)
"""Python rolls about 4 MB/s: this is 0.06 s, in which a link of 1 Gbit/s sends 8 MB, and a file that is new from
beginning to end is searched at more than 100 MB/s."""
ALL = Effort(1 << 62, 1 << 15, 1, WINDOW - MAX_BLOCK, for_each_gap=True)
"""Every position. What fails costs a strong sum, about as much as a scan of a few thousand positions."""


def effort() -> Effort:
    """What is worth its while with the twin that works."""
    return SOME if twin.native is None else ALL


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
Part = Tuple[Instruction, bytes]
"""An instruction, and for a copy the BLAKE3 of each of its blocks as the new file has them, 32 bytes each."""


def delta(
    read_at: ReadAt, length: int, signed: Signature, *, each: Each = map, how: Optional[Effort] = None
) -> Iterator[Instruction]:
    """What turns the basis into the new file of ``length`` bytes, in its order; adjacent copies are joined."""
    return joined(part for part, _digests in parts_of(read_at, length, signed, each=each, how=how))


def parts_of(
    read_at: ReadAt, length: int, signed: Signature, *, each: Each = map, how: Optional[Effort] = None
) -> Iterator[Part]:
    """The same in smaller parts, none joined, with the digests of what is copied.

    Front-aligned, then shifted, then searched: each looks into the gaps that the one before left.
    """
    how = how or effort()
    shift = length - signed.length
    parts = _aligned(read_at, [(Literal(0, length), b"")], 0, signed, each)
    if shift:
        parts = _aligned(read_at, parts, shift, signed, each)
    searches = _Searches(read_at, length, signed, how)
    for pieces in each(searches.solve, searches.ready(_batches(parts, how))):
        yield from pieces


def joined(parts: Iterable[Instruction]) -> Iterator[Instruction]:
    """The same instructions, with neighbours that continue each other as one."""
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
    """The new file through a window that moves forward; never beyond ``end``."""

    def __init__(self, read_at: ReadAt, end: int) -> None:
        self._read_at, self._end = read_at, end
        self._at, self._data = 0, b""

    def view(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; shorter at the end."""
        start = offset - self._at
        if start < 0 or start + length > len(self._data):
            self._at, start = offset, 0
            self._data = self._read_at(offset, min(max(length, WINDOW), self._end - offset))
        return self._data[start : start + length]


def _batches(parts: Iterable[Part], how: Effort) -> Iterator[List[Part]]:
    """Parts that are one piece of work: large gaps cut where each has an effort of its own, small ones together."""
    batch: List[Part] = []
    weight = 0
    for part, digests in parts:
        most = PART if how.for_each_gap and isinstance(part, Literal) else part.length
        for at in range(part.offset, part.offset + part.length, most):
            left = part.offset + part.length - at
            piece = part if left == part.length <= most else replace(part, offset=at, length=min(most, left))
            batch.append((piece, digests))
            weight += piece.length if isinstance(piece, Literal) else 0
            if weight >= PART or len(batch) >= MOST_PARTS:
                yield batch
                batch, weight = [], 0
    yield batch


def _aligned(read_at: ReadAt, parts: Iterable[Part], shift: int, signed: Signature, each: Each) -> Iterator[Part]:
    """The parts, with each gap compared with the blocks of the basis that lie ``shift`` bytes before it."""
    for part, digests in parts:
        if isinstance(part, Copy):
            yield part, digests
            continue
        at, end = part.offset, part.offset + part.length
        for start, stop, found in _runs(read_at, part, shift, signed, each):
            if start > at:
                yield Literal(at, start - at), b""
            yield Copy(start - shift, stop - start), found
            at = stop
        if at < end:
            yield Literal(at, end - at), b""


def _runs(read_at: ReadAt, gap: Literal, shift: int, signed: Signature, each: Each) -> Iterator[Tuple[int, int, bytes]]:
    """Start and end of each range of the gap in which every block on that diagonal is equal, and their digests."""
    size, end = signed.block_size, gap.offset + gap.length
    first = max(0, -(-(gap.offset - shift) // size))
    last = min(signed.blocks, -(-(end - shift) // size))
    count = max(1, WINDOW // size)

    def compare(number: int) -> Tuple[bytes, bytes]:
        span = min(count * size, signed.length - number * size, end - shift - number * size)
        return equal_blocks(read_at(number * size + shift, span), size, signed.part(number, min(count, last - number)))

    groups = range(first, last, count)
    compared = each(compare, groups) if len(groups) > 1 else map(compare, groups)
    for number, (equal, digests) in zip(groups, compared):
        at = equal.find(1)
        while at >= 0:
            stop = equal.find(0, at)
            stop = len(equal) if stop < 0 else stop
            end_of_run = min((number + stop) * size, signed.length) + shift
            yield (number + at) * size + shift, end_of_run, digests[at * DIGEST : stop * DIGEST]
            at = equal.find(1, stop)


class _Searches:
    """Takes parts apart: a copy stays, a gap is searched. The table is made before the first gap is given away, so that
    several hands use one.
    """

    def __init__(self, read_at: ReadAt, length: int, signed: Signature, how: Effort) -> None:
        self._read_at, self._length, self._signed, self._how = read_at, length, signed, how
        self._whole = _Search(length, signed, how)
        self._table: Optional[Table] = None

    def ready(self, batches: Iterable[List[Part]]) -> Iterator[List[Part]]:
        """The same batches, and the table by the time it is needed."""
        for batch in batches:
            if self._table is None and any(self._is_searched(part) for part, _digests in batch):
                signed = self._signed
                self._table = Table(signed.rows, signed.block_size, signed.length // signed.block_size)
            yield batch

    def _is_searched(self, part: Instruction) -> bool:
        return isinstance(part, Literal) and part.length >= self._signed.block_size

    def solve(self, parts: List[Part]) -> Iterable[Part]:
        """What a batch is made of."""
        found: List[Part] = []
        for part, digests in parts:
            if self._table is None or not isinstance(part, Literal) or not self._is_searched(part):
                found.append((part, digests))
                continue
            search = _Search(self._length, self._signed, self._how) if self._how.for_each_gap else self._whole
            found.extend(search.gap(_Window(self._read_at, part.offset + part.length), part, self._table))
        return found


class _Search:
    """The search byte by byte, with the budgets of one file, or of one gap."""

    def __init__(self, length: int, signed: Signature, how: Effort) -> None:
        self._signed, self._how = signed, how
        self._positions, self._failures = how.positions, how.failures_with(signed.block_size)
        self._patience = max(8 * signed.block_size, length // how.share)

    def gap(self, window: _Window, gap: Literal, table: Table) -> Iterator[Part]:
        """The gap, taken apart into copies and what is really new."""
        at, end = gap.offset, gap.offset + gap.length
        while True:
            hit = self._next(window, at, end, table)
            if hit is None:
                break
            here, number = hit
            stop, digests = self._run(window, here, number, end)
            if stop == here:
                break  # the file changes while it is read; its reader finds out
            if here > at:
                yield Literal(at, here - at), b""
            yield Copy(number * self._signed.block_size, stop - here), digests
            at = stop
        if at < end:
            yield Literal(at, end - at), b""

    def _next(self, window: _Window, at: int, end: int, table: Table) -> Optional[Tuple[int, int]]:
        """Where the next block of the basis stands, and its number. Positions that were passed cost budget."""
        size = self._signed.block_size
        limit = min(end - size + 1, at + self._patience)
        while at < limit and self._positions > 0 and self._failures > 0:
            step = min(self._how.step, limit - at, self._positions)
            data = window.view(at, size - 1 + step)
            if len(data) < size:
                return None  # the file shrank while it is read; its reader finds out
            found, number, self._failures = table.find(data, step, self._failures)
            if found >= 0:
                self._positions -= found
                return at + found, number
            self._positions -= step
            at += step
        return None

    def _run(self, window: _Window, here: int, number: int, end: int) -> Tuple[int, bytes]:
        """Where the blocks from ``number`` end that stand at ``here`` one behind the other, and their digests. Twice as
        many are compared each time.
        """
        signed, size = self._signed, self._signed.block_size
        stop, count = here, 2
        digests: List[bytes] = []
        while number < signed.blocks and stop < end:
            span = min(count * size, signed.length - number * size, end - stop)
            equal, found = equal_blocks(window.view(stop, span), size, signed.part(number, -(-span // size)))
            good = equal.find(0)
            if good >= 0:
                stop += good * size
                digests.append(found[: good * DIGEST])
                break
            stop += span
            digests.append(found)
            number += len(equal)
            count = min(2 * count, max(1, WINDOW // size))
        return stop, b"".join(digests)


Made = Tuple[bytes, bytes]
"""A piece of the new file, and where it was copied the BLAKE3 of each of its blocks, 32 bytes each."""


def patch(read_basis_at: ReadAt, parts: Iterable[Union[Copy, bytes]], block_size: int) -> Iterator[Made]:
    """The new file, from ranges of the basis and literal bytes, in pieces of at most a window."""
    for part in parts:
        if isinstance(part, bytes):
            yield part, b""
            continue
        for at in range(part.offset, part.offset + part.length, WINDOW):
            data = read_basis_at(at, min(WINDOW, part.offset + part.length - at))
            yield data, block_digests(data, block_size)


def sizes(parts: Iterable[Instruction]) -> Tuple[int, int]:
    """``(literal, copied)`` bytes of a delta."""
    literal = copied = 0
    for part in parts:
        if isinstance(part, Literal):
            literal += part.length
        else:
            copied += part.length
    return literal, copied
