# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server lets its clients do: which paths, and whether they may change anything.

RACE: a path is resolved once, when a job is opened, and opened by that resolved name. Whoever can rename directories of
this host in between can lead a client elsewhere; he could have moved the data himself.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Tuple

from ..core.errors import InputError
from ..core.paths import show
from ..values import dataclass
from ..wire.fields import field


@dataclass(frozen=True)
class Grant:
    """``roots``: only what is at or below one of these; none of them means every path. ``writes``: trees may change."""

    roots: Tuple[bytes, ...] = ()
    writes: bool = True

    def to_read(self, path: bytes) -> bytes:
        """The path to use.

        :raises InputError: when it is not at or below a root.
        """
        if not path or b"\0" in path:
            raise InputError("a path is empty or holds NUL; name one")
        if not self.roots:
            return path
        real = os.path.realpath(path)
        roots = [os.path.realpath(root) for root in self.roots]
        if not any(os.path.commonpath((root, real)) == root for root in roots):
            raise InputError(f"{show(path)} is outside of what is served here")
        return real

    def to_write(self, path: bytes) -> bytes:
        """The path to use.

        :raises InputError: when it is not at or below a root, or nothing may be changed here.
        """
        if not self.writes:
            raise InputError(f"{show(path)} is served read-only here; nothing can be changed")
        return self.to_read(path)

    def place(self, terms: Mapping[str, Any], *, is_written: bool) -> bytes:
        """Where the terms of a job would have displaced versions; empty for nowhere.

        :raises CopiaError: when that can be no place, or an absolute one is not at or below a root.
        """
        if "backup" not in terms:
            return b""
        from ..core.backup import parse_place

        place = parse_place(field(terms, "backup", bytes))
        if not place.startswith(b"/"):
            return place
        return self.to_write(place) if is_written else self.to_read(place)
