# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub really holds at a path: what a look finds there, with the digest that the index or a reading gives it.

Rules
1. The index speaks for a file that has the size and time of its row, when the row is sure. Anything else is read.
2. Under the lock only what is small is read. What is large must have been read before; if it is not as it was then, the
   path is unknown, and the client runs again.
3. Below something that is no directory (a link too) nothing is held, and nothing can be put: it is *blocked*.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Dict, Iterable, NamedTuple, Tuple

from ..core.entries import ABSENT, Entry, Kind, Presence, Unknown
from ..core.hub_words import Held
from ..core.parcel import SMALL_LIMIT
from ..core.paths import TreePath, split
from .folders import Folders
from .hub_index import Index
from .hub_notice import MODE_MASK, agrees, is_sure
from .hub_rows import Known
from .read import CHANGED, cannot_be_read, hash_files, locate_in_tree
from .scan import look


class There(NamedTuple):
    """``held`` is what the hub holds at a path, ``found`` what a look finds, ``known`` what the index says."""

    held: Presence
    found: Presence
    known: Known
    blocked: bool = False


class Looking:
    """Looks at paths of one root. ``rows`` are what this session is about to write into the index."""

    def __init__(self, folders: Folders, index: Index) -> None:
        self.folders, self.index = folders, index
        self.rows: Dict[TreePath, Tuple[Held, bool]] = {}
        self._read: Dict[TreePath, Tuple[int, int, bytes]] = {}
        self._asked: Dict[TreePath, Known] = {}

    def ask(self, paths: Iterable[TreePath]) -> None:
        """Have what the index says of many paths at hand. While others can write it, that is advice."""
        self._asked = self.index.known_all(paths)

    def at(self, path: TreePath, most: int = 1 << 62) -> There:
        """What is at ``path``; files of more than ``most`` bytes are not read."""
        known = self.known(path)
        directory, name = split(path)
        try:
            found = look(self.folders.at(directory), name, path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return There(Unknown(cannot_be_read(error.errno)), Unknown(""), known)
            return There(ABSENT, ABSENT, known, error.errno != errno.ENOENT)
        if not isinstance(found, Entry):
            return There(found, found, known)
        return There(self._held(found._replace(mode=found.mode & MODE_MASK), known, most), found, known)

    def known(self, path: TreePath) -> Known:
        """What the index says, or is about to say."""
        if path in self.rows:
            return Known(self.rows[path][0], 0, self.rows[path][1])
        return self._asked[path] if path in self._asked else self.index.known(path)

    def _held(self, found: Entry, known: Known, most: int) -> Presence:
        if found.kind is Kind.SPECIAL:
            return Unknown("is neither a file, a directory nor a link")
        if found.kind is Kind.LINK:
            return found
        if found.kind is Kind.DIRECTORY:
            if isinstance(known.held, Entry) and known.held.kind is Kind.DIRECTORY:
                return found._replace(mtime_ns=known.held.mtime_ns)
            return found
        if known.sure and isinstance(known.held, Entry) and agrees(found._replace(mode=known.held.mode), known.held):
            return found._replace(digest=known.held.digest)
        digest = self._digest(found, most)
        return Unknown(CHANGED) if digest is None else found._replace(digest=digest)

    def _digest(self, found: Entry, most: int) -> "bytes | None":
        if found.size > max(most, SMALL_LIMIT):
            size, mtime_ns, digest = self._read.get(found.path, (0, 0, b""))
            return digest if (size, mtime_ns) == (found.size, found.mtime_ns) and digest else None
        started = time.time_ns()
        read = hash_files(locate_in_tree(self.folders), [found]).get(found.path)
        if read is not None and is_sure(found.mtime_ns, started):
            self._read[found.path] = (found.size, found.mtime_ns, read)
        return read


def is_gone(error: OSError) -> bool:
    """Whether a directory that was to be used is none any more."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def free_bytes(root: int) -> int:
    """How many bytes can be written to the file system of ``root``."""
    found = os.fstatvfs(root)
    return found.f_bavail * found.f_frsize
