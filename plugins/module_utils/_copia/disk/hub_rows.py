# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the index of a hub is made of: its tables, and a row as a value (``docs/formats/hub-index.md``)."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from ..core.conflicts import is_conflict_copy
from ..core.entries import ABSENT, Entry, Kind
from ..core.errors import CopiaError, InputError
from ..core.hub_words import Held
from ..core.paths import TreePath, show

FORMAT = 2
GRAVE = 0
"""The kind of a row whose path was removed."""
COLUMNS = "kind, mode, mtime_ns, size, digest, target, revision, sure"
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
CREATE TABLE versions(id INTEGER PRIMARY KEY, path BLOB NOT NULL, place BLOB NOT NULL, size INTEGER NOT NULL,
    made_ns INTEGER NOT NULL);
CREATE INDEX version_paths ON versions(path, made_ns);
CREATE INDEX version_ages ON versions(made_ns);
CREATE TABLE clients(name TEXT PRIMARY KEY, revision INTEGER NOT NULL, when_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE totals(prefix BLOB PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    conflicts INTEGER NOT NULL) WITHOUT ROWID;
"""


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


class FolderTold(NamedTuple):
    """Of a directory: the sum of the listing that its rows were last found equal to, whether it holds anything, and
    whether something in it is not sure.
    """

    seen: Optional[bytes]
    holds: bool
    doubts: bool


UNKNOWN_PATH = Known(ABSENT, 0, True)
NO_FOLDER = FolderTold(None, False, False)


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


def row_of(held: Held, sure: bool, revision: int) -> Tuple[Any, ...]:
    """The columns of a row behind its name."""
    if not isinstance(held, Entry):
        return (GRAVE, 0, 0, 0, None, None, revision, True)
    target = held.target if held.kind is Kind.LINK else None
    return (int(held.kind), held.mode, held.mtime_ns, held.size, held.digest, target, revision, sure)


def known_of(path: TreePath, row: Sequence[Any]) -> Known:
    """What ``COLUMNS`` of a row say."""
    kind, mode, mtime_ns, size, digest, target, revision, sure = row
    if kind == GRAVE:
        return Known(ABSENT, revision, True)
    return Known(Entry(path, Kind(kind), size, mtime_ns, mode, digest, target or b""), revision, bool(sure))


def count(counts: List[int], held: Held, sign: int) -> None:
    """Add what a path holds to totals, or take it off them."""
    if isinstance(held, Entry) and held.kind is Kind.FILE:
        counts[0] += sign
        counts[1] += sign * held.size
    if isinstance(held, Entry) and is_conflict_copy(held.path):
        counts[2] += sign
