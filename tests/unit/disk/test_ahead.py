# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is fetched ahead is all that there is, in order, and never more than was asked for."""

from __future__ import annotations

import time
from typing import Generator, List

import pytest
from copia.disk.ahead import Flowing


def weigh(_number: int) -> int:
    return 10


class Source:
    """Numbers, and how many of them were taken."""

    def __init__(self, count: int) -> None:
        self.count, self.taken, self.is_closed = count, 0, False

    def numbers(self) -> Generator[int, None, None]:
        try:
            for number in range(self.count):
                self.taken += 1
                yield number
        finally:
            self.is_closed = True


@pytest.mark.parametrize("count", [0, 1, 63, 64, 1000])
def test_all_of_it_comes_in_order(count: int) -> None:
    source = Source(count)
    assert list(Flowing(source.numbers(), weigh, 640)) == list(range(count))
    assert source.is_closed


def settled(source: Source) -> int:
    """How many were taken once nobody takes more."""
    before = -1
    while before != source.taken:
        before = source.taken
        time.sleep(0.05)
    return before


def test_it_is_so_far_ahead_and_no_further() -> None:
    source = Source(10_000)
    flow = Flowing(source.numbers(), weigh, 640)
    assert 64 <= settled(source) <= 66
    reading = iter(flow)
    got: List[int] = [next(reading) for _time in range(500)]
    assert got == list(range(500))
    assert 500 < settled(source) <= 500 + 66
    flow.stop()


def test_who_stops_it_has_the_source_left_and_nobody_takes_that_for_its_end() -> None:
    source = Source(10_000)
    flow = Flowing(source.numbers(), weigh, 640)
    settled(source)
    flow.stop()
    flow.wait()
    assert source.is_closed and source.taken < 200
    with pytest.raises(RuntimeError):
        list(flow)


def test_what_the_source_raises_comes_after_what_it_gave() -> None:
    def failing() -> Generator[int, None, None]:
        yield from range(100)
        raise OSError("cannot be read")

    got: List[int] = []
    with pytest.raises(OSError, match="cannot be read"):
        got.extend(Flowing(failing(), weigh, 640))
    got = []
    with pytest.raises(OSError, match="cannot be read"):
        for number in Flowing(failing(), weigh, 640):
            got.append(number)
    assert got == list(range(100))


def test_it_is_gone_through_once() -> None:
    flow = Flowing(Source(5).numbers(), weigh, 640)
    assert len(list(flow)) == 5
    with pytest.raises(RuntimeError):
        list(flow)
