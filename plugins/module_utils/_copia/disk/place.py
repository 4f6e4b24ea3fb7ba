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
5. With a backup, the old version has a second name there before it is exchanged; what is removed is moved there and
   looked at. Where files can't have two names, the old version is moved there, and then the new one into its place.

RACE: an open file that somebody writes through a descriptor after we looked at it is lost with the old version; the
worst outcome is the loss of what was written in those microseconds by a program that kept the file open. RACE (with a
backup, where the file system cannot exchange): a file that is replaced by one of the same size and time between its
second name and ours is lost.
"""

from __future__ import annotations

import enum
import errno
import os
from typing import Any, Generator, Optional, Tuple

from ..core.entries import ABSENT, Absent, Entry, Kind, Presence
from ..core.paths import TreePath, split
from ..core.steps import LinkFile, Move
from .backup import Backup, is_same
from .dress import Dresser
from .folders import Folders
from .licence import licensed
from .operations import (
    Acts,
    Exchange,
    Link,
    MoveNew,
    Operation,
    RemoveFolder,
    Replace,
    SetAttributes,
    Unlink,
    attributes_of,
)
from .scan import look, matches
from .shared import SharedFiles
from .stage import Stage

_NO_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

Place = Tuple[int, bytes]
"""A name in an open directory."""
Removing = Generator[Operation, Any, bool]


class Outcome(enum.Enum):
    """What became of one staged thing."""

    PLACED = "placed"
    ALREADY = "already"
    MODIFIED = "modified"


Placing = Generator[Operation, Any, Outcome]


def put_in_place(stage: Stage, staged: Place, there: Place, expected: Presence, wanted: Entry) -> Placing:
    """Put ``staged`` at ``there``, where ``expected`` stands.

    :raises OSError: when the kernel refuses it.
    """
    if isinstance(expected, Absent):
        return (yield from _into_free_place(staged, there, wanted))
    found = look(*there, wanted.path)
    if not matches(found, expected):
        return Outcome.ALREADY if matches(found, wanted) else Outcome.MODIFIED
    staged = yield from stage.license(wanted.path, expected, wanted)
    if stage.backup is None or (isinstance(expected, Entry) and expected.kind is Kind.DIRECTORY):
        return (yield from _exchange(stage, staged, there, (expected, wanted)))
    kept = yield from stage.backup.link(there, wanted.path)
    if kept is None:
        is_out = yield from _take_to_backup(stage, stage.backup, there, expected, wanted.path)
        return (yield from _into_free_place(staged, there, wanted)) if is_out else Outcome.MODIFIED
    try:
        outcome: Outcome = yield from _exchange(stage, staged, there, (expected, wanted), kept)
    except OSError:
        yield from stage.backup.let_go(kept, there)
        raise
    if outcome is not Outcome.PLACED:
        yield from stage.backup.let_go(kept, there)
    return outcome


def _exchange(
    stage: Stage, staged: Place, there: Place, allowed: Tuple[Presence, Entry], kept: Optional[Place] = None
) -> Placing:
    expected, wanted = allowed
    try:
        yield Exchange(*staged, *there)
    except FileNotFoundError:
        return Outcome.MODIFIED
    except OSError as error:
        if error.errno not in _NO_EXCHANGE:
            raise
        return (yield from _replace(stage, staged, there, allowed))
    if is_one_of(look(*staged, wanted.path), expected, wanted) and (
        yield from _let_go(stage, staged, wanted.path, kept)
    ):
        return Outcome.PLACED
    yield from _exchange_back(stage, staged, there, wanted)
    return Outcome.MODIFIED


def _into_free_place(staged: Place, there: Place, wanted: Entry) -> Placing:
    try:
        yield MoveNew(*staged, *there)
    except FileExistsError:
        return Outcome.ALREADY if matches(look(*there, wanted.path), wanted) else Outcome.MODIFIED
    return Outcome.PLACED


def _exchange_back(stage: Stage, staged: Place, there: Place, wanted: Entry) -> Acts:
    """Give back what came out. When its place is gone, or ours was edited in those microseconds, both stay in the
    tree, one beside the other.
    """
    try:
        yield Exchange(*staged, *there)
    except OSError:
        yield from _put_back(stage, staged, there)
        return
    if not matches(look(*staged, wanted.path), wanted):
        yield from _put_back(stage, staged, there)


def _replace(stage: Stage, staged: Place, there: Place, allowed: Tuple[Presence, Entry]) -> Placing:
    """Rule 4. RACE: a file that is replaced by another program between the look and ours is lost."""
    wanted = allowed[1]
    found = look(*there, wanted.path)
    aside = (stage.descriptor, licensed(stage.fresh_name(), *allowed))
    if Kind.DIRECTORY in (wanted.kind, getattr(found, "kind", None)):
        return (yield from _swap(stage, (staged, aside, there), allowed))
    yield Link(*there, *aside)
    if not is_one_of(look(*aside, wanted.path), *allowed):
        return Outcome.MODIFIED
    yield Replace(*staged, *there)
    if not is_one_of(look(*aside, wanted.path), *allowed):
        yield Replace(*aside, *there)
        return Outcome.MODIFIED
    return Outcome.PLACED


def _swap(stage: Stage, places: Tuple[Place, Place, Place], allowed: Tuple[Presence, Entry]) -> Placing:
    """A directory for something else, or the other way round, in two moves. RACE: between them nothing is there."""
    staged, aside, there = places
    yield MoveNew(*there, *aside)
    wanted = allowed[1]
    if not (is_one_of(look(*aside, wanted.path), *allowed) and (yield from _discard(aside, wanted.path))):
        yield from _put_back(stage, aside, there)
        return Outcome.MODIFIED
    yield MoveNew(*staged, *there)
    return Outcome.PLACED


def _let_go(stage: Stage, staged: Place, path: TreePath, kept: Optional[Place]) -> Removing:
    """Remove what came out of the tree; what is not the very file that was ``kept`` is kept too."""
    if stage.backup is None or kept is None or is_same(staged, kept):
        return (yield from _discard(staged, path))
    yield from stage.backup.take(staged, path)
    return True


def _discard(place: Place, path: TreePath) -> Removing:
    """Remove what came out of the tree; a directory only when it is empty."""
    found = look(*place, path)
    try:
        if isinstance(found, Entry) and found.kind is Kind.DIRECTORY:
            yield RemoveFolder(*place)
        elif isinstance(found, Entry):
            yield Unlink(*place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def take_out(stage: Stage, folders: Folders, expected: Entry, shared: Optional[SharedFiles] = None) -> Removing:
    """Remove ``expected``, by way of the staging folder; false when something else stands there.

    :raises OSError: when the kernel refuses it.
    """
    directory, name = split(expected.path)
    try:
        if expected.kind is Kind.DIRECTORY:
            folders.forget(expected.path)
            yield RemoveFolder(folders.at(directory), name)
            return True
        there = (folders.at(directory), name)
        found = look(*there, expected.path)
        expected = shared.by_now(*there, expected) if shared else expected
        if not matches(found, expected):
            return found is ABSENT
        if stage.backup is not None:
            return (yield from _take_to_backup(stage, stage.backup, there, expected, expected.path))
        aside = (stage.descriptor, licensed(stage.fresh_name(), expected))
        yield MoveNew(*there, *aside)
    except (FileNotFoundError, NotADirectoryError):
        return True
    if matches(look(*aside, expected.path), expected):
        yield Unlink(*aside)
        return True
    yield from _put_back(stage, aside, there)
    return False


def _take_to_backup(stage: Stage, backup: Backup, there: Place, expected: Presence, path: TreePath) -> Removing:
    """Rule 5. Whether nothing stands there any more, and what was expected is kept."""
    try:
        aside = yield from backup.take(there, path)
    except (FileNotFoundError, NotADirectoryError):
        if look(*there, path) is ABSENT:
            return True
        raise
    if matches(look(*aside, path), expected):
        return True
    yield from _put_back(stage, aside, there)
    return False


def move_to(folders: Folders, step: Move, dresser: Dresser) -> Removing:
    """Move a file to a free path in the same tree; false when something else stands at either. Nothing is staged: what
    is moved by mistake is a whole file of a user, at one of the two paths.

    :raises OSError: when the kernel refuses it.
    """
    directory, name = split(step.expected.path)
    held = os.dup(folders.at(directory))
    try:
        old, new = (held, name), (folders.at(split(step.path)[0]), split(step.path)[1])
        found = look(*old, step.path)
        if not matches(found, step.expected):
            return found is ABSENT and matches(look(*new, step.path), step.wanted)
        yield MoveNew(*old, *new)
        if not matches(look(*new, step.path), step.expected):
            yield MoveNew(*new, *old)
            return False
        yield from dresser.acts(*new, step.wanted)
        yield SetAttributes(*new, Kind.FILE, attributes_of(dresser.keeps.bare(step.wanted)))
    except FileExistsError:
        return False
    finally:
        os.close(held)
    return True


def link_to(stage: Stage, folders: Folders, shared: SharedFiles, step: LinkFile) -> Removing:
    """Give the file at ``step.first`` the name ``step.path``, by way of the staging folder; false when something else
    stands at either.

    :raises OSError: when the kernel refuses it.
    """
    directory, name = split(step.first)
    held = os.dup(folders.at(directory))
    try:
        there = (folders.at(split(step.path)[0]), split(step.path)[1])
        if not matches(look(held, name, step.first), step.wanted):
            return False
        if _is_one((held, name), there):
            return True
        staged = stage.apart_for(step.path)
        yield Link(held, name, *staged)
        expected = shared.by_now(*there, step.expected)
        outcome = yield from put_in_place(stage, staged, there, expected, step.wanted)
        if outcome is Outcome.PLACED:
            stage.drop(step.path)
        return outcome is Outcome.PLACED
    finally:
        os.close(held)


def _is_one(left: Place, right: Place) -> bool:
    """Whether two names are those of one file."""
    try:
        one, two = (os.stat(name, dir_fd=parent, follow_symlinks=False) for parent, name in (left, right))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return os.path.samestat(one, two)


def _put_back(stage: Stage, aside: Place, there: Place) -> Acts:
    """Put back what was taken out by mistake; beside its name when that was taken meanwhile.

    When not even that works it is kept in the reserved folder, under a name that no sweep touches.
    """
    try:
        yield MoveNew(*aside, *there)
        return
    except OSError:
        pass
    parent, name = there
    try:
        yield MoveNew(*aside, parent, name[:230] + b".conflict-" + stage.token[:14])
    except OSError:
        yield from stage.keep(*aside)
        raise


def is_one_of(found: Presence, expected: Presence, wanted: Entry) -> bool:
    """Whether what stands there is what was expected, or already what is wanted."""
    return matches(found, expected) or (found is not ABSENT and matches(found, wanted))
