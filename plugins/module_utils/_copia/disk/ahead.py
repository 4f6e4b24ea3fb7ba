# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is begun before its result is asked for, in a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, Generator, Generic, Iterator, List, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """One call, under way. Ask for its result, or wait for its end: it may use what the caller is about to close."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: List[T] = []
        self._errors: List[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:
            self._errors.append(error)

    def wait(self) -> None:
        """Until it is done, well or not."""
        self._thread.join()

    def is_done(self) -> bool:
        """Whether it is done, well or not."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """What the call returned; what it raised is raised here."""
        self.wait()
        for error in self._errors:
            raise error
        return self._results[0]


class Flowing(Generic[T]):
    """What ``source`` gives, fetched at most about ``most`` ahead of who goes through it, where ``weigh`` says how much
    one is, and handed over in so many ``shares`` of that. To be gone through once; stop it when it is not gone through
    to its end.
    """

    def __init__(
        self, source: Generator[T, None, None], weigh: Callable[[T], int], most: int, shares: int = 64
    ) -> None:
        self._source, self._weigh, self._most = source, weigh, most
        self._share = most // shares
        self._parts: Deque[List[T]] = deque()
        self._weight = 0
        self._is_over = self._is_unwanted = False
        self._turn = threading.Condition()
        self._fetching = Ahead(self._fetch)

    def _fetch(self) -> None:
        part: List[T] = []
        weight = 0
        try:
            for one in self._source:
                part.append(one)
                weight += self._weigh(one)
                if weight >= self._share:
                    if not self._hand_over(part, weight):
                        return
                    part, weight = [], 0
        finally:
            self._source.close()
            with self._turn:
                self._parts.append(part)
                self._is_over = True
                self._turn.notify()

    def _hand_over(self, part: List[T], weight: int) -> bool:
        """Give a part away when there is room; whether it is still wanted."""
        with self._turn:
            self._turn.wait_for(lambda: self._weight < self._most or self._is_unwanted)
            self._parts.append(part)
            self._weight += weight
            self._turn.notify()
            return not self._is_unwanted

    def __iter__(self) -> Iterator[T]:
        """What the source gives; what it raises is raised here.

        :raises RuntimeError: when it was stopped: this is not the end of it.
        """
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._parts or self._is_over)
                if not self._parts:
                    break
                part = self._parts.popleft()
                self._weight -= sum(map(self._weigh, part))
                self._turn.notify()
            yield from part
        self._fetching.result()
        if self._is_unwanted:
            raise RuntimeError("a flow that was stopped, or gone through before, is gone through")
        self._is_unwanted = True

    def stop(self) -> None:
        """Have the source left as it is, soon: nobody waits for that."""
        with self._turn:
            self._is_unwanted = True
            self._turn.notify_all()

    def wait(self) -> None:
        """Until the source is left."""
        self._fetching.wait()
