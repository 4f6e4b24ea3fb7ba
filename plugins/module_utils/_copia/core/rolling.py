# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The weak sum: Adler-32 over a block (RFC 1950, section 8.2), how it rolls, the strong sum, and the search with them.

One definition for every block size, that of ``zlib.adler32``: a block's sum comes from zlib at C speed, and moving the
window by one byte costs a few operations. All arithmetic is mod 65521, for a window ``x[0] .. x[n-1]``::

    a = 1 + x[0] + x[1] + ... + x[n-1]
    b = n + n*x[0] + (n-1)*x[1] + ... + x[n-1]
    sum = b << 16 | a

    moved by one byte, x[0] out and x[n] in:    a' = a - x[0] + x[n]        b' = b - n*x[0] + a' - 1

Why this sum: docs/decisions/weak-sum.md.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Dict, Tuple, Union

try:
    import _copia_native as _twin
except ImportError:
    _twin = None

ABI = 1
"""The native module's number that this file was written for; another one counts as not installed."""
if _twin is not None and _twin.ABI != ABI:
    _twin = None
ENGINE = "python" if _twin is None else "native"
"""Which twin computes and searches: this file, or the C module ``_copia_native`` where that is installed."""

MODULUS = 65521
"""The largest prime below 2**16."""
STRONG = 16
ROW_SIZE = 4 + STRONG
"""A row: the weak sum, 4 bytes little endian, and the strong sum."""
Data = Union[bytes, bytearray]


@dataclass(frozen=True)
class Effort:
    """What the search in one file may cost; identical efforts have identical results, whichever twin searches.

    ``positions`` are looked at, at most. A gap is left after ``file / share`` positions (or 8 blocks) without a match.
    ``failures`` windows may only seem to match, and ``file / failure_share`` more.
    """

    positions: int
    share: int
    failures: int
    failure_share: int


PYTHON_EFFORT = Effort(256 * 1024, 32, 512, 1 << 62)
"""Python rolls about 4 MB/s: 0.06 s, in which a link of 1 Gbit/s sends 8 MB. A file that is new from beginning to end
is searched at more than 100 MB/s, and not slower than it is sent."""
NATIVE_EFFORT = Effort(1 << 62, 1, 512, 1024)
"""Everything is searched; failures come to what random data has with the largest table, and not more."""


def weak_sum(block: bytes) -> int:
    """The weak sum of ``block``, 32 bits."""
    return zlib.adler32(block)


def strong_sum(block: bytes) -> bytes:
    """The strong sum of ``block``: the first 16 bytes of its BLAKE3."""
    from blake3 import blake3

    return bytes(blake3(block).digest(length=STRONG))


def roll(weak: int, out: int, into: int, length: int) -> int:
    """The weak sum of a window of ``length`` bytes after it moved by one: byte ``out`` left it, byte ``into`` came."""
    low = ((weak & 0xFFFF) - out + into) % MODULUS
    high = ((weak >> 16) - length * out + low - 1) % MODULUS
    return high << 16 | low


def _blocks(data: Data, start: int, end: int, size: int) -> "list[bytes]":
    return [bytes(data[at : min(at + size, end)]) for at in range(start, end, size)]


def python_block_sums(data: Data, start: int, end: int, size: int) -> bytes:
    """The rows of the blocks of ``data[start:end]``; the last block may be short."""
    blocks = _blocks(data, start, end, size)
    return b"".join(weak_sum(block).to_bytes(4, "little") + strong_sum(block) for block in blocks)


def python_equal_blocks(data: Data, start: int, end: int, size: int, rows: bytes, first: int) -> bytes:
    """For each block of ``data[start:end]`` one byte: 1 where it has the sums of its row, from row ``first`` on."""
    flags, at = bytearray(), first * ROW_SIZE
    for block in _blocks(data, start, end, size):
        same = weak_sum(block) == int.from_bytes(rows[at : at + 4], "little")
        flags.append(same and strong_sum(block) == rows[at + 4 : at + ROW_SIZE])
        at += ROW_SIZE
    return bytes(flags)


class PythonTable:
    """The first ``count`` rows, all of whole blocks of ``size`` bytes, by weak sum.

    Of equal rows the first is kept, and at most ``candidates`` with one weak sum. Weak sums are rarely shared, so the
    first number is kept plain: about 130 bytes a block instead of 200.
    """

    def __init__(self, rows: bytes, count: int, size: int, candidates: int) -> None:
        self._rows, self._size = rows, size
        self._first: Dict[int, int] = {}
        self._others: Dict[int, Tuple[int, ...]] = {}
        for number in range(count):
            weak = int.from_bytes(rows[number * ROW_SIZE : number * ROW_SIZE + 4], "little")
            if self._first.setdefault(weak, number) == number:
                continue
            known = self._candidates(weak)
            if len(known) < candidates and all(self._strong(number) != self._strong(other) for other in known):
                self._others[weak] = (*known[1:], number)

    def _strong(self, number: int) -> bytes:
        return self._rows[number * ROW_SIZE + 4 : (number + 1) * ROW_SIZE]

    def _candidates(self, weak: int) -> Tuple[int, ...]:
        return (self._first[weak], *self._others.get(weak, ()))

    def find(self, data: Data, start: int, end: int, failures: int) -> Tuple[int, int, int]:
        """The first window of ``data[start:end]`` that is a block: ``(position, number, failed)``.

        Without one, or after ``failures`` windows that only seemed to be one, the number is -1 and the position the
        first that was not looked at. The arithmetic is that of ``roll``, written out: a call for every byte would
        halve the speed.
        """
        size, known, failed = self._size, self._first, 0
        if end - start < size or not known or failures < 1:
            return start, -1, 0
        weak = weak_sum(bytes(data[start : start + size]))
        low, high = weak & 0xFFFF, weak >> 16
        for at in range(start, end - size + 1):
            if high << 16 | low in known:
                strong = strong_sum(bytes(data[at : at + size]))
                for number in self._candidates(high << 16 | low):
                    if self._strong(number) == strong:
                        return at, number, failed
                failed += 1
                if failed == failures:
                    return at + 1, -1, failed
            if at + size < end:
                low = (low - data[at] + data[at + size]) % MODULUS
                high = (high - size * data[at] + low - 1) % MODULUS
        return end - size + 1, -1, failed


block_sums = python_block_sums if _twin is None else _twin.block_sums
equal_blocks = python_equal_blocks if _twin is None else _twin.equal_blocks
Table: Any = PythonTable if _twin is None else _twin.Table
EFFORT = PYTHON_EFFORT if _twin is None else NATIVE_EFFORT
