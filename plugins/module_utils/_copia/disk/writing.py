# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging small files that arrived whole: gathered by directory, and written many at once.

A batch is one operation. It is bounded in files and bytes, so that a run that is stopped stops soon, and in
directories, since each is held open until it is done.
"""

from __future__ import annotations

import os
from typing import Callable, List, Optional

from ..core.entries import Entry
from ..core.manifest import row_of_file
from ..core.paths import TreePath, split
from ..core.preserve import NOTHING_MORE, Preserve
from . import operations as op
from .stage import Stage

_PART = 128
"""Files of one part: two parts are written at the same time."""
_MOST_PARTS = 16
_MOST_BYTES = 8 << 20


def rows_with(keeps: Preserve) -> Callable[[Entry], bytes]:
    """What makes the packed row of a new file, without what is put on it afterwards."""
    return (lambda entry: row_of_file(keeps.bare(entry))) if keeps.is_any else row_of_file


class Writing:
    """A batch that is being gathered. Close it whatever happens: it holds directories open."""

    def __init__(self, stage: Stage, keeps: Preserve = NOTHING_MORE) -> None:
        self._stage = stage
        self._row = rows_with(keeps)
        self._parts: List[op.Writes] = []
        self._directory: Optional[TreePath] = None
        self._paths: List[TreePath] = []
        self._rows: List[bytes] = []
        self._data: List[bytes] = []
        self._bytes = 0

    def take(self, wanted: Entry, data: bytes) -> op.Acts:
        """Take in one file, and write what was gathered when that is enough.

        :raises OSError: when a file can't be written; that ends the run.
        """
        directory = split(wanted.path)[0]
        if directory != self._directory or len(self._paths) >= _PART:
            self._cut()
            if len(self._parts) >= _MOST_PARTS or self._bytes >= _MOST_BYTES:
                yield from self.go()
            self._directory = directory
        self._paths.append(wanted.path)
        self._rows.append(self._row(wanted))
        self._data.append(data)
        self._bytes += len(data)

    def go(self) -> op.Acts:
        """Write what was gathered."""
        self._cut()
        if self._parts:
            yield op.WriteFiles(tuple(self._parts))
        self.close()

    def _cut(self) -> None:
        if self._directory is not None and self._paths:
            parent, names = self._stage.places_for(self._directory, self._paths)
            rows, data = b"".join(self._rows), b"".join(self._data)
            self._parts.append(op.Writes(os.dup(parent), b"\0".join(names), rows, data))
            self._paths, self._rows, self._data = [], [], []

    def close(self) -> None:
        """Forget the batch and close its directories."""
        for part in self._parts:
            os.close(part.parent)
        self._parts, self._bytes, self._directory = [], 0, None
        self._paths, self._rows, self._data = [], [], []
