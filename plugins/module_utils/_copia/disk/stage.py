# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The staging folder: where content is made, checked and kept until it is put in place.

Rules
1. ``.copia/`` at the top of the root, for the owner alone, and in it one folder per run with a random name. What we
   make has a name that no peer can say and no other run uses.
2. It exists only while a run stages there. What a killed run left is swept by the next one.
3. A new directory is built here with everything in it, and moved into its place at once; what goes into a directory
   that is there already is staged under a name of its own.
4. What came out of the tree (an exchanged old version, a removed file) passes through it under a licensed name, and is
   looked at there before it goes. What is not what the licence says is a user's: no sweep removes it.
"""

from __future__ import annotations

import errno
import os
from typing import Any, Dict, Generator, List, Optional, Tuple

from ..core.entries import Presence
from ..core.paths import RESERVED, TreePath, split
from .backup import Backup
from .folders import DIRECTORY, Folders, open_root
from .licence import MARK, licensed, may_go
from .operations import Acts, MakeFolder, MoveNew, Operation, RemoveFolder, Unlink

KEPT = b"kept-"
HUB = b"hub"
"""In the reserved folder of a hub's root: what the hub itself knows and stages (``disk/hub_folder.py``)."""
_PARENT_MODE = 0o755
Licensing = Generator[Operation, Any, Tuple[int, bytes]]


class Stage:
    """An open staging folder: ``descriptor``, names that are free in it, what is staged where, and where displaced
    versions go (``backup``), if they are kept.

    Where something is, is a path in it. What keeps its own name in a new directory has only that directory there, with
    a slash at its end, and all in it share that: there may be very many.
    """

    def __init__(self, root: int, top: int, descriptor: int, token: bytes) -> None:
        self.root = root
        self.descriptor = descriptor
        self.token = token
        self.backup: Optional[Backup] = None
        self._top = top
        self._number = 0
        self._folders = Folders(descriptor)
        self._new: Dict[TreePath, TreePath] = {}
        self._staged: Dict[TreePath, TreePath] = {}

    def fresh_name(self) -> bytes:
        """A name that nothing in this folder has."""
        self._number += 1
        return b"%x" % self._number

    def license(self, path: TreePath, expected: Presence, wanted: Presence) -> Licensing:
        """Give what is staged for ``path`` a name under which ``expected`` may come out; the answer is its place."""
        place = self._place_of(path)
        if b"/" in bytes(place) or MARK not in bytes(place):
            name = TreePath(licensed(self.fresh_name(), expected, wanted))
            yield MoveNew(*self._at(place), self.descriptor, name)
            self._staged[path] = name
            if path in self._new:
                self._moved(place, name)
        return self._at(self._staged[path])

    def _moved(self, old: TreePath, new: TreePath) -> None:
        """A staged directory has another name now, and so has all in it."""
        self._folders.forget(old)
        for places in (self._new, self._staged):
            for inner, place in places.items():
                if place.startswith(old + b"/"):
                    places[inner] = TreePath(new + place[len(old) :])

    def place_for(self, path: TreePath) -> Tuple[int, bytes]:
        """Where what is to stand at ``path`` is staged: ``(directory descriptor, name)``."""
        self._staged[path] = self._new.get(split(path)[0]) or TreePath(self.fresh_name())
        return self.place(path)

    def apart_for(self, path: TreePath) -> Tuple[int, bytes]:
        """The same under a name of its own, though its directory was staged too: that has gone into its place."""
        self._staged[path] = TreePath(self.fresh_name())
        return self._at(self._staged[path])

    def places_for(self, directory: TreePath, paths: List[TreePath]) -> Tuple[int, List[bytes]]:
        """The same for many files of one directory: a descriptor, and a name for each."""
        inside = self._new.get(directory)
        if inside is None:
            places = [TreePath(self.fresh_name()) for _path in paths]
            self._staged.update(zip(paths, places))
            return self.descriptor, list(places)
        self._staged.update((path, inside) for path in paths)
        return self._folders.at(TreePath(inside[:-1])), [split(path)[1] for path in paths]

    def folder_for(self, path: TreePath) -> Tuple[int, bytes]:
        """The same for a new directory; from now on what is to stand in it is staged in it."""
        parent, name = self.place_for(path)
        self._new[path] = TreePath(self._place_of(path) + b"/")
        return parent, name

    def find(self, path: TreePath) -> Optional[Tuple[int, bytes]]:
        """Where what is to stand at ``path`` was staged; ``None`` when nothing was."""
        return self.place(path) if path in self._staged else None

    def place(self, path: TreePath) -> Tuple[int, bytes]:
        """Where what is to stand at ``path`` was staged, which is known to have been."""
        return self._at(self._place_of(path))

    def _place_of(self, path: TreePath) -> TreePath:
        place = self._staged[path]
        return TreePath(place + split(path)[1]) if place.endswith(b"/") else place

    def has(self, path: TreePath) -> bool:
        """Whether something was staged for ``path``."""
        return path in self._staged

    def is_empty(self) -> bool:
        """Whether nothing was staged."""
        return not self._staged

    def drop(self, path: TreePath) -> None:
        """Forget what was staged for ``path``: it went into its place, or was removed."""
        if path in self._staged and path in self._new:
            self._folders.forget(self._place_of(path))
        self._staged.pop(path, None)

    def forget_folder(self, path: TreePath) -> None:
        """Forget a new directory that went into its place: what is to stand in it from now on is staged under a name of
        its own.
        """
        self.drop(path)
        self._new.pop(path, None)

    def leave_folder(self, path: TreePath) -> Acts:
        """Forget a new directory that did not; it is removed when nothing is left in it."""
        place = self._new.get(path)
        if place is not None:
            shell = TreePath(place[:-1])
            self.forget_folder(path)
            self._folders.forget(shell)
            try:
                yield RemoveFolder(*self._at(shell))
            except OSError:
                pass  # it is swept with the stage

    def _at(self, place: TreePath) -> Tuple[int, bytes]:
        directory, name = split(place)
        return self._folders.at(directory), name

    def keep(self, parent: int, name: bytes) -> Acts:
        """Move ``name`` to where no sweep removes it: a content that belongs to a user and has no other place."""
        yield MoveNew(parent, name, self._top, KEPT + self.token + b"-" + self.fresh_name())

    def leave(self) -> Acts:
        """Remove the folder and all in it."""
        self._folders.forget()
        os.close(self.descriptor)
        yield from sweep_run(self._top, self.token)
        os.close(self._top)
        yield from _remove_if_empty(self.root, RESERVED)


