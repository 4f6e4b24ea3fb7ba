# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can stand at a path, and the three answers to the question whether something does."""

from __future__ import annotations

import enum
from typing import NamedTuple, Optional, Union

from ..values import dataclass
from .paths import TreePath

NOT_RECORDED = 0xFFFFFFFF
"""Owner or group that nobody asked about: equal to itself, so it never makes a difference."""


class Kind(enum.IntEnum):
    """Kinds of entries. The numbers are part of the packed format (``docs/formats/listing.md``)."""

    FILE = 1
    DIRECTORY = 2
    LINK = 3
    SPECIAL = 4


class Entry(NamedTuple):
    """One thing in a tree.

    ``size`` in bytes (0 but for files); ``mtime_ns`` in nanoseconds since the epoch; ``mode`` the permission bits;
    ``digest`` the 32 bytes of BLAKE3 of the content where somebody computed it; ``target`` the text of a link;
    ``uid`` and ``gid`` are ``NOT_RECORDED`` unless ownership was asked for; ``extras`` are its extended attributes
    (``core/extras.py``), empty where nobody asked for them.
    """

    path: TreePath
    kind: Kind
    size: int
    mtime_ns: int
    mode: int
    digest: Optional[bytes] = None
    target: bytes = b""
    uid: int = NOT_RECORDED
    gid: int = NOT_RECORDED
    extras: bytes = b""


@dataclass(frozen=True)
class Absent:
    """Nothing stands there: the kernel said ENOENT or ENOTDIR, and nothing else counts as that."""


@dataclass(frozen=True)
class Unknown:
    """Nobody could look. It is neither presence nor absence: no delete and no overwrite follows from it."""

    reason: str


@dataclass(frozen=True)
class Problem:
    """Trouble with one path. It never stops the tree and it always reaches the report."""

    path: TreePath
    what: str


Presence = Union[Entry, Absent, Unknown]

ABSENT = Absent()
