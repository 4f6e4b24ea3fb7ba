# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of an entry beside content, permissions and time, put on it: for each, what can't be had is a problem.

Order: the owner first, since a change of owner clears capabilities and special bits; then attributes, of which an ACL
is set with the permissions that the entry is to have; then permissions once more where the others can disturb them.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Generator, List, Tuple

from ..core.entries import NOT_RECORDED, Entry, Kind
from ..core.extras import ACLS, CAPABILITY, acl_for_kernel, unpack_extras
from ..core.paths import TreePath, show
from ..core.preserve import NOTHING_MORE, Preserve
from . import operations as op
from .extras import attributes_at

_SPECIAL_BITS, _WRITABLE = 0o7000, 0o200
Dressed = Generator[op.Operation, Any, bool]


class Dresser:
    """Puts on what ``keeps`` says; ``fail`` hears of what can't be put on."""

    def __init__(self, keeps: Preserve, fail: Callable[[TreePath, str], None]) -> None:
        self.keeps, self._fail = keeps, fail

    def acts(self, parent: int, name: bytes, entry: Entry) -> Dressed:
        """Dress what stands at ``name``, or is open at ``parent`` where that is empty; whether all could be put on."""
        if self.keeps == NOTHING_MORE:
            return True
        try:
            operations = self._owner(parent, name, entry)
            operations += self._extras(parent, name, entry, is_given_away=bool(operations))
        except OSError as error:
            return self._failed(entry, "could not be looked at", error)
        troubles = 0
        for what, operation in operations:
            try:
                yield from self._put_on(parent, name, entry, operation)
            except OSError as error:
                troubles += not self._failed(entry, f"its {what}", error)
        if operations and _is_to_be_set_last(entry):
            yield self._mode(parent, name, entry, entry.mode)
        return not troubles

    def _owner(self, parent: int, name: bytes, entry: Entry) -> "List[Tuple[str, op.Operation]]":
        """What gives it the owner that it has not."""
        ids = (entry.uid if self.keeps.owner else -1, entry.gid if self.keeps.group else -1)
        uid, gid = (-1 if number == NOT_RECORDED else number for number in ids)
        if uid == gid == -1:
            return []
        found = os.stat(name, dir_fd=parent, follow_symlinks=False) if name else os.fstat(parent)
        if uid in (-1, found.st_uid) and gid in (-1, found.st_gid):
            return []
        wanted = ":".join("" if number == -1 else str(number) for number in (uid, gid))
        return [(f"owner could not be set to {wanted}", op.SetOwner(parent, name, uid, gid))]

    def _extras(
        self, parent: int, name: bytes, entry: Entry, *, is_given_away: bool
    ) -> "List[Tuple[str, op.Operation]]":
        """What takes away the attributes that it is not to have, and gives it those that it has not."""
        if not self.keeps.has_extras or entry.kind is Kind.LINK:
            return []
        wanted = unpack_extras(entry.extras)
        found = attributes_at(parent, name, self.keeps)
        keys: Dict[bytes, Any] = dict.fromkeys(sorted(found.keys() - wanted.keys()))
        lost = CAPABILITY if is_given_away else b""
        keys.update((key, value) for key, value in wanted.items() if found.get(key) != value or key == lost)
        return [
            (_what(key, value), op.SetExtra(parent, name, key, _for_kernel(key, value, entry.mode)))
            for key, value in keys.items()
        ]

    def _put_on(self, parent: int, name: bytes, entry: Entry, operation: op.Operation) -> op.Acts:
        """What may not be written to takes no attributes, not even from its owner: not until it may be."""
        try:
            yield operation
        except PermissionError:
            if entry.mode & _WRITABLE or not isinstance(operation, op.SetExtra):
                raise
            yield self._mode(parent, name, entry, entry.mode | _WRITABLE)
            yield operation

    def _mode(self, parent: int, name: bytes, entry: Entry, mode: int) -> op.Operation:
        attributes = op.attributes_of(self.keeps.bare(entry))._replace(mode=mode)
        if name:
            return op.SetAttributes(parent, name, entry.kind, attributes)
        return op.SetFolderAttributes(parent, attributes)

    def _failed(self, entry: Entry, what: str, error: OSError) -> bool:
        self._fail(entry.path, f"{what}: {os.strerror(error.errno or 0)}")
        return False


def _is_to_be_set_last(entry: Entry) -> bool:
    return entry.kind is not Kind.LINK and (entry.mode & _SPECIAL_BITS != 0 or not entry.mode & _WRITABLE)


def _what(key: bytes, value: object) -> str:
    return f"attribute {show(key)} could not be {'removed' if value is None else 'set'}"


def _for_kernel(key: bytes, value: Any, mode: int) -> Any:
    return acl_for_kernel(key, value, mode) if value is not None and key in ACLS else value
