# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The weak sum: Adler-32 over a block (RFC 1950, section 8.2), and how it rolls.

One definition for every block size: ``a = 1 + sum of bytes mod 65521``, ``b = sum of the running a's mod 65521``,
``sum = b << 16 | a``. A block's sum comes from zlib at C speed, and moving the window by one byte costs a few
operations. See docs/decisions/weak-sum.md.
"""

from __future__ import annotations

import zlib

MODULUS = 65521
"""The largest prime below 2**16."""

ENGINE = "python"
"""Which twin computes the sums: the C one is not there yet."""


def weak_sum(block: bytes) -> int:
    """The weak sum of ``block``, 32 bits."""
    return zlib.adler32(block)


def roll(weak: int, out: int, into: int, length: int) -> int:
    """The weak sum of a window of ``length`` bytes after it moved by one: byte ``out`` left it, byte ``into`` came.

    ``a' = a - out + into``; ``b' = b - length * out + a' - 1``, both mod 65521.
    """
    low = ((weak & 0xFFFF) - out + into) % MODULUS
    high = ((weak >> 16) - length * out + low - 1) % MODULUS
    return high << 16 | low
