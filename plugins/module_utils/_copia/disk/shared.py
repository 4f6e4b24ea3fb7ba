# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with several names, of which the run changed one: what is planned for the others expects them as before."""

from __future__ import annotations

import os
from typing import Dict, Tuple, TypeVar

from ..core.entries import Entry, Kind, Presence

P = TypeVar("P", bound=Presence)


class SharedFiles:
    """Files that have other names, and the time that they were given."""

    def __init__(self) -> None:
        self._times: Dict[Tuple[int, int], Tuple[int, int]] = {}

    def note(self, parent: int, name: bytes, given: Entry) -> None:
        """Remember the file at ``name``, which was given the time of ``given``, where it has other names."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if found.st_nlink > 1 and given.kind is Kind.FILE:
            self._times[found.st_dev, found.st_ino] = (given.size, given.mtime_ns)

    def by_now(self, parent: int, name: bytes, expected: P) -> P:
        """What is expected at ``name`` after what was done to the file under another name."""
        if not self._times or not isinstance(expected, Entry) or expected.kind is not Kind.FILE:
            return expected
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except OSError:
            return expected
        size, mtime_ns = self._times.get((found.st_dev, found.st_ino), (-1, 0))
        return expected._replace(mtime_ns=mtime_ns) if size == expected.size else expected
