# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The weak sum is Adler-32, rolled or fresh, for every block size that there is."""

from __future__ import annotations

import random
import zlib

import pytest
from copia.core import rolling
from copia.core.signature import MAX_BLOCK, MIN_BLOCK
from hypothesis import given
from hypothesis import strategies as st

BLOCK_SIZES = [MIN_BLOCK << power for power in range((MAX_BLOCK // MIN_BLOCK).bit_length())]


def by_the_book(block: bytes) -> int:
    """RFC 1950, section 8.2, as it is written there."""
    low, high = 1, 0
    for byte in block:
        low = (low + byte) % 65521
        high = (high + low) % 65521
    return high * 65536 + low


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
@pytest.mark.parametrize("content", ["random", "all bytes 255"])
def test_a_rolled_sum_is_a_fresh_sum_for_every_block_size(block_size: int, content: str) -> None:
    data = (
        random.Random(block_size).randbytes(block_size + 700) if content == "random" else b"\xff" * (block_size + 700)
    )
    weak = rolling.weak_sum(data[:block_size])
    for at in range(700):
        weak = rolling.roll(weak, data[at], data[at + block_size], block_size)
        assert weak == rolling.weak_sum(data[at + 1 : at + 1 + block_size])


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_a_rolled_sum_is_a_fresh_sum_for_a_short_last_block(block_size: int) -> None:
    length = block_size // 3
    data = random.Random(1).randbytes(length + 100)
    weak = rolling.weak_sum(data[:length])
    for at in range(100):
        weak = rolling.roll(weak, data[at], data[at + length], length)
    assert weak == rolling.weak_sum(data[100 : 100 + length])


@given(st.binary(max_size=3000))
def test_the_sum_is_that_of_the_standard(block: bytes) -> None:
    assert rolling.weak_sum(block) == by_the_book(block) == zlib.adler32(block)


@given(st.binary(min_size=1, max_size=200), st.binary(min_size=1, max_size=100))
def test_law_rolling_over_any_bytes_equals_summing_afresh(first: bytes, following: bytes) -> None:
    data, length = first + following, len(first)
    weak = rolling.weak_sum(first)
    for at, into in enumerate(following):
        weak = rolling.roll(weak, data[at], into, length)
    assert weak == rolling.weak_sum(data[len(following) :])


@given(data=st.binary(max_size=120), size=st.integers(1, 40), wanted=st.lists(st.binary(min_size=1, max_size=40)))
def test_law_the_search_finds_the_first_window_with_a_known_sum(data: bytes, size: int, wanted: "list[bytes]") -> None:
    known = {rolling.weak_sum(block): 0 for block in [*wanted, data[7 : 7 + size]]}
    positions = range(len(data) - size + 1)
    first = next((at for at in positions if rolling.weak_sum(data[at : at + size]) in known), -1)
    assert rolling.search(data, size, known) == first
