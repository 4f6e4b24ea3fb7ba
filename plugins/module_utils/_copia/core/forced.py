# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest in which everything has the owner or the permissions that a user forces on it."""

from __future__ import annotations

import struct
from typing import Callable, Dict, Optional, Tuple

from ..values import replace
from .entries import Entry, Kind
from .manifest import ROW, Block, Manifest

_UID_AT, _GID_AT = 4, 8


def with_owner(manifest: Manifest, uid: Optional[int], gid: Optional[int]) -> Manifest:
    """The manifest in which everything belongs to ``uid`` and ``gid``; ``None`` leaves that one as it is."""

    def owned(rows: bytes) -> bytes:
        columns = bytearray(rows)
        for start, number in ((_UID_AT, uid), (_GID_AT, gid)):
            for place, byte in enumerate(struct.pack("<I", number) if number is not None else b""):
                columns[start + place :: ROW.size] = bytes((byte,)) * (len(rows) // ROW.size)
        return bytes(columns)

    root = manifest.root
    if isinstance(root, Entry):
        root = root._replace(uid=root.uid if uid is None else uid, gid=root.gid if gid is None else gid)
    blocks = tuple(Block(b.directory, b.packed._replace(rows=owned(b.packed.rows))) for b in manifest.blocks)
    return replace(manifest, root=root, blocks=blocks, _index={})


def with_modes(manifest: Manifest, rule: Callable[[Kind, int], int]) -> Manifest:
    """The manifest in which files and directories have the mode that ``rule(kind, mode)`` says."""
    known: Dict[Tuple[int, int], int] = {}

    def mode_of(kind: int, mode: int) -> int:
        if kind not in (Kind.FILE, Kind.DIRECTORY):
            return mode
        if (kind, mode) not in known:
            known[kind, mode] = rule(Kind(kind), mode)
        return known[kind, mode]

    def reshaped(rows: bytes) -> bytes:
        return b"".join(ROW.pack(row[0], row[1], mode_of(row[0], row[2]), *row[3:]) for row in ROW.iter_unpack(rows))

    root = manifest.root
    if isinstance(root, Entry):
        root = root._replace(mode=mode_of(root.kind, root.mode))
    blocks = tuple(Block(b.directory, b.packed._replace(rows=reshaped(b.packed.rows))) for b in manifest.blocks)
    return replace(manifest, root=root, blocks=blocks, _index={})
