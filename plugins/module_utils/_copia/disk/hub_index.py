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
import time
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..core.conflicts import is_conflict_copy
from ..core.entries import ABSENT, Entry, Kind
from ..core.errors import CopiaError, InputError
from ..core.hub_words import NO_STAMP, ClientSeen, Held, Row
from ..core.paths import TreePath, join, show, split
from ..core.rights import Place, place_of

FORMAT = 2
GRAVE = 0
"""The kind of a row whose path was removed."""
_PAGE = 1000
_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE folders(id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, seen BLOB);
CREATE TABLE entries(folder INTEGER NOT NULL, name BLOB NOT NULL, kind INTEGER NOT NULL, mode INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, digest BLOB, target BLOB, revision INTEGER NOT NULL,
    sure INTEGER NOT NULL, PRIMARY KEY(folder, name)) WITHOUT ROWID;
CREATE INDEX news ON entries(revision);
CREATE INDEX graves ON entries(revision) WHERE kind = 0;
CREATE INDEX unsure ON entries(sure) WHERE sure = 0;
CREATE TABLE line(revision INTEGER PRIMARY KEY, stamp BLOB NOT NULL, made_ns INTEGER NOT NULL);
CREATE INDEX ages ON line(made_ns);
CREATE TABLE clients(name TEXT PRIMARY KEY, revision INTEGER NOT NULL, when_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE totals(prefix BLOB PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    conflicts INTEGER NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "kind, mode, mtime_ns, size, digest, target, revision, sure"


class Damaged(CopiaError):
    """The index cannot be read."""


class Known(NamedTuple):
    """What the index says of a path."""

    held: Held
    revision: int
    sure: bool


class Totals(NamedTuple):
    """Counts below a prefix; ``bytes`` are those of the files."""

    files: int
    bytes: int
    conflicts: int


UNKNOWN_PATH = Known(ABSENT, 0, True)


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
            self.connection.rollback()
        except sqlite3.ProgrammingError:
            pass

    def known(self, path: TreePath) -> Known:
        """What it says of ``path``."""
        directory, name = split(path)
        folder = self._folder(directory)
        if folder is None:
            return UNKNOWN_PATH
        query = f"SELECT {_COLUMNS} FROM entries WHERE folder = ? AND name = ?"
        row = self.connection.execute(query, (folder, name)).fetchone()
        return _known(path, row) if row else UNKNOWN_PATH

    def folder(self, directory: TreePath) -> Tuple[Optional[bytes], Dict[bytes, Known]]:
        """``(seen, rows by name)`` of one directory, without what was removed."""
        folder = self._folder(directory)
        if folder is None:
            return None, {}
        seen = self.connection.execute("SELECT seen FROM folders WHERE id = ?", (folder,)).fetchone()[0]
        query = f"SELECT name, {_COLUMNS} FROM entries WHERE folder = ? AND kind != 0"
        rows = self.connection.execute(query, (folder,))
        return seen, {row[0]: _known(join(directory, row[0]), row[1:]) for row in rows}

    def names_from(self, directory: TreePath, start: bytes) -> Set[bytes]:
        """The names in a directory that begin with ``start``."""
        query = "SELECT name FROM entries WHERE folder = ? AND name >= ? AND name < ? AND kind != 0"
        found = self.connection.execute(query, (self._folder(directory), start, start + b"\xff" * 255))
        return {row[0] for row in found}

    def sums(self) -> Dict[bytes, Optional[bytes]]:
        """Every folder that holds something, with its sum."""
        query = "SELECT path, seen FROM folders WHERE EXISTS (SELECT 1 FROM entries WHERE folder = id AND kind != 0)"
        return dict(self.connection.execute(query))

    def unsure(self) -> List[TreePath]:
        """The paths of rows that are not sure."""
        query = "SELECT path, name FROM entries JOIN folders ON folder = id WHERE sure = 0 AND kind != 0"
        return [join(path, name) for path, name in self.connection.execute(query)]

    def _folder(self, directory: bytes) -> Optional[int]:
        if directory not in self._folders:
            row = self.connection.execute("SELECT id FROM folders WHERE path = ?", (directory,)).fetchone()
            if row is None:
                return None
            if len(self._folders) > 4096:
                self._folders.clear()
            self._folders[directory] = row[0]
        return self._folders[directory]

    def write(self, rows: Iterable[Tuple[TreePath, Held, bool]], revision: int, now_ns: int) -> None:
        """Say what paths hold since ``revision``: ``(path, held, sure)``. Between ``begin`` and ``Record``."""
        totals = {prefix: list(counts) for prefix, *counts in self.connection.execute("SELECT * FROM totals")}
        touched = set()
        for path, held, sure in rows:
            directory, name = split(path)
            folder = self._folder(directory)
            if folder is None:
                self.connection.execute("INSERT INTO folders(path) VALUES (?)", (directory,))
                folder = self._folder(directory)
            before = self.known(path).held
            for prefix, counts in totals.items():
                if place_of(path, prefix) is Place.INSIDE:
                    _count(counts, before, -1)
                    _count(counts, held, 1)
            values = (folder, name, *_fields(held), revision, sure or not isinstance(held, Entry))
            self.connection.execute("INSERT OR REPLACE INTO entries VALUES (?,?,?,?,?,?,?,?,?,?)", values)
            touched.add(folder)
        self.connection.executemany("UPDATE folders SET seen = NULL WHERE id = ?", ((id_,) for id_ in touched))
        changes = ((*counts, prefix) for prefix, counts in totals.items())
        self.connection.executemany("UPDATE totals SET files = ?, bytes = ?, conflicts = ? WHERE prefix = ?", changes)
        self.connection.execute("INSERT INTO line VALUES (?,?,?)", (revision, os.urandom(16), now_ns))

    def note_sums(self, sums: Iterable[Tuple[bytes, bytes]]) -> None:
        """Note that folders were listed with these sums and that their rows are equal to the listing."""
        for directory, seen in sums:
            self.connection.execute("UPDATE folders SET seen = ? WHERE path = ?", (seen, directory))

    def note_sure(self, paths: Iterable[TreePath]) -> None:
        """Note that the digests of these paths were found right when their stamps were old enough."""
        for path in paths:
            directory, name = split(path)
            values = (self._folder(directory), name)
            self.connection.execute("UPDATE entries SET sure = 1 WHERE folder = ? AND name = ?", values)

    def totals(self, prefix: TreePath) -> Totals:
        """The counts below ``prefix``, from now on kept with every change. Between ``begin`` and ``Record``."""
        query = "SELECT files, bytes, conflicts FROM totals WHERE prefix = ?"
        row = self.connection.execute(query, (prefix,)).fetchone()
        if row is None:
            counts = [0, 0, 0]
            for known in self.listing():
                if place_of(known.path, prefix) is Place.INSIDE:
                    _count(counts, known.held, 1)
            self.connection.execute("INSERT INTO totals VALUES (?,?,?,?)", (prefix, *counts))
            row = tuple(counts)
        return Totals(*row)

    def listing(self) -> Iterator[Row]:
        """What every path holds, directory by directory; what is written meanwhile may be in it or not."""
        after: bytes = b""
        ids = self.connection.execute("SELECT id, path FROM folders WHERE path = x''").fetchall()
        while ids:
            for folder, directory in ids:
                yield from self._rows_of(folder, directory)
                after = directory
            query = "SELECT id, path FROM folders WHERE path > ? ORDER BY path LIMIT 200"
            ids = self.connection.execute(query, (after,)).fetchall()

    def _rows_of(self, folder: int, directory: bytes) -> Iterator[Row]:
        which = "folder = ? AND name > ? AND kind != 0"
        query = f"SELECT name, {_COLUMNS} FROM entries WHERE {which} ORDER BY name LIMIT ?"
        after = b""
        while True:
            rows = self.connection.execute(query, (folder, after, _PAGE)).fetchall()
            for name, *row in rows:
                path = join(directory, name)
                known = _known(path, row)
                yield Row(path, known.held, known.revision)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def since(self, revision: int) -> Iterator[Row]:
        """What changed after ``revision``, in the order of revisions; removals too."""
        query = (
            f"SELECT path, name, {_COLUMNS} FROM entries JOIN folders ON folder = id "
            "WHERE (revision, folder, name) > (?, ?, ?) ORDER BY revision, folder, name LIMIT ?"
        )
        at: Tuple[int, int, bytes] = (revision, 1 << 62, b"")
        while True:
            rows = self.connection.execute(query, (*at, _PAGE)).fetchall()
            for directory, name, *row in rows:
                path = join(directory, name)
                known = _known(path, row)
                yield Row(path, known.held, known.revision)
            if len(rows) < _PAGE:
                return
            folder = self._folder(rows[-1][0])
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


def make_index(path: bytes, hub_id: bytes) -> None:
    """Make a new index at ``path``, where nothing is. Under the hub's lock.

    :raises InputError: when it can't be made.
    """
    try:
        connection = sqlite3.connect(os.fsdecode(path), isolation_level=None)
        try:
            connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN; {_SCHEMA}")
            connection.executemany("INSERT INTO meta VALUES (?,?)", (("format", FORMAT), ("hub_id", hub_id)))
            connection.execute("INSERT INTO line VALUES (0,?,?)", (os.urandom(16), time.time_ns()))
            connection.execute("INSERT INTO totals VALUES (x'', 0, 0, 0)")
            connection.commit()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InputError(f"the hub's index {show(path)} cannot be made: {error}") from error


def _fields(held: Held) -> Tuple[int, int, int, int, Optional[bytes], Optional[bytes]]:
    if not isinstance(held, Entry):
        return (GRAVE, 0, 0, 0, None, None)
    target = held.target if held.kind is Kind.LINK else None
    return (int(held.kind), held.mode, held.mtime_ns, held.size, held.digest, target)


def _known(path: TreePath, row: Tuple[int, int, int, int, Optional[bytes], Optional[bytes], int, int]) -> Known:
    kind, mode, mtime_ns, size, digest, target, revision, sure = row
    if kind == GRAVE:
        return Known(ABSENT, revision, True)
    return Known(Entry(path, Kind(kind), size, mtime_ns, mode, digest, target or b""), revision, bool(sure))


def _count(counts: List[int], held: Held, sign: int) -> None:
    if isinstance(held, Entry) and held.kind is Kind.FILE:
        counts[0] += sign
        counts[1] += sign * held.size
    if isinstance(held, Entry) and is_conflict_copy(held.path):
        counts[2] += sign