def open_stage(root: int) -> "Generator[Operation, object, Stage]":
    """Open a new staging folder at ``root``. The caller holds the root's lock.

    :raises OSError: when the root is not writable, or ``.copia`` is something else than a directory.
    """
    try:
        yield MakeFolder(root, RESERVED)
    except FileExistsError:
        pass
    top = os.open(RESERVED, DIRECTORY, dir_fd=root)
    try:
        name = os.urandom(8).hex().encode()
        yield MakeFolder(top, name)
        return Stage(root, top, os.open(name, DIRECTORY, dir_fd=top), name)
    except BaseException:
        os.close(top)
        raise


def make_root(path: bytes, mode: int = _PARENT_MODE) -> Acts:
    """Make the directory ``path`` and its missing parents, with ``mode``; the answer is its descriptor.

    :raises OSError: when one can't be made or entered.
    """
    missing: List[bytes] = []
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path, name = os.path.split(path)
        missing.append(name)
    descriptor = open_root(path)
    while missing:
        name = missing.pop()
        try:
            yield MakeFolder(descriptor, name, mode)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
        except FileExistsError:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def sweep(root: int) -> Acts:
    """Remove what a killed run left at ``root``, and nothing else. The caller holds the root's lock.

    :raises OSError: when ``.copia`` is something else than a directory, or not ours to change.
    """
    top = os.open(RESERVED, DIRECTORY, dir_fd=root)
    try:
        for name in map(os.fsencode, os.listdir(top)):
            if not name.startswith(KEPT) and name != HUB:
                yield from sweep_run(top, name)
    finally:
        os.close(top)
    yield from _remove_if_empty(root, RESERVED)


def sweep_run(top: int, token: bytes) -> Acts:
    """Remove what one run staged; what came out of the tree and is not what was expected is kept."""
    try:
        folder = os.open(token, DIRECTORY, dir_fd=top)
    except OSError:
        folder = -1
    try:
        for name in sorted(map(os.fsencode, os.listdir(folder))) if folder >= 0 else ():
            if not may_go(folder, name):
                yield MoveNew(folder, name, top, KEPT + token + b"-" + name.split(MARK)[0])
    finally:
        if folder >= 0:
            os.close(folder)
    yield from _clear(top, token)


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
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise


def _ignore_missing(operation: Operation) -> Acts:
    try:
        yield operation
    except FileNotFoundError:
        pass
