# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of a hub: what each path of its tree holds, and since which revision (``docs/formats/hub-index.md``).

Rules
1. It is beside the tree and says nothing that the tree does not: lost or damaged, it is made anew from the tree. A new
   one has a new ``hub_id``, so no client takes what it lacks for removed.
2. Every change is written under the hub's lock, counts at one ``Record``, and comes after the files that it describes.
3. A row whose digest stands beside a time stamp within its grain is not sure: the file is read again.
4. ``seen`` of a folder is the sum of the listing that its rows were last found equal to; a folder that is listed with
   that sum is not looked into.
"""

from __future__ import annotations

import os
import sqlite3
from itertools import chain
from typing import Any, Collection, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from ..core.entries import Entry, Kind
from ..core.errors import InputError
from ..core.hub_words import NO_STAMP, ClientSeen, Held, Row
from ..core.manifest import Rows, pack_plain
from ..core.paths import ROOT, TreePath, join, split
from ..core.rights import Place, place_of
from .hub_rows import (
    COLUMNS,
    FORMAT,
    NO_FOLDER,
    UNKNOWN_PATH,
    Damaged,
    FolderTold,
    Known,
    Totals,
    count,
    known_of,
    row_of,
)

_PAGE = 1000
_FOLDERS_PAGE = 200
_SIZES = (1, 16, 250)
"""How many are asked for with one statement: the oldest SQLite takes 999 values."""
_FOLDERS_KNOWN = 4096
_IDS = "WITH asked(path) AS (VALUES {}) SELECT path, id FROM asked CROSS JOIN folders USING (path)"
_HOLDS = "EXISTS (SELECT 1 FROM entries WHERE folder = id AND kind != 0)"
_TOLD = (
    f"SELECT seen, {_HOLDS}, EXISTS (SELECT 1 FROM entries WHERE sure = 0 AND folder = id) FROM folders WHERE path = ?"
)
_KNOWN = (
    "WITH asked(folder, name) AS (VALUES {}) "
    f"SELECT folder, name, {COLUMNS} FROM asked CROSS JOIN entries USING (folder, name)"
)


class Index:
    """An open index. ``connection`` is what ``Record`` wants."""

    def __init__(self, path: bytes) -> None:
        """Open the index at ``path``, which must be there.

        :raises Damaged: when it is none, or of another format.
        """
        self._path = path
        self.connection = sqlite3.connect(os.fsdecode(path), timeout=10, isolation_level=None, check_same_thread=False)
        try:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute("PRAGMA temp_store = MEMORY")
            found = dict(self.connection.execute("SELECT key, value FROM meta"))
            self.hub_id: bytes = found["hub_id"]
            if found["format"] != FORMAT or len(self.hub_id) != 16:
                raise Damaged("the hub's index is of another format")
            self._file = os.stat(path).st_ino
        except (sqlite3.DatabaseError, KeyError, TypeError, OSError) as error:
            self.connection.close()
            raise Damaged(f"the hub's index cannot be read: {error}") from error
        except Damaged:
            self.connection.close()
            raise
        self._folders: Dict[bytes, int] = {}

    def check_current(self) -> None:
        """Under the lock: it is still the hub's.

        :raises InputError: when another session found it damaged and made a new one.
        """
        try:
            same = os.stat(self._path).st_ino == self._file
        except OSError:
            same = False
        if not same:
            raise InputError("the hub's index was made anew meanwhile; connect again")

    def close(self) -> None:
        """Close it; what was not recorded is gone."""
        self.connection.close()

    @property
    def revision(self) -> int:
        """The newest revision."""
        return self._one("SELECT max(revision) FROM line")

    @property
    def oldest(self) -> int:
        """The first revision since which it can tell what changed."""
        return self._one("SELECT min(revision) FROM line")

    def stamp(self, revision: int) -> bytes:
        """What a revision was called when it was made; ``NO_STAMP`` when that is forgotten, or there is none."""
        row = self.connection.execute("SELECT stamp FROM line WHERE revision = ?", (revision,)).fetchone()
        return row[0] if row else NO_STAMP

    def _one(self, query: str) -> int:
        value: int = self.connection.execute(query).fetchone()[0]
        return value

    def begin(self) -> None:
        """Start to write; until ``Record`` nobody else sees it."""
        self.connection.execute("BEGIN IMMEDIATE")

    def forget(self) -> None:
        """Undo what was written since ``begin`` and not recorded; also when the session is closed already."""
        try:
            if self.connection.in_transaction:
                self._folders.clear()
            self.connection.rollback()
        except sqlite3.ProgrammingError:
            pass

    def known(self, path: TreePath) -> Known:
        """What it says of ``path``."""
        return self.known_all((path,))[path]

    def known_all(self, paths: Iterable[TreePath]) -> Dict[TreePath, Known]:
        """What it says of each of ``paths``: some statements for many, not one for each."""
        found: Dict[TreePath, Known] = dict.fromkeys(paths, UNKNOWN_PATH)
        asked = [(*split(path), path) for path in found]
        folders = self._ids({directory for directory, _name, _path in asked})
        places = {(folders[where], name): path for where, name, path in asked if where in folders}
        for folder, name, *row in self._asked(_KNOWN, list(places)):
            path = places[folder, name]
            found[path] = known_of(path, row)
        return found

    def _ids(self, directories: Collection[TreePath]) -> Dict[TreePath, int]:
        """The numbers of those directories that have one."""
        known = self._folders
        found = dict(self._asked(_IDS, [(directory,) for directory in directories if directory not in known]))
        found.update((directory, known[directory]) for directory in directories if directory in known)
        if len(known) > _FOLDERS_KNOWN:
            known.clear()
        known.update(found)
        return found

    def _asked(self, query: str, values: List[Tuple[Any, ...]]) -> Iterator[Tuple[Any, ...]]:
        """The rows of ``query`` for many values at once. The last value again and again fills a statement up: so there
        are few texts that SQLite has to learn, and some rows come several times.
        """
        start = 0
        while start < len(values):
            size = min((size for size in _SIZES if size >= len(values) - start), default=_SIZES[-1])
            part = values[start : start + size]
            part += part[-1:] * (size - len(part))
            slot = f"({','.join('?' * len(part[0]))})"
            yield from self.connection.execute(query.format(",".join([slot] * size)), list(chain.from_iterable(part)))
            start += size

    def folder(self, directory: TreePath) -> Tuple[Optional[bytes], Dict[bytes, Known]]:
        """``(seen, rows by name)`` of one directory, without what was removed."""
        folder = self._folder(directory)
        if folder is None:
            return None, {}
        seen = self.connection.execute("SELECT seen FROM folders WHERE id = ?", (folder,)).fetchone()[0]
        query = f"SELECT name, {COLUMNS} FROM entries WHERE folder = ? AND kind != 0"
        rows = self.connection.execute(query, (folder,))
        return seen, {row[0]: known_of(join(directory, row[0]), row[1:]) for row in rows}

    def packed(self, directory: TreePath) -> Rows:
        """The rows of one directory as a listing has them: without digests, and without what was removed."""
        query = (
            "SELECT name, kind, mode, size, mtime_ns, target FROM entries WHERE folder = ? AND kind != 0 ORDER BY name"
        )
        rows = self.connection.execute(query, (self._folder(directory),)).fetchall()
        return Rows(
            b"\0".join([row[0] for row in rows]),
            b"".join([pack_plain(kind, mode, size, mtime_ns) for _name, kind, mode, size, mtime_ns, _target in rows]),
            b"\0".join([row[5] or b"" for row in rows if row[1] == Kind.LINK]),
            b"",
        )

    def names_from(self, directory: TreePath, start: bytes) -> Set[bytes]:
        """The names in a directory that begin with ``start``."""
        query = "SELECT name FROM entries WHERE folder = ? AND name >= ? AND name < ? AND kind != 0"
        found = self.connection.execute(query, (self._folder(directory), start, start + b"\xff" * 255))
        return {row[0] for row in found}

    def told_of(self, directory: TreePath) -> FolderTold:
        """What the index says of a directory as a whole."""
        row = self.connection.execute(_TOLD, (directory,)).fetchone()
        return FolderTold(row[0], bool(row[1]), bool(row[2])) if row else NO_FOLDER

    def count_held(self) -> int:
        """How many directories hold something."""
        count: int = self.connection.execute(f"SELECT count(*) FROM folders WHERE {_HOLDS}").fetchone()[0]
        return count

    def held(self) -> Iterator[TreePath]:
        """The directories that hold something; what is written meanwhile may be among them or not."""
        query = f"SELECT path FROM folders WHERE path {{}} ? AND {_HOLDS} ORDER BY path LIMIT {_FOLDERS_PAGE}"
        rows = self.connection.execute(query.format(">="), (b"",)).fetchall()
        while rows:
            yield from (TreePath(row[0]) for row in rows)
            rows = self.connection.execute(query.format(">"), rows[-1]).fetchall()

    def unsure(self, directory: TreePath) -> Set[bytes]:
        """The names in a directory whose rows are not sure."""
        query = "SELECT name FROM entries WHERE sure = 0 AND folder = ? AND kind != 0"
        return {row[0] for row in self.connection.execute(query, (self._folder(directory),))}

    def _folder(self, directory: TreePath) -> Optional[int]:
        return self._ids((directory,)).get(directory)

    def write(self, rows: Iterable[Tuple[TreePath, Held, bool]], revision: int, now_ns: int) -> None:
        """Say what paths hold since ``revision``: ``(path, held, sure)``, each once. From ``begin`` to ``Record``."""
        new = list(rows)
        self._add_up(new)
        folders = self._numbered({split(path)[0] for path, _held, _sure in new})
        values = (
            (folders[directory], name, *row_of(held, sure, revision))
            for (directory, name), held, sure in ((split(path), held, sure) for path, held, sure in new)
        )
        self.connection.executemany("INSERT OR REPLACE INTO entries VALUES (?,?,?,?,?,?,?,?,?,?)", values)
        self.connection.executemany("UPDATE folders SET seen = NULL WHERE id = ?", ((id_,) for id_ in folders.values()))
        self.connection.execute("INSERT INTO line VALUES (?,?,?)", (revision, os.urandom(16), now_ns))

    def _numbered(self, directories: Set[TreePath]) -> Dict[TreePath, int]:
        """The numbers of directories; those that have none get one."""
        folders = self._ids(directories)
        new = directories - folders.keys()
        self.connection.executemany("INSERT INTO folders(path) VALUES (?)", ((directory,) for directory in sorted(new)))
        return {**folders, **self._ids(new)}

    def _add_up(self, rows: List[Tuple[TreePath, Held, bool]]) -> None:
        """Keep the totals, before the rows are written."""
        totals = {prefix: list(counts) for prefix, *counts in self.connection.execute("SELECT * FROM totals")}
        before = self.known_all([path for path, _held, _sure in rows])
        for prefix, counts in totals.items():
            for path, held, _sure in rows:
                if place_of(path, prefix) is Place.INSIDE:
                    count(counts, before[path].held, -1)
                    count(counts, held, 1)
        changes = ((*counts, prefix) for prefix, counts in totals.items())
        self.connection.executemany("UPDATE totals SET files = ?, bytes = ?, conflicts = ? WHERE prefix = ?", changes)

    def note_sums(self, sums: Iterable[Tuple[bytes, bytes]]) -> None:
        """Note that folders were listed with these sums and that their rows are equal to the listing."""
        values = ((seen, directory) for directory, seen in sums)
        self.connection.executemany("UPDATE folders SET seen = ? WHERE path = ?", values)

    def note_sure(self, paths: Iterable[TreePath]) -> None:
        """Note that the digests of these paths were found right when their stamps were old enough."""
        places = [split(path) for path in paths]
        folders = self._ids({directory for directory, _name in places})
        values = ((folders.get(directory), name) for directory, name in places)
        self.connection.executemany("UPDATE entries SET sure = 1 WHERE folder = ? AND name = ?", values)

    def totals(self, prefix: TreePath) -> Totals:
        """The counts below ``prefix``, from now on kept with every change. Between ``begin`` and ``Record``."""
        query = "SELECT files, bytes, conflicts FROM totals WHERE prefix = ?"
        row = self.connection.execute(query, (prefix,)).fetchone()
        if row is None:
            counts = [0, 0, 0]
            for known in self.listing():
                if place_of(known.path, prefix) is Place.INSIDE:
                    count(counts, known.held, 1)
            self.connection.execute("INSERT INTO totals VALUES (?,?,?,?)", (prefix, *counts))
            row = tuple(counts)
        return Totals(*row)

    def listing(self) -> Iterator[Row]:
        """What every path holds, a directory and then what is in those that it has, sorted; what is written meanwhile
        may be in it or not.
        """
        waiting = [ROOT]
        while waiting:
            directory = waiting.pop()
            folder = self._folder(directory)
            below: List[TreePath] = []
            for row in self._rows_of(folder, directory) if folder is not None else ():
                if isinstance(row.held, Entry) and row.held.kind is Kind.DIRECTORY:
                    below.append(row.path)
                yield row
            waiting.extend(reversed(below))

    def _rows_of(self, folder: int, directory: bytes) -> Iterator[Row]:
        which = "folder = ? AND name > ? AND kind != 0"
        query = f"SELECT name, {COLUMNS} FROM entries WHERE {which} ORDER BY name LIMIT ?"
        after = b""
        while True:
            rows = self.connection.execute(query, (folder, after, _PAGE)).fetchall()
            for name, *row in rows:
                path = join(directory, name)
                known = known_of(path, row)
                yield Row(path, known.held, known.revision)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def since(self, revision: int) -> Iterator[Row]:
        """What changed after ``revision``, in the order of revisions; removals too."""
        query = (
            f"SELECT path, name, {COLUMNS} FROM entries JOIN folders ON folder = id "
            "WHERE (revision, folder, name) > (?, ?, ?) ORDER BY revision, folder, name LIMIT ?"
        )
        at: Tuple[int, int, bytes] = (revision, 1 << 62, b"")
        while True:
            rows = self.connection.execute(query, (*at, _PAGE)).fetchall()
            for directory, name, *row in rows:
                path = join(directory, name)
                known = known_of(path, row)
                yield Row(path, known.held, known.revision)
            if len(rows) < _PAGE:
                return
            folder = self._folder(TreePath(rows[-1][0]))
            at = (rows[-1][8], folder if folder is not None else 0, rows[-1][1])

    def bury(self, before_ns: int) -> None:
        """Forget what was removed or replaced before that. Who was told last before then, of a revision that was not
        the newest any more, gets a full listing.
        """
        query = "SELECT max(revision) FROM line WHERE made_ns < ?"
        newest = self.connection.execute(query, (before_ns,)).fetchone()[0]
        if newest is not None and self.connection.execute("DELETE FROM line WHERE revision < ?", (newest,)).rowcount:
            self.connection.execute("DELETE FROM entries WHERE kind = 0 AND revision <= ?", (newest,))

    def acknowledge(self, client: str, revision: int, now_ns: int) -> None:
        """Note how far a client is."""
        self.connection.execute("INSERT OR REPLACE INTO clients VALUES (?,?,?)", (client, revision, now_ns))

    def clients(self) -> Tuple[ClientSeen, ...]:
        """How far every client is, by name."""
        found = self.connection.execute("SELECT name, revision, when_ns FROM clients ORDER BY name")
        return tuple(ClientSeen(*row) for row in found)
