# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The C twin gives what the Python twin gives: sums, comparisons, searches and whole deltas."""

from __future__ import annotations

import random

import pytest
from copia.core import delta as engine
from copia.core import rolling
from copia.core.delta import delta, signature
from copia.core.rolling import ROW_SIZE, Effort, PythonTable, python_block_sums, python_equal_blocks
from hypothesis import given, settings
from hypothesis import strategies as st

native = pytest.importorskip("_copia_native", reason="the C wheel is not installed: python -m tests.chores native")

TEXT = st.binary(max_size=300) | st.lists(st.sampled_from([b"ab", b"b" * 7, bytes(64)]), max_size=30).map(b"".join)
SIZES = st.integers(1, 70)
LENGTHS = [0, 1, 63, 64, 65, 511, 512, 1023, 1024, 1025, 2047, 2048, 3072, 4096, 5119, 16384, 65535, 65536, 200_001]
EFFORTS = st.builds(
    Effort, st.integers(1, 400), st.integers(1, 40), st.integers(1, 9), st.sampled_from([1, 50, 1 << 62])
)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [64, 512, 1000, 1024, 1025, 2048, 3072, 4096, 65536])
def test_sums_are_those_of_the_package_for_every_length(length: int, size: int) -> None:
    data = random.Random(length).randbytes(length)
    assert native.block_sums(data, 0, length, size) == python_block_sums(data, 0, length, size)


def test_the_largest_sums_do_not_wrap() -> None:
    data = b"\xff" * 131_073
    assert native.block_sums(data, 0, len(data), 65536) == python_block_sums(data, 0, len(data), 65536)


@given(TEXT, SIZES, st.integers(0, 20), st.booleans())
def test_law_sums_of_any_range_are_equal(data: bytes, size: int, start: int, mutable: bool) -> None:
    start = min(start, len(data))
    given_data = bytearray(data) if mutable else data
    assert native.block_sums(given_data, start, len(data), size) == python_block_sums(data, start, len(data), size)


@given(TEXT, TEXT, SIZES, st.integers(0, 5))
def test_law_comparisons_are_equal(basis: bytes, new: bytes, size: int, first: int) -> None:
    rows = python_block_sums(basis, 0, len(basis), size)
    first = min(first, len(rows) // ROW_SIZE)
    end = min(len(new), (len(rows) // ROW_SIZE - first) * size)
    arguments = (new, 0, end, size, rows, first)
    assert native.equal_blocks(*arguments) == python_equal_blocks(*arguments)


@given(TEXT, TEXT, SIZES, st.integers(1, 8), st.integers(0, 9), st.integers(0, 9))
def test_law_searches_are_equal(
    basis: bytes, new: bytes, size: int, candidates: int, failures: int, start: int
) -> None:
    rows = python_block_sums(basis, 0, len(basis), size)
    new += basis[3:]
    start = min(start, len(new))
    tables = [kind(rows, len(basis) // size, size, candidates) for kind in (native.Table, PythonTable)]
    one, other = (table.find(new, start, len(new), failures) for table in tables)
    assert one == other


@settings(deadline=None)
@given(TEXT, TEXT, st.integers(0, 60), SIZES, EFFORTS)
def test_law_with_one_effort_both_twins_make_one_delta(
    basis: bytes, other: bytes, at: int, size: int, effort: Effort
) -> None:
    signed, new = signature([basis], size), basis[:at] + other + basis[at:]
    made = []
    for block_sums, equal_blocks, table in (
        (native.block_sums, native.equal_blocks, native.Table),
        (python_block_sums, python_equal_blocks, PythonTable),
    ):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(engine, "block_sums", block_sums)
            patched.setattr(engine, "equal_blocks", equal_blocks)
            patched.setattr(engine, "Table", table)
            assert signature([basis], size) == signed
            made.append(list(delta(lambda offset, length: new[offset : offset + length], len(new), signed, effort)))
    assert made[0] == made[1]


BAD = [
    (native.block_sums, (b"abc", 0, 4, 1)),
    (native.block_sums, (b"abc", -1, 2, 1)),
    (native.block_sums, (b"abc", 2, 1, 1)),
    (native.block_sums, (b"abc", 0, 3, 0)),
    (native.block_sums, (b"abc", 0, 3, 65537)),
    (native.equal_blocks, (b"abc", 0, 3, 1, bytes(40), 0)),
    (native.equal_blocks, (b"abc", 0, 1, 1, bytes(40), 3)),
    (native.equal_blocks, (b"abc", 0, 1, 1, bytes(40), -1)),
    (native.Table, (bytes(40), 3, 512, 8)),
    (native.Table, (bytes(40), -1, 512, 8)),
    (native.Table, (bytes(40), 2, 512, 0)),
    (native.Table(bytes(40), 2, 1, 8).find, (b"abc", 0, 4, 1)),
    (native.Table(bytes(40), 2, 1, 8).find, (b"abc", 0, 3, -1)),
]


@pytest.mark.parametrize(("function", "arguments"), BAD)
def test_what_is_out_of_bounds_is_refused(function: "object", arguments: "tuple[object, ...]") -> None:
    assert callable(function)
    with pytest.raises(ValueError):
        function(*arguments)


def test_what_is_no_bytes_is_refused() -> None:
    with pytest.raises(TypeError):
        native.block_sums("text", 0, 4, 1)


def test_the_module_that_is_used_has_the_number_that_the_door_expects() -> None:
    assert rolling.ENGINE == "native" and native.ABI == rolling.ABI
