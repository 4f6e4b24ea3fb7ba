# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brakes stop what they are there to stop, and nothing else."""

from __future__ import annotations

import pytest
from copia.core import brakes
from copia.core.brakes import Limit, parse_limit
from copia.core.errors import InputError
from hypothesis import given
from hypothesis import strategies as st

LIMITS = {"50%": Limit(50, True), " 20 ": Limit(20, False), "0": Limit(0, False), "0%": Limit(0, True)}


@pytest.mark.parametrize(("text", "limit"), LIMITS.items())
def test_a_limit_is_a_count_or_a_percentage(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize("text", ["", "half", "-1", "101%", "50 %%", "1.5", "٣"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match="max_delete is"):
        parse_limit(text)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 100))
def test_law_a_percentage_is_exact(removals: int, entries: int, percent: int) -> None:
    assert brakes.too_many_removals(removals, entries, percent, True) == (removals > entries * percent / 100)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_law_no_removal_pulls_no_brake(entries: int, number: int) -> None:
    assert not brakes.too_many_removals(0, entries, number, False)
    assert not brakes.source_emptied(0, 0)
    assert not brakes.source_unknown(True, 0)


def test_an_empty_source_and_an_unknown_one_pull_theirs() -> None:
    assert brakes.source_emptied(0, 1) and not brakes.source_emptied(1, 1)
    assert brakes.source_unknown(True, 1) and not brakes.source_unknown(False, 1)
