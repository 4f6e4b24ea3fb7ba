# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting one staged thing in its place, and taking one thing out: what is there is what was expected, or it stays.

Rules
1. Into a free place: a rename that refuses to replace. Into a taken one: an exchange, then a look at what came out.
   When that is not what was expected, it is put back.
2. What is taken out goes into the staging folder first, is looked at there, and is only then removed.
3. Something that is already as wanted counts as done: every remote step can be run twice.
4. Where the file system cannot exchange, the old version gets a second name, is looked at, and is replaced.

RACE: an open file that somebody writes through a descriptor after we looked at it is lost with the old version; the
worst outcome is the loss of what was written in those microseconds by a program that kept the file open.
"""

from __future__ import annotations

import errno
from typing import Any, Generator, Tuple

from ..core.entries import ABSENT, Absent, Entry, Kind, Presence
from ..core.paths import TreePath, split
from .folders import Folders
from .operations import Acts, Exchange, Link, MoveNew, Operation, RemoveFolder, Replace, Unlink
from .scan import look, matches
from .stage import Stage

_NO_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

Verdict = Generator[Operation, Any, bool]
"""Acts that return whether the thing was done; false when something else stands there."""


def put_in_place(stage: Stage, staged: bytes, folders: Folders, expected: Presence, wanted: Entry) -> Verdict:
    """Put ``staged`` at ``wanted.path``, where ``expected`` stands.

    :raises OSError: when the kernel refuses it.
    """
    directory, name = split(wanted.path)
    parent = folders.at(directory)
    if isinstance(expected, Absent):
        return (yield from _into_free_place(stage, staged, parent, name, wanted))
    if not is_one_of(look(parent, name, wanted.path), expected, wanted):
        return False
    try:
        yield Exchange(stage.descriptor, staged, parent, name)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _NO_EXCHANGE:
            raise
        return (yield from _replace(stage, staged, parent, name, (expected, wanted)))
    if is_one_of(look(stage.descriptor, staged, wanted.path), expected, wanted):
        if (yield from _discard(stage, staged, wanted.path)):
            return True
    yield from _exchange_back(stage, staged, parent, name)
    return False


def _exchange_back(stage: Stage, staged: bytes, parent: int, name: bytes) -> Acts:
    """Give back what came out. When it has no place any more it stays in the tree, beside its old name."""
    try:
        yield Exchange(stage.descriptor, staged, parent, name)
    except OSError:
        yield from put_back(stage, staged, parent, name)


def _into_free_place(stage: Stage, staged: bytes, parent: int, name: bytes, wanted: Entry) -> Verdict:
    try:
        yield MoveNew(stage.descriptor, staged, parent, name)
    except FileExistsError:
        return matches(look(parent, name, wanted.path), wanted)
    return True


def _replace(
    stage: Stage, staged: bytes, parent: int, name: bytes, allowed: Tuple[Presence, Entry]
) -> Verdict:
    """Rule 4. RACE: a file that is replaced by another program between the look and ours is lost."""
    wanted = allowed[1]
    found = look(parent, name, wanted.path)
    if isinstance(found, Entry) and found.kind is Kind.DIRECTORY and is_one_of(found, *allowed):
        yield RemoveFolder(parent, name)
        yield MoveNew(stage.descriptor, staged, parent, name)
        return True
    aside = stage.fresh_name()
    yield Link(parent, name, stage.descriptor, aside)
    if not is_one_of(look(stage.descriptor, aside, wanted.path), *allowed):
        return False
    yield Replace(stage.descriptor, staged, parent, name)
    if not is_one_of(look(stage.descriptor, aside, wanted.path), *allowed):
        yield Replace(stage.descriptor, aside, parent, name)
        return False
    return True


def _discard(stage: Stage, name: bytes, path: TreePath) -> Verdict:
    """Remove what came out of the tree; a directory only when it is empty."""
    found = look(stage.descriptor, name, path)
    try:
        if isinstance(found, Entry) and found.kind is Kind.DIRECTORY:
            yield RemoveFolder(stage.descriptor, name)
        elif isinstance(found, Entry):
            yield Unlink(stage.descriptor, name)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def take_out(stage: Stage, folders: Folders, expected: Entry) -> Verdict:
    """Remove ``expected``, by way of the staging folder.

    :raises OSError: when the kernel refuses it.
    """
    directory, name = split(expected.path)
    try:
        parent = folders.at(directory)
        if expected.kind is Kind.DIRECTORY:
            folders.forget(expected.path)
            yield RemoveFolder(parent, name)
            return True
        found = look(parent, name, expected.path)
        if not matches(found, expected):
            return found is ABSENT
        aside = stage.fresh_name()
        yield MoveNew(parent, name, stage.descriptor, aside)
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False
    if matches(look(stage.descriptor, aside, expected.path), expected):
        yield Unlink(stage.descriptor, aside)
        return True
    yield from put_back(stage, aside, parent, name)
    return False


def put_back(stage: Stage, aside: bytes, parent: int, name: bytes) -> Acts:
    """Put back what was taken out by mistake; beside its name when that was taken meanwhile.

    When not even that works it is kept in the reserved folder, under a name that no sweep touches.
    """
    try:
        yield MoveNew(stage.descriptor, aside, parent, name)
        return
    except OSError:
        pass
    try:
        yield MoveNew(stage.descriptor, aside, parent, name[:230] + b".conflict-" + stage.token[:14])
    except OSError:
        yield from stage.keep(aside)
        raise


def is_one_of(found: Presence, expected: Presence, wanted: Entry) -> bool:
    """Whether what stands there is what was expected, or already what is wanted."""
    return matches(found, expected) or (found is not ABSENT and matches(found, wanted))
