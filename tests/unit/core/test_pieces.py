# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathered pieces are the same bytes, none too small but the last, and a large one is passed on as it is."""

from __future__ import annotations

from typing import List

from copia.core.pieces import gathered
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.binary(max_size=9), max_size=20), st.integers(1, 12))
def test_law_gathering_changes_no_byte(pieces: List[bytes], least: int) -> None:
    found = list(gathered(pieces, least))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(piece) >= least for piece in found[:-1])
    assert all(len(piece) < least + 9 for piece in found)


def test_a_large_piece_is_not_copied() -> None:
    pieces = [b"x" * 100, b"y" * 100]
    assert all(one is other for one, other in zip(pieces, gathered(pieces, 50)))
