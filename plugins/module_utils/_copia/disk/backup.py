# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where displaced versions go: under their path, never over anything (``docs/spec/backup.md``).

Rules
1. A version gets its second name before it loses its first: a run that dies leaves it at one of the two, or at both.
2. What is removed is moved, then looked at, and put back when it isn't what was expected.
3. A taken name gets a number. One that is the very file (a run that died gave it) is taken for done.
4. Folders get the mode and the time of those in the tree once all is in them; their owner can always enter and write.
5. The place is reached by descriptor, and no link is followed but those in the name that the user gave.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Dict, Generator, List, Optional, Set, Tuple

from ..core.backup import below_root, free_names
from ..core.errors import InputError
from ..core.paths import ROOT, TreePath, ancestors, join, path_key, show, split
from .folders import DIRECTORY, Folders, open_root
from .operations import Acts, Attributes, Flush, Link, MakeFolder, MoveNew, Operation, SetFolderAttributes, Unlink

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_IN_THE_WAY = (errno.ENOTDIR, errno.ELOOP)
_ENTER = 0o300
Place = Tuple[int, bytes]


class Backup:
    """The place ``where`` for the tree at descriptor ``root``. Forget it when the run is done."""

    def __init__(self, root: int, where: bytes, *, durable: bool) -> None:
        self._root, self._where, self._durable = root, where, durable
        self._folders: Optional[Folders] = None
        self._places: Dict[TreePath, TreePath] = {}
        self._made: Dict[TreePath, Attributes] = {}
        self.touched: Set[TreePath] = set()

    def open(self) -> Acts:
        """Open the place, and make it where it is missing.

        :raises InputError: when that can't be done, or it is on another file system than the tree.
        """
        try:
            top = yield from self._descend()
        except OSError as error:
            what = os.strerror(error.errno or 0)
            raise InputError(f"backup_dir {show(self._where)} cannot be opened: {what}") from error
        self._folders = Folders(top)
        self._places[ROOT] = ROOT
        if _volume(top) != _volume(self._root):
            raise InputError(_elsewhere(self._where))

    def _descend(self) -> Generator[Operation, Any, int]:
        path = below_root(self._where)
        names = path.split(b"/") if path else []
        start = os.dup(self._root) if path else -1
        if not path:
            existing, names = _existing(self._where)
            start = open_root(existing)
        for name in names:
            try:
                below = yield from self._enter(start, name)
            finally:
                os.close(start)
            start = below
        return start

    def _enter(self, parent: int, name: bytes) -> Generator[Operation, Any, int]:
        try:
            return os.open(name, DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            yield MakeFolder(parent, name)
            if self._durable:
                yield Flush(parent)
            self._made[ROOT] = _attributes(self._root)
            return os.open(name, DIRECTORY, dir_fd=parent)

    def link(self, there: Place, path: TreePath) -> "Generator[Operation, Any, Optional[Place]]":
        """Give what stands at ``there`` a second name here; its place, or ``None`` where files can't have two names.

        :raises OSError: when the kernel refuses it.
        """
        parent = yield from self._folder(split(path)[0])
        for name in free_names(split(path)[1]):
            try:
                yield Link(*there, parent, name)
            except FileExistsError:
                if not is_same(there, (parent, name)):
                    continue
            except OSError as error:
                if error.errno in _NO_LINKS:
                    return None
                raise
            return parent, name
        return None

    def take(self, there: Place, path: TreePath) -> Generator[Operation, Any, Place]:
        """Move what stands at ``there`` here; its place.

        :raises OSError: when the kernel refuses it.
        """
        parent = yield from self._folder(split(path)[0])
        for name in free_names(split(path)[1]):
            try:
                yield MoveNew(*there, parent, name)
            except FileExistsError:
                if not is_same(there, (parent, name)):
                    continue
                yield Unlink(*there)
            break
        return parent, name

    def let_go(self, kept: Place, there: Place) -> Acts:
        """Take back the second name of a file that keeps its first one after all."""
        try:
            if is_same(kept, there):
                yield Unlink(*kept)
        except OSError:
            pass

    def _folder(self, directory: TreePath) -> Generator[Operation, Any, int]:
        """The descriptor of the folder for what is displaced in ``directory``, valid until the next call."""
        for path in [*reversed(ancestors(directory)), directory]:
            if path not in self._places:
                self._places[path] = yield from self._place(path)
        place = self._places[directory]
        self.touched.add(place)
        return self.folders.at(place)

    def _place(self, path: TreePath) -> Generator[Operation, Any, TreePath]:
        above = self._places[split(path)[0]]
        for name in free_names(split(path)[1]):
            place = join(above, name)
            try:
                self.folders.at(place)
            except FileNotFoundError:
                yield MakeFolder(self.folders.at(above), name)
                self.touched.add(above)
                self._made[place] = self._attributes_in_tree(path)
            except OSError as error:
                if error.errno not in _IN_THE_WAY:
                    raise
                continue
            return place
        return above

    def _attributes_in_tree(self, path: TreePath) -> Attributes:
        tree = Folders(self._root)
        try:
            return _attributes(tree.at(path))
        finally:
            tree.forget()

    @property
    def folders(self) -> Folders:
        """The folders of the place, which is open."""
        if self._folders is None:
            raise InputError(f"backup_dir {show(self._where)} is not open")
        return self._folders

    def close_folders(self) -> Acts:
        """Give the folders that were made their mode and time. One that can't have them stays ours alone."""
        for place in sorted(self._made, key=path_key, reverse=True):
            try:
                yield SetFolderAttributes(self.folders.at(place), self._made[place])
            except OSError:
                pass

    def forget(self) -> None:
        """Close what is open."""
        if self._folders is not None:
            self._folders.forget()
            os.close(self._folders.root)
        self._folders = None


def _elsewhere(where: bytes) -> str:
    return (
        f"backup_dir {show(where)} is on another file system or mount than the tree; name one on the same, or one "
        "below the tree by a relative path"
    )


def _existing(path: bytes) -> Tuple[bytes, List[bytes]]:
    """The part of an absolute path that is there, and the names that are missing."""
    missing: List[bytes] = []
    while not os.path.lexists(path):
        path, name = os.path.split(path)
        missing.insert(0, name)
    return path, missing


def _volume(folder: int) -> Tuple[int, str]:
    """What two folders have in common between which the kernel links: the file system, and the mount if it says so."""
    try:
        with open(f"/proc/self/fdinfo/{folder}", encoding="ascii") as lines:
            mount = next((line for line in lines if line.startswith("mnt_id:")), "")
    except OSError:
        mount = ""
    return os.fstat(folder).st_dev, mount


def _attributes(folder: int) -> Attributes:
    found = os.fstat(folder)
    owner = (found.st_uid, found.st_gid) if os.geteuid() == 0 else (-1, -1)
    return Attributes(stat.S_IMODE(found.st_mode) & 0o777 | _ENTER, found.st_mtime_ns, *owner)


def is_same(one: Place, other: Place) -> bool:
    """Whether two names are one file."""
    try:
        return os.path.samestat(*(os.stat(name, dir_fd=parent, follow_symlinks=False) for parent, name in (one, other)))
    except FileNotFoundError:
        return False
