# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new in a batch of offers: put in place many at once.

Rules
1. New is a file or a link that is staged, where its offer expects nothing and the index has nothing.
2. New things of one directory that follow each other are moved by one operation that replaces nothing. What the kernel
   moved found its place free: that is the look, and with nothing there and nothing expected the decision is to commit.
3. A new directory is staged with all that is offered in it, and moved into its place as a whole: where the kernel found
   its name free, nothing was there at any path below it either. It is so only when no offer of the batch expects
   something in it, no path is offered twice, and every name in it is plain: one that no file system refuses, or takes
   for another one of them.
4. What the kernel refuses is looked at and decided like any other offer, the content of a directory name by name. So
   nothing is decided on the index alone.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Callable, Container, Dict, Generator, Iterator, List, Sequence, Set, Tuple

from ..core.entries import Absent, Entry, Kind
from ..core.hub_words import Held, Offer
from ..core.paths import TreePath, path_key, split
from ..core.steps import MakeDirectory, Reason
from . import operations as op
from .folders import Folders
from .stage import Stage

_MOST = 512
"""Names of one operation: a session that is killed dies soon."""
_PLAIN = re.compile(rb"[A-Za-z0-9._+@=, -]{0,199}[A-Za-z0-9_+@=-]")


def runs_of_new(offers: Sequence[Offer], is_new: Callable[[int], bool]) -> Iterator[List[int]]:
    """The places of the offers, in order: new things of one directory together, any other offer by itself."""

    def together(number: int) -> Tuple[int, bytes]:
        return (-1, split(offers[number].path)[0]) if is_new(number) else (number, b"")

    for _key, run in groupby(range(len(offers)), together):
        numbers = list(run)
        yield from (numbers[start : start + _MOST] for start in range(0, len(numbers), _MOST))


def new_folders(
    offers: Sequence[Offer], decided: Container[int], known: Callable[[List[TreePath]], Callable[[TreePath], Held]]
) -> Tuple[MakeDirectory, ...]:
    """The directories that are staged with what goes into them, parents first; ``decided`` are the offers, by their
    place, that are not even looked at. ``known`` is asked once, for what the index says of some paths.
    """
    if len({offer.path for offer in offers}) != len(offers):
        return ()
    wanted: Dict[TreePath, Entry] = {}
    names: Dict[TreePath, Set[bytes]] = {}
    unfit: Set[TreePath] = set()
    for number, (path, expected, what) in enumerate(offers):
        if number in decided or not isinstance(what, Entry):
            continue
        directory, name = split(path)
        known_names = names.setdefault(directory, set())
        folded = name.lower()
        if not isinstance(expected, Absent) or folded in known_names or not _PLAIN.fullmatch(name):
            unfit.add(directory)
        known_names.add(folded)
        if what.kind is Kind.DIRECTORY and isinstance(expected, Absent):
            wanted[path] = what
    fit = [path for path in sorted(wanted, key=path_key) if path not in unfit]
    held = known(fit) if fit else None
    return tuple(
        MakeDirectory(path, offers[0].expected, wanted[path], Reason.ABSENT)
        for path in fit
        if held is not None and isinstance(held(path), Absent)
    )


class Arriving:
    """The new things of one batch on their way from the stage: ``arrived`` are those that are in their places."""

    def __init__(self, stage: Stage, folders: Folders, makes: Sequence[MakeDirectory]) -> None:
        self.arrived: Set[TreePath] = set()
        self._stage, self._folders, self._makes = stage, folders, makes
        self._inside: Dict[TreePath, List[TreePath]] = {step.path: [] for step in makes}

    def staged(self, paths: Iterator[TreePath]) -> None:
        """Note what was staged, beside the directories."""
        inside = self._inside
        for path in (*(step.path for step in self._makes), *paths):
            below = inside.get(split(path)[0])
            if below is not None:
                below.append(path)

    def is_folder(self, path: TreePath) -> bool:
        """Whether it is a directory that is staged, and not in its place."""
        return path in self._inside and path not in self.arrived

    def move(self, paths: Sequence[TreePath]) -> "Generator[op.Operation, Any, None]":
        """Move files and links, all of one directory, into their places."""
        staged = [self._stage.place(path) for path in paths]
        names = [split(path)[1] for path in paths]
        try:
            there = self._folders.at(split(paths[0])[0])
            answers = yield op.MoveEach(staged[0][0], tuple(name for _at, name in staged), there, tuple(names))
        except OSError:
            return
        for path, answer in zip(paths, answers):
            if answer == 0:
                self._stage.drop(path)
                self.arrived.add(path)

    def move_folder(self, path: TreePath) -> "Generator[op.Operation, Any, None]":
        """Move a directory into its place, with everything in it."""
        directory, name = split(path)
        try:
            yield op.MoveNew(*self._stage.place(path), self._folders.at(directory), name)
        except OSError:
            return
        self._folders.forget(path)
        waiting = [path]
        while waiting:
            path = waiting.pop()
            below = self._inside.get(path)
            self._stage.forget_folder(path) if below is not None else self._stage.drop(path)
            self.arrived.add(path)
            waiting.extend(below or ())

    def cleared(self, paths: Iterator[TreePath]) -> op.Acts:
        """Remove what is still staged: of files and links at ``paths``, and the directories."""
        for path in paths:
            place = self._stage.find(path)
            if place is not None:
                self._stage.drop(path)
                try:
                    yield op.Unlink(*place)
                except FileNotFoundError:
                    pass
        for step in reversed(self._makes):
            if step.path not in self.arrived:
                yield from self._stage.leave_folder(step.path)
