# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the clients of a hub replaced or removed, kept for its operator (``docs/formats/hub-index.md``).

Rules
1. ``versions/WHEN/PATH`` in the hub's own folder is the file that stood at PATH until then. No client can name it.
2. It is a second name of that very file, made before the first one goes. So a session that is killed anywhere leaves
   the file under one of the two.
3. The index counts them. What it does not know of was left by a session that was killed, and is taken in by the next
   one; what is still the tree's own file goes.
4. So many of a path are kept, for so many days, and of so many bytes altogether. The oldest go first, after the index
   has forgotten them.
"""

from __future__ import annotations

import calendar
import contextlib
import errno
import os
import time
from typing import Dict, Iterator, List, Set, Tuple

from ..core.entries import Entry
from ..core.hub_words import Keeping
from ..core.manifest import pack_rows
from ..core.paths import TreePath, join, split
from . import operations as op
from .flushing import flush_names
from .folders import Folders
from .hub_folder import VERSIONS, HubFolder

_DAY_NS = 86_400 * 10**9
_WHEN = "%Y-%m-%dT%H%M%SZ"
_TOP = TreePath(VERSIONS)
_INSERT = "INSERT INTO versions(path, place, size, made_ns) VALUES (?,?,?,?)"
_NO_LINK = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

Victim = Tuple[int, TreePath]
"""A row of the index, and where its file is in the hub's folder."""


class Versions:
    """What one batch displaces. Close it."""

    def __init__(self, hub: HubFolder, keep: Keeping) -> None:
        self._hub, self.keep = hub, keep
        self._folders = Folders(hub.descriptor)
        self._place = TreePath(b"")
        self._new: Dict[TreePath, int] = {}
        self._touched: Set[TreePath] = set()

    def save(self, parent: int, found: Entry) -> op.Acts:
        """Keep the file ``found``, which stands in the directory ``parent``.

        :raises OSError: when it can't be kept; nothing was made.
        """
        if not self.keep.versions or found.path in self._new:
            return
        if not self._place:
            self._place = join(_TOP, _now())
        at = join(self._place, found.path)
        above = yield from self._folder(split(at)[0])
        try:
            yield op.Link(parent, split(at)[1], above, split(at)[1])
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            yield from _copy(parent, above, found)
        self._touched.add(split(at)[0])
        self._new[found.path] = found.size

    def unsave(self, path: TreePath) -> op.Acts:
        """Something failed there: when it is in its place after all, it is not kept too."""
        if path not in self._new:
            return
        at = join(self._place, path)
        found = os.stat(split(at)[1], dir_fd=self._folders.at(split(at)[0]), follow_symlinks=False)
        if _is_in_the_tree(self._hub, path, found):
            del self._new[path]
            self._folders.forget()
            yield from drop(self._hub, [(0, at)])

    def _folder(self, path: TreePath) -> op.Acts:
        try:
            return self._folders.at(path)
        except FileNotFoundError:
            above, name = split(path)
            parent = yield from self._folder(above)
            with contextlib.suppress(FileExistsError):
                yield op.MakeFolder(parent, name)
            self._touched.add(above)
            return self._folders.at(path)

    def flush(self) -> op.Acts:
        """Have it on disk."""
        if self._new:
            yield from flush_names(self._folders, self._touched)

    def record(self, now_ns: int) -> List[Victim]:
        """Tell the index, which is being written; the answer is what is too much now, and goes when that counts."""
        rows = [(path, split(self._place)[1], size, now_ns) for path, size in self._new.items()]
        self._hub.index.connection.executemany(_INSERT, rows)
        return forgotten(self._hub, self.keep, now_ns, list(self._new)) if rows else []

    def close(self) -> None:
        """Let go of what is open."""
        self._folders.forget()


