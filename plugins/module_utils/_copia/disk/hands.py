# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hands: work on many small files is mostly the kernel's, and is done without Python's lock."""

from __future__ import annotations

import functools
import itertools
import queue
import threading
from collections import deque
from typing import Callable, Deque, Dict, Generic, Iterable, Iterator, List, Optional, Sequence, TypeVar

from ..core import twin

HANDS = 2
ENOUGH, MANY = 256 * 1024, 256
"""Bytes, and pieces, that are handed over at once."""
P = TypeVar("P")
R = TypeVar("R")


def each(do: Callable[[P], R], parts: Sequence[P], hands: int = HANDS) -> List[R]:
    """``do`` for each of ``parts``, at most ``hands`` at once; the results in their order.

    The first exception of ``do`` (or of a user who interrupts) is raised when all hands have let go of what they hold;
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

    helpers = [threading.Thread(target=work) for _part in parts[1:hands]]
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


class _Job(Generic[P, R]):
    """A part on its way through a hand."""

    def __init__(self, part: P) -> None:
        self.part = part
        self.results: List[R] = []
        self.errors: List[BaseException] = []
        self._done = threading.Lock()
        self._done.acquire()

    def work(self, do: Callable[[P], R]) -> None:
        """Do it, well or not."""
        try:
            self.results.append(do(self.part))
        except BaseException as error:
            self.errors.append(error)
        self._done.release()

    def result(self) -> R:
        """What came out; what was raised is raised here."""
        self._done.acquire()
        for error in self.errors:
            raise error
        return self.results[0]


def go_through(hands: int) -> Callable[[Callable[[P], R], Iterable[P]], Iterable[R]]:
    """``map``, or a map that works a few parts ahead with so many hands and keeps the order."""
    if hands < 2 or twin.native is None:
        return map

    return functools.partial(_in_order, hands)


def _in_order(hands: int, do: Callable[[P], R], parts: Iterable[P]) -> Iterator[R]:
    jobs: "queue.SimpleQueue[Optional[_Job[P, R]]]" = queue.SimpleQueue()
    waiting: Deque[_Job[P, R]] = deque()

    def work() -> None:
        for job in iter(jobs.get, None):
            job.work(do)

    threads = [threading.Thread(target=work, daemon=True) for _hand in range(hands)]
    for thread in threads:
        thread.start()
    try:
        for part in parts:
            waiting.append(_Job(part))
            jobs.put(waiting[-1])
            if len(waiting) > 2 * hands:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for _thread in threads:
            jobs.put(None)
        for thread in threads:
            thread.join()


def ahead(hands: int) -> Callable[[Callable[[P], R], Iterable[P]], Iterator[R]]:
    """A map that has so many hands do parts while the next ones are fetched, and keeps the order; the hands come with
    the second part.
    """

    def through(do: Callable[[P], R], parts: Iterable[P]) -> Iterator[R]:
        waiting = iter(parts)
        first = list(itertools.islice(waiting, 2))
        everything = itertools.chain(first, waiting)
        if len(first) < 2 or twin.native is None:
            yield from map(do, everything)
        else:
            yield from _in_order(hands, do, everything)

    return through


class Hashing:
    """The BLAKE3 of what passes by, computed beside it by a hand of its own, at most a few pieces behind.

    The hand is there from the first pieces that are worth it.
    """

    def __init__(self) -> None:
        from blake3 import blake3

        self._state = blake3()
        self._waiting: "queue.Queue[List[bytes]]" = queue.Queue(4)
        self._gathered: List[bytes] = []
        self._size = 0
        self._hand: Optional[threading.Thread] = None

    def _work(self) -> None:
        while True:
            pieces = self._waiting.get()
            if not pieces:
                return
            self._take_in(pieces)

    def _take_in(self, pieces: List[bytes]) -> None:
        for piece in pieces:
            self._state.update(piece)

    def update(self, piece: bytes) -> None:
        """Take in the next piece. Small ones are handed over together."""
        self._gathered.append(piece)
        self._size += len(piece)
        if self._size >= ENOUGH or len(self._gathered) >= MANY:
            if self._hand is None:
                self._hand = threading.Thread(target=self._work, daemon=True)
                self._hand.start()
            self._waiting.put(self._gathered)
            self._gathered, self._size = [], 0

    def digest(self) -> bytes:
        """The BLAKE3 of all pieces, 32 bytes; nothing can be taken in after it."""
        self.close()
        self._take_in(self._gathered)
        self._gathered = []
        return bytes(self._state.digest())

    def close(self) -> None:
        """Let the hand go. May be called twice."""
        if self._hand is not None and self._hand.is_alive():
            self._waiting.put([])
            self._hand.join()
