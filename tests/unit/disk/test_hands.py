# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hands: results in order, trouble raised when both have let go."""

from __future__ import annotations

import threading
from typing import List

import pytest
from copia.disk.hands import each


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_results_stand_in_the_order_of_the_parts(count: int) -> None:
    assert each(lambda number: number * 2, list(range(count))) == [number * 2 for number in range(count)]


def test_two_are_at_work_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    assert each(lambda _part: both.wait() >= 0, ["left", "right"]) == [True, True]


@pytest.mark.parametrize("trouble", [OSError(28, "full"), KeyboardInterrupt()])
def test_trouble_is_raised_when_both_have_let_go_and_nothing_new_is_begun(trouble: BaseException) -> None:
    begun: List[int] = []
    ended: List[int] = []
    met = threading.Barrier(2, timeout=30)

    def do(number: int) -> None:
        begun.append(number)
        met.wait()
        if number == 0:
            raise trouble
        ended.append(number)

    with pytest.raises(type(trouble)):
        each(do, [0, 1])
    assert (sorted(begun), ended) == ([0, 1], [1])


def test_after_trouble_each_hand_begins_nothing_new() -> None:
    begun: List[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        each(fail, range(1000))
    assert 1 <= len(begun) <= 2
