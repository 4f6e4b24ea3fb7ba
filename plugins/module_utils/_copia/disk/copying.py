# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging files that this host holds itself: gathered by directory, and copied many at once.

A batch is one operation. It is bounded in files and bytes, so that a run that is stopped stops soon, and in
directories, since each is held open until it is done.
"""

from __future__ import annotations

import os
from typing import Dict, List, Protocol, Sequence

from ..core.entries import Entry
from ..core.errors import RemoteProtocolError
from ..core.parcel import Here
from ..core.paths import TreePath, show, split
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.report import Report
from ..core.steps import Put, PutFile
from . import operations as op
from .read import cannot_be_read
from .stage import Stage
from .writing import rows_with

MOST_FILES = 8192
MOST_FOLDERS = 96
MOST_BYTES = 64 << 20


class Receives(Protocol):
    """Who wants the files, and hears of trouble with one."""

    report: Report

    def fail(self, path: TreePath, what: str) -> None:
        """Make ``what`` a problem of ``path``."""


class Copying:
    """A batch that is being gathered. Close it whatever happens: it holds directories open."""

    def __init__(self, stage: Stage, receives: Receives, keeps: Preserve = NOTHING_MORE) -> None:
        self._stage, self._receives = stage, receives
        self._row = rows_with(keeps)
        self._parts: List[op.Copies] = []
        self._entries: List[Sequence[Entry]] = []
        self._files = self._bytes = 0

    def take(self, puts: Dict[TreePath, Put], item: Here) -> op.Acts:
        """Take in files of one directory, and copy what was gathered when that is enough.

        :raises RemoteProtocolError: when nobody asked for one.
        """
        for entry in item.entries:
            asked_for(puts, entry.path)
        paths = [entry.path for entry in item.entries]
        to_parent, to_names = self._stage.places_for(split(paths[0])[0], paths)
        names, rows = b"\0".join(item.names), b"".join(map(self._row, item.entries))
        part = op.Copies(os.dup(item.directory), os.dup(to_parent), names, b"\0".join(to_names), rows)
        self._parts.append(part)
        self._entries.append(item.entries)
        self._files += len(paths)
        self._bytes += sum(entry.size for entry in item.entries)
        if self._files >= MOST_FILES or len(self._parts) >= MOST_FOLDERS or self._bytes >= MOST_BYTES:
            yield from self.go()

    def go(self) -> op.Acts:
        """Copy what was gathered.

        :raises OSError: when a file can't be written; that ends the run.
        """
        if not self._parts:
            return
        answers = yield op.CopyFiles(tuple(self._parts), False)
        for entries, numbers in zip(self._entries, answers):
            for entry, number in zip(entries, numbers):
                if number:
                    self._fail(entry.path, number)
                else:
                    self._receives.report.bytes_literal += entry.size
        self.close()

    def close(self) -> None:
        """Forget the batch and close its directories."""
        for part in self._parts:
            os.close(part.from_parent)
            os.close(part.to_parent)
        self._parts, self._entries = [], []
        self._files = self._bytes = 0

    def _fail(self, path: TreePath, number: int) -> None:
        self._stage.drop(path)
        self._receives.fail(path, cannot_be_read(None if number == op.CHANGED else number))


def asked_for(puts: Dict[TreePath, Put], path: TreePath) -> PutFile:
    """The step that asked for the content of ``path``.

    :raises RemoteProtocolError: when none did.
    """
    step = puts.get(path)
    if not isinstance(step, PutFile):
        raise RemoteProtocolError(f"a parcel has {show(path)}, which nobody asked for")
    return step
