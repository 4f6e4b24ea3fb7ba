# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new in a batch of offers: put in place many at once.

Rules
1. New is a file or a link that is staged, where its offer expects nothing and the index has nothing.
2. New things of one directory that follow each other are moved by one operation that replaces nothing. What the kernel
   moved found its place free: that is the look, and with nothing there and nothing expected the decision is to commit.
3. What the kernel refuses is looked at and decided like any other offer. So nothing is decided on the index alone.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Callable, Generator, Iterator, List, Sequence, Set, Tuple

from ..core.hub_words import Offer
from ..core.paths import TreePath, split
from . import operations as op
from .folders import Folders
from .stage import Stage

_MOST = 512
"""Names of one operation: a session that is killed dies soon."""


def runs_of_new(offers: Sequence[Offer], is_new: Callable[[int], bool]) -> Iterator[List[int]]:
    """The places of the offers, in order: new things of one directory together, any other offer by itself."""

    def together(number: int) -> Tuple[int, bytes]:
        return (-1, split(offers[number].path)[0]) if is_new(number) else (number, b"")

    for _key, run in groupby(range(len(offers)), together):
        numbers = list(run)
        yield from (numbers[start : start + _MOST] for start in range(0, len(numbers), _MOST))


def arrive(stage: Stage, folders: Folders, paths: Sequence[TreePath]) -> Generator[op.Operation, Any, Set[TreePath]]:
    """Move what is staged for ``paths``, all of one directory, into their places; the answer is which came there."""
    staged = [stage.place(path) for path in paths]
    names = [split(path)[1] for path in paths]
    try:
        there = folders.at(split(paths[0])[0])
        answers = yield op.MoveEach(staged[0][0], tuple(name for _at, name in staged), there, tuple(names))
    except OSError:
        return set()
    moved = {path for path, answer in zip(paths, answers) if answer == 0}
    for path in moved:
        stage.drop(path)
    return moved
