# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The staging folder: where content is made, checked and kept until it is put in place.

Rules
1. ``.copia/`` at the top of the root, for the owner alone, and in it one folder per run with a random name. What we
   make has a name that no peer can say and no other run uses.
2. It exists only while a run stages there. What a killed run left is swept by the next one.
3. What came out of the tree (an exchanged old version, a removed file) passes through it, and is looked at there
   before it goes.
"""

from __future__ import annotations

import os
import secrets
from typing import Generator, List, Tuple

from ..core.paths import RESERVED
from .folders import DIRECTORY
from .operations import Acts, MakeFolder, MoveNew, Operation, RemoveFolder, Unlink

KEPT = b"kept-"


class Stage:
    """An open staging folder: ``descriptor``, and names that are free in it."""

    def __init__(self, root: int, top: int, descriptor: int, name: bytes) -> None:
        self.root = root
        self.descriptor = descriptor
        self._top = top
        self.token = name
        self._number = 0

    def fresh_name(self) -> bytes:
        """A name that nothing in this folder has."""
        self._number += 1
        return b"%x" % self._number

    def keep(self, name: bytes) -> Acts:
        """Move ``name`` to where no sweep removes it: a content that belongs to a user and has no other place."""
        yield MoveNew(self.descriptor, name, self._top, KEPT + self.token + b"-" + name)

    def leave(self) -> Acts:
        """Remove the folder and all in it."""
        os.close(self.descriptor)
        yield from _clear(self._top, self.token)
        os.close(self._top)
        yield from _remove_if_empty(self.root, RESERVED)


def open_stage(root: int) -> "Generator[Operation, object, Stage]":
    """Sweep what a killed run left at ``root`` and open a new staging folder. The caller holds the root's lock.

    :raises OSError: when the root is not writable, or ``.copia`` is something else than a directory.
    """
    try:
        yield MakeFolder(root, RESERVED)
    except FileExistsError:
        pass
    top = os.open(RESERVED, DIRECTORY, dir_fd=root)
    try:
        for name in map(os.fsencode, os.listdir(top)):
            if not name.startswith(KEPT):
                yield from _clear(top, name)
        name = secrets.token_hex(8).encode()
        yield MakeFolder(top, name)
        return Stage(root, top, os.open(name, DIRECTORY, dir_fd=top), name)
    except BaseException:
        os.close(top)
        raise


def sweep(root: int) -> Acts:
    """Remove what a killed run left at ``root``, and nothing else. The caller holds the root's lock."""
    stage = yield from open_stage(root)
    yield from stage.leave()


def has_leftovers(root: int) -> bool:
    """Whether a killed run left something at ``root``."""
    try:
        os.stat(RESERVED, dir_fd=root, follow_symlinks=False)
    except OSError:
        return False
    return True


def _clear(parent: int, name: bytes) -> Acts:
    """Remove ``name`` and everything below it, by descriptors; a link is removed, not followed."""
    waiting: List[Tuple[int, bytes, int]] = [(parent, name, -1)]
    while waiting:
        above, part, opened = waiting.pop()
        if opened >= 0:
            os.close(opened)
            yield from _ignore_missing(RemoveFolder(above, part))
            continue
        try:
            descriptor = os.open(part, DIRECTORY, dir_fd=above)
        except FileNotFoundError:
            continue
        except OSError:
            yield from _ignore_missing(Unlink(above, part))
            continue
        waiting.append((above, part, descriptor))
        waiting.extend((descriptor, os.fsencode(below), -1) for below in os.listdir(descriptor))


def _remove_if_empty(parent: int, name: bytes) -> Acts:
    try:
        yield RemoveFolder(parent, name)
    except OSError:
        pass


def _ignore_missing(operation: Operation) -> Acts:
    try:
        yield operation
    except FileNotFoundError:
        pass
