# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of signature, delta and patch, for any content and any block size."""

from __future__ import annotations

import random
from itertools import product
from typing import Callable, List, Tuple

from copia.core.blocks import Table, block_rows, equal_blocks
from copia.core.delta import (
    ALL,
    SOME,
    Copy,
    Effort,
    Literal,
    delta,
    patch,
    sizes,
)
from copia.core.rolling import weak_sum
from copia.core.signature import pack_signature, signature, unpack_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twins import BOTH, KINDS, using

BLOCK_SIZES = st.sampled_from([1, 2, 3, 8, 64, 512])
POWERS = st.sampled_from([512, 1024, 4096, 65536])
CONTENT = st.binary(max_size=400) | st.lists(st.sampled_from([b"a", b"b" * 7, bytes(64)]), max_size=40).map(b"".join)
EDITS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 90), st.binary(max_size=20)), max_size=4)


def edited(content: bytes, edits: List[Tuple[int, int, bytes]]) -> bytes:
    """Ranges replaced by other bytes: insertions, deletions and changes."""
    for at, removed, inserted in edits:
        content = content[:at] + inserted + content[at + removed :]
    return content


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


def split(content: bytes, cuts: List[int]) -> List[bytes]:
    places = [0, *sorted(cut for cut in cuts if cut <= len(content)), len(content)]
    return [content[start:end] for start, end in zip(places, places[1:])]


@settings(max_examples=300, deadline=None)
@given(CONTENT, EDITS, CONTENT, BLOCK_SIZES)
def test_law_patch_of_delta_of_sign_is_identity(
    basis: bytes, edits: "list[tuple[int, int, bytes]]", other: bytes, block_size: int
) -> None:
    for kind, new in product(KINDS, (edited(basis, edits), other, basis + other, other + basis)):
        with using(kind):
            parts = list(delta(reader(new), len(new), signature([basis], block_size)))
        filled = [part if isinstance(part, Copy) else new[part.offset : part.offset + part.length] for part in parts]
        assert b"".join(piece for piece, _digests in patch(reader(basis), filled, block_size)) == new
        assert sum(sizes(parts)) == len(new)
        assert all(part.length > 0 for part in parts)


@settings(deadline=None)
@given(CONTENT.filter(len), BLOCK_SIZES)
def test_law_an_identical_file_has_no_literals(basis: bytes, block_size: int) -> None:
    for kind in KINDS:
        with using(kind):
            assert list(delta(reader(basis), len(basis), signature([basis], block_size))) == [Copy(0, len(basis))]


@settings(deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, 1 << 18), st.binary(min_size=1, max_size=3000))
def test_law_a_single_insertion_leaves_at_most_two_blocks(seed: int, at: int, inserted: bytes) -> None:
    basis = random.Random(seed).randbytes(1 << 18)
    new = basis[:at] + inserted + basis[at:]
    parts = list(delta(reader(new), len(new), signature([basis], 512)))
    assert sizes(parts)[0] <= len(inserted) + 2 * 512
    assert len([part for part in parts if isinstance(part, Literal)]) <= 2


@settings(deadline=None)
@given(CONTENT, st.lists(st.integers(0, 400), max_size=6), BLOCK_SIZES)
def test_law_a_signature_does_not_depend_on_how_the_file_is_cut(
    basis: bytes, cuts: "list[int]", block_size: int
) -> None:
    assert signature(split(basis, cuts), block_size) == signature([basis], block_size)


@settings(deadline=None)
@given(st.binary(min_size=2, max_size=600), st.data())
def test_law_each_row_holds_the_sums_of_its_block(basis: bytes, data: st.DataObject) -> None:
    block_size = data.draw(st.integers(1, len(basis)))
    signed = signature([basis], block_size)
    weak = [int.from_bytes(signed.rows[at : at + 4], "little") for at in range(0, len(signed.rows), 24)]
    assert weak == [weak_sum(basis[at : at + block_size]) for at in range(0, len(basis), block_size)]


@BOTH
@settings(max_examples=300, deadline=None)
@given(CONTENT, EDITS, CONTENT, BLOCK_SIZES, st.sampled_from([SOME, ALL]))
def test_law_with_the_same_effort_both_twins_say_the_same(
    basis: bytes, edits: "list[tuple[int, int, bytes]]", other: bytes, block_size: int, how: Effort
) -> None:
    for new in (edited(basis, edits), other + basis + other):
        answers = []
        for kind in ("python", "native"):
            with using(kind):
                signed = signature([basis], block_size)
                answers.append((signed, list(delta(reader(new), len(new), signed, how=how))))
        assert answers[0] == answers[1]


@BOTH
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 700), st.integers(0, 3000), st.integers(0, 5), st.data())
def test_law_both_twins_find_the_same_block_at_the_same_place(
    new: bytes, size: int, limit: int, failures: int, data: st.DataObject
) -> None:
    starts = data.draw(st.lists(st.integers(0, max(0, len(new) - size)), max_size=4))
    basis = b"".join(new[at : at + size].ljust(size, b"-") for at in starts)
    answers = []
    for kind in ("python", "native"):
        with using(kind):
            rows, _digests = block_rows(basis, size)
            table = Table(rows, size, len(starts))
            answers.append((table.find(new, limit, failures), equal_blocks(new, size, rows)))
    assert answers[0] == answers[1]


@settings(deadline=None)
@given(CONTENT, POWERS)
def test_law_unpack_of_pack_is_identity(basis: bytes, block_size: int) -> None:
    signed = signature([basis], block_size)
    assert unpack_signature(pack_signature(signed)) == signed
