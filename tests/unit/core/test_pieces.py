# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathered pieces are the same bytes, the small ones together, and a large one is passed on as it is."""

from __future__ import annotations

from typing import List

from copia.core.pieces import gathered
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
