# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hands: work on many small files is mostly the kernel's, and is done without Python's lock."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, Dict, Iterable, Iterator, List, Sequence, TypeVar

HANDS = 2
P = TypeVar("P")
R = TypeVar("R")


def each(do: Callable[[P], R], parts: Sequence[P]) -> List[R]:
    """``do`` for each of ``parts``, at most two at once; the results in their order.

    The first exception of ``do`` (or of a user who interrupts) is raised when both hands have let go of what they hold;
    parts that were not begun by then are left.
    """
    waiting = iter(enumerate(parts))
    results: Dict[int, R] = {}
    troubles: List[BaseException] = []

    def work() -> None:
        for index, part in waiting:
            if troubles:
                return
            try:
                results[index] = do(part)
            except BaseException as error:
                troubles.append(error)

    helpers = [threading.Thread(target=work) for _part in parts[1:HANDS]]
    for helper in helpers:
        helper.start()
    work()
    while any(helper.is_alive() for helper in helpers):
        try:
            for helper in helpers:
                helper.join()
        except KeyboardInterrupt as interrupt:
            troubles.append(interrupt)
    if troubles:
        raise troubles[0]
    return [results[index] for index in range(len(parts))]


def in_order(do: Callable[[P], R], parts: Iterable[P]) -> Iterator[R]:
    """The same for what comes one by one: results as they are asked for, a few of them ahead."""
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(HANDS) as pool:
        waiting: Deque[Future[R]] = deque()
        for part in parts:
            waiting.append(pool.submit(do, part))
            if len(waiting) > 2 * HANDS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
