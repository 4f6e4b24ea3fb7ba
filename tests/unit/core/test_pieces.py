# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces are the same bytes, however they are put together, and a large one is passed on as it is."""

from __future__ import annotations

from itertools import accumulate
from typing import List

from copia.core.pieces import after, aligned, bundled, gathered
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.binary(max_size=9), max_size=20), st.integers(1, 12))
def test_law_gathering_changes_no_byte_and_leaves_no_two_small_ones_together(pieces: List[bytes], enough: int) -> None:
    found = list(gathered(pieces, enough))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(one) + len(other) >= enough for one, other in zip(found, found[1:]))
    assert all(len(piece) < enough + 9 for piece in found)


def test_a_large_piece_is_not_copied() -> None:
    pieces = [b"x" * 100, b"y" * 100]
    found = list(gathered([pieces[0], b"a", b"b", pieces[1]], 50))
    assert found[1] == b"ab"
    assert found[0] is pieces[0] and found[2] is pieces[1]


@given(st.lists(st.binary(max_size=9), max_size=20), st.integers(1, 30), st.integers(1, 6))
def test_law_bundling_changes_no_byte_and_a_bundle_has_few_pieces(pieces: List[bytes], enough: int, small: int) -> None:
    bundles = list(bundled(pieces, enough, small))
    assert b"".join(map(b"".join, bundles)) == b"".join(pieces)
    assert all(sum(map(len, bundle)) >= enough for bundle in bundles[:-1])
    assert all(len(one) + len(other) >= small for bundle in bundles for one, other in zip(bundle, bundle[1:]))


@given(st.lists(st.binary(max_size=40), max_size=9), st.integers(0, 50), st.integers(1, 16))
def test_law_runs_are_the_same_bytes_and_end_at_multiples(pieces: List[bytes], at: int, size: int) -> None:
    runs = [b"".join(run) for run in aligned(pieces, at, size)]
    assert b"".join(runs) == b"".join(pieces)
    ends = list(accumulate(map(len, runs), initial=at))[1:]
    assert all(0 < len(run) <= size for run in runs) and all(end % size == 0 for end in ends[:-1])


@given(st.lists(st.binary(min_size=1, max_size=5), max_size=6), st.data())
def test_law_what_is_left_of_a_run_is_all_but_what_is_done(pieces: List[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    done = data.draw(st.integers(0, len(whole)))
    left = after([memoryview(piece) for piece in pieces], done)
    assert b"".join(left) == whole[done:] and all(left)
