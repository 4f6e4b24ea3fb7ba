# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The weak sum: Adler-32 over a block (RFC 1950, section 8.2), how it rolls, and the search with it.

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
from typing import Container

MODULUS = 65521
"""The largest prime below 2**16."""


def weak_sum(block: bytes) -> int:
    """The weak sum of ``block``, 32 bits."""
    return zlib.adler32(block)


def roll(weak: int, out: int, into: int, length: int) -> int:
    """The weak sum of a window of ``length`` bytes after it moved by one: byte ``out`` left it, byte ``into`` came."""
    low = ((weak & 0xFFFF) - out + into) % MODULUS
    high = ((weak >> 16) - length * out + low - 1) % MODULUS
    return high << 16 | low


def search(data: bytes, size: int, known: Container[int]) -> int:
    """The first position in ``data`` where a window of ``size`` bytes has a ``known`` weak sum; -1 where none has.

    The arithmetic is that of ``roll``, written out: a call for every byte would halve the speed (about 4 MB/s).
    """
    if len(data) < size:
        return -1
    weak = weak_sum(data[:size])
    if weak in known:
        return 0
    low, high = weak & 0xFFFF, weak >> 16
    for at, (out, into) in enumerate(zip(data, data[size:]), 1):
        low = (low - out + into) % MODULUS
        high = (high - size * out + low - 1) % MODULUS
        if high << 16 | low in known:
            return at
    return -1