def forgotten(hub: HubFolder, keep: Keeping, now_ns: int, paths: List[TreePath]) -> List[Victim]:
    """Have the index forget what is too old, too many of one of ``paths``, or too much. While it is being written."""
    execute = hub.index.connection.execute
    columns = "SELECT id, place, path, size FROM versions"
    rows = list(execute(f"{columns} WHERE made_ns < ?", (now_ns - keep.days * _DAY_NS,)))
    for path in paths if keep.versions else ():
        newest_first = f"{columns} WHERE path = ? ORDER BY made_ns DESC, id DESC LIMIT -1 OFFSET ?"
        rows.extend(execute(newest_first, (path, keep.versions)))
    gone = {row[0]: row for row in rows}
    total = execute("SELECT coalesce(sum(size), 0) FROM versions").fetchone()[0] if keep.bytes else 0
    total -= sum(row[3] for row in gone.values())
    if total > keep.bytes:
        for row in execute(f"{columns} ORDER BY made_ns, id"):
            if row[0] not in gone:
                gone[row[0]], total = row, total - row[3]
            if total <= keep.bytes:
                break
    hub.index.connection.executemany("DELETE FROM versions WHERE id = ?", ((number,) for number in gone))
    return [(row[0], join(join(_TOP, row[1]), TreePath(row[2]))) for row in gone.values()]


def every_path(hub: HubFolder) -> List[TreePath]:
    """The paths of which versions are kept."""
    return [TreePath(row[0]) for row in hub.index.connection.execute("SELECT DISTINCT path FROM versions")]


def count(hub: HubFolder) -> Tuple[int, int]:
    """How many versions are kept, and their bytes."""
    found = hub.index.connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM versions").fetchone()
    return found[0], found[1]


def drop(hub: HubFolder, victims: List[Victim]) -> op.Acts:
    """Remove files, and the directories that are empty then. What can't be removed is taken in again some day."""
    folders = Folders(hub.descriptor)
    for _number, path in victims:
        with contextlib.suppress(OSError):
            yield op.Unlink(folders.at(split(path)[0]), split(path)[1])
            while split(path)[0] != _TOP:
                path = split(path)[0]
                folders.forget(path)
                yield op.RemoveFolder(folders.at(split(path)[0]), split(path)[1])
    folders.forget()


def take_in(hub: HubFolder) -> List[Victim]:
    """Have the index and the folder agree, while the former is being written; the answer is what is to be removed."""
    execute = hub.index.connection.execute
    known = {(place, path): number for number, place, path in execute("SELECT id, place, path FROM versions")}
    victims: List[Victim] = []
    for place, path, found in _found(hub):
        if known.pop((place, path), None) is not None:
            continue
        if _is_in_the_tree(hub, path, found):
            victims.append((0, join(join(_TOP, place), path)))
        else:
            values = (path, place, found.st_size, _made_ns(place, found))
            execute(_INSERT, values)
    for number in known.values():
        execute("DELETE FROM versions WHERE id = ?", (number,))
    return victims


def _found(hub: HubFolder) -> Iterator[Tuple[TreePath, TreePath, os.stat_result]]:
    """``(place, path, file)`` of what stands in the folder."""
    if VERSIONS not in map(os.fsencode, os.listdir(hub.descriptor)):
        return
    for directory, _folders, names, descriptor in os.fwalk(VERSIONS, dir_fd=hub.descriptor):
        for name in names:
            place, _slash, path = (directory + b"/" + name)[len(VERSIONS) + 1 :].partition(b"/")
            if path:
                yield TreePath(place), TreePath(path), os.stat(name, dir_fd=descriptor, follow_symlinks=False)


def _is_in_the_tree(hub: HubFolder, path: TreePath, found: os.stat_result) -> bool:
    """Whether the tree has this very file at its old path: it was not displaced."""
    folders = Folders(hub.root)
    try:
        there = os.stat(split(path)[1], dir_fd=folders.at(split(path)[0]), follow_symlinks=False)
    except OSError:
        return False
    finally:
        folders.forget()
    return (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)


def _now() -> TreePath:
    """The name for a batch: the time, and what tells batches of one second apart."""
    return TreePath(time.strftime(_WHEN, time.gmtime()).encode("ascii") + b"-" + os.urandom(4).hex().encode("ascii"))


def _made_ns(place: TreePath, found: os.stat_result) -> int:
    try:
        return calendar.timegm(time.strptime(place.rpartition(b"-")[0].decode("ascii"), _WHEN)) * 10**9
    except ValueError:
        return found.st_ctime_ns


def _copy(parent: int, above: int, found: Entry) -> op.Acts:
    """Where a file can't have a second name."""
    name = split(found.path)[1]
    rows = pack_rows([(name, found)]).rows
    (answers,) = yield op.CopyFiles((op.Copies(parent, above, name, name, rows),), True)
    if answers[0]:
        raise OSError(errno.EIO if answers[0] < 0 else answers[0], "cannot be kept as a version")
