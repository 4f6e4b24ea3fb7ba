# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of an entry beside content, permissions and time, put on it: for each, what can't be had is a problem.

Order: the owner, then what else it had on; permissions come after both, since a change of owner clears special bits.
"""

from __future__ import annotations

import os
from typing import Callable, Generator

from ..core.entries import NOT_RECORDED, Entry, Kind
from ..core.paths import TreePath
from ..core.preserve import NOTHING_MORE, Preserve
from . import operations as op

_SPECIAL_BITS = 0o7000
Dressed = Generator[op.Operation, object, bool]


class Dresser:
    """Puts on what ``keeps`` says; ``fail`` hears of what can't be put on."""

    def __init__(self, keeps: Preserve, fail: Callable[[TreePath, str], None]) -> None:
        self.keeps, self._fail = keeps, fail

    def acts(self, parent: int, name: bytes, entry: Entry) -> Dressed:
        """Dress what stands at ``name``, or is open at ``parent`` where that is empty; whether all could be put on."""
        if self.keeps == NOTHING_MORE:
            return True
        uid, gid = self._owner(entry)
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False) if name else os.fstat(parent)
            if uid in (-1, found.st_uid) and gid in (-1, found.st_gid):
                return True
            yield op.SetOwner(parent, name, uid, gid)
        except OSError as error:
            what = os.strerror(error.errno or 0)
            self._fail(entry.path, f"its owner could not be set to {_shown(uid)}:{_shown(gid)}: {what}")
            return False
        if entry.mode & _SPECIAL_BITS and entry.kind is not Kind.LINK:
            yield self._again(parent, name, entry)
        return True

    def _owner(self, entry: Entry) -> "tuple[int, int]":
        """The ids that are kept, -1 for what is not."""
        ids = (entry.uid if self.keeps.owner else -1, entry.gid if self.keeps.group else -1)
        uid, gid = (-1 if number == NOT_RECORDED else number for number in ids)
        return uid, gid

    def _again(self, parent: int, name: bytes, entry: Entry) -> op.Operation:
        attributes = op.attributes_of(self.keeps.bare(entry))
        if name:
            return op.SetAttributes(parent, name, entry.kind, attributes)
        return op.SetFolderAttributes(parent, attributes)


def _shown(number: int) -> str:
    return "" if number == -1 else str(number)
