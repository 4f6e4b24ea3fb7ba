# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of blocks: both twins against the book, arguments that are refused, and work that stays bounded."""

from __future__ import annotations

import random
import zlib

import pytest
from blake3 import blake3
from copia.core.blocks import MAX_CANDIDATES, Table, block_digests, block_rows, equal_blocks

from tests.twins import KINDS, choose, module

LENGTHS = [0, 1, 63, 64, 65, 511, 512, 1023, 1024, 1025, 2047, 2048, 3072, 4096, 5119, 16384, 65535, 65536, 200_001]


@pytest.fixture(autouse=True, params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test here is told to both twins."""
    choose(monkeypatch, request.param)
    return str(request.param)


def by_the_book(data: bytes, size: int) -> bytes:
    rows = []
    for at in range(0, len(data), size):
        block = data[at : at + size]
        sums = (zlib.adler32(block), zlib.adler32(block[: len(block) // 2]))
        rows.append(b"".join(number.to_bytes(4, "little") for number in sums) + blake3(block).digest()[:16])
    return b"".join(rows)


def rows_of(data: bytes, size: int) -> bytes:
    return block_rows(data, size)[0]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [1, 64, 512, 1000, 1024, 1025, 2048, 3072, 4096, 65536])
def test_rows_are_those_of_the_book_for_every_length(length: int, size: int) -> None:
    data = random.Random(length).randbytes(min(length, 300 * size))
    rows, digests = block_rows(data, size)
    assert rows == by_the_book(data, size)
    assert digests == b"".join(blake3(data[at : at + size]).digest() for at in range(0, len(data), size))
    assert block_digests(data, size) == digests
    assert equal_blocks(data, size, rows) == (b"\1" * (len(rows) // 24), digests)


@pytest.mark.parametrize("lanes", [-1, 4, 8, 16])
@pytest.mark.parametrize("size", [64, 512, 1024, 4096, 16384, 65536])
def test_the_c_twin_gives_the_same_digests_with_any_number_of_lanes(size: int, lanes: int) -> None:
    """As many as the processor has: a width that it lacks is the next narrower one."""
    data = random.Random(size).randbytes(max(40 * 1024, 3 * size) + 1)
    for length in (*range(0, 40 * 1024 + 1, 1024), len(data)):
        expected = b"".join(blake3(data[at : min(at + size, length)]).digest() for at in range(0, length, size))
        assert module().block_digests(data[:length], size, lanes) == expected


def test_the_largest_sums_do_not_wrap() -> None:
    data = b"\xff" * 131_073
    assert rows_of(data, 65536) == by_the_book(data, 65536)


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_a_block_of_the_largest_bytes_is_found_wherever_it_stands(size: int) -> None:
    basis = b"\xff" * size
    new = random.Random(size).randbytes(1000) + b"\xfe" * 70 + basis
    assert Table(rows_of(basis, size), size, 1).find(new, len(new), 9) == (1070, 0, 9)


def test_where_data_ends_no_block_is_equal() -> None:
    rows, digests = block_rows(b"abcabcabc", 3)
    assert equal_blocks(b"abcab", 3, rows) == (b"\1\0\0", digests[:32] + bytes(64))
    assert equal_blocks(b"", 3, rows) == (b"\0\0\0", bytes(96))
    assert equal_blocks(b"abcabcabcabc", 3, rows) == (b"\1\1\1", digests)


def test_a_block_that_only_seems_to_be_equal_is_another_one() -> None:
    rows, digests = block_rows(TWINS[0] * 3, 1024)
    assert equal_blocks(TWINS[0] + TWINS[1] + TWINS[0], 1024, rows) == (
        b"\1\0\1",
        digests[:32] + bytes(32) + digests[64:],
    )


TWINS = bytes([10, 20, 30, 40]) * 256, bytes([11, 18, 31, 40]) * 256
"""Two blocks with one Adler-32, of the whole and of the half."""


def test_each_window_that_only_seems_to_match_is_a_failure_and_they_are_counted() -> None:
    assert zlib.adler32(TWINS[0]) == zlib.adler32(TWINS[1])
    table = Table(rows_of(TWINS[0], 1024), 1024, 1)
    new = TWINS[1] + bytes(2000) + TWINS[0]
    assert table.find(new, len(new), 5) == (3024, 0, 4)
    assert table.find(new, len(new), 1) == (-1, 0, 0)
    assert table.find(new, len(new), 0) == (-1, 0, 0)


def test_only_the_first_blocks_with_one_weak_sum_are_known() -> None:
    basis = TWINS[0] * MAX_CANDIDATES + TWINS[1]
    table = Table(rows_of(basis, 1024), 1024, MAX_CANDIDATES + 1)
    assert table.find(TWINS[0], 1, 9) == (0, 0, 9)
    assert table.find(TWINS[1], 1, 9) == (-1, 0, 8)


def test_a_table_without_blocks_finds_nothing() -> None:
    assert Table(b"", 512, 0).find(bytes(2000), 2000, 9) == (-1, 0, 9)


def test_the_c_twin_refuses_what_is_out_of_bounds() -> None:
    native = module()
    table = native.make_table(bytes(24), 512, 1)
    for function, arguments in (
        (native.block_rows, (b"abc", 0)),
        (native.block_rows, (b"abc", 65537)),
        (native.block_digests, (b"abc", 0)),
        (native.equal_blocks, (b"abc", -1, bytes(24))),
        (native.make_table, (bytes(47), 512, 2)),
        (native.make_table, (bytes(48), 512, -1)),
        (native.find, (table, b"abc", -1, 1)),
        (native.find, (object(), b"abc", 1, 1)),
    ):
        with pytest.raises(ValueError):
            function(*arguments)
    with pytest.raises(TypeError):
        native.block_rows("text", 512)
