# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners on two hosts: names travel beside the ids, and the receiver puts its own ids in their place.

Rules
1. An id whose name the receiver knows becomes the id that the name has there; any other stays the number it is.
2. Root is root everywhere: id 0 stays 0.

What this file does not know: which names a host has.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Mapping, Set, Tuple

from ..values import dataclass, replace
from .entries import NOT_RECORDED, Entry, Presence
from .extras import cut_extras, ids_in, join_extras, with_ids
from .manifest import ROW, Block, Manifest, Rows
from .steps import MirrorPlan

_IDS = struct.Struct(f"<4xII{ROW.size - 12}x")
_AT = struct.Struct("<II")
_OFFSET = 4


@dataclass(frozen=True)
class Accounts:
    """The names of the ids that a listing or a plan uses, sorted by id; ids without a name are not in it."""

    users: Tuple[Tuple[int, bytes], ...] = ()
    groups: Tuple[Tuple[int, bytes], ...] = ()


NOBODY = Accounts()


@dataclass(frozen=True)
class Ids:
    """Ids of users and groups; or, as a mapping, what they become. What is not in it stays."""

    users: Mapping[int, int]
    groups: Mapping[int, int]

    @property
    def is_empty(self) -> bool:
        """Whether every id stays what it is."""
        return not self.users and not self.groups

    def entry(self, entry: Entry) -> Entry:
        """The entry with the ids that it is to have."""
        extras = with_ids(entry.extras, self.users, self.groups) if entry.extras else b""
        uid, gid = self.users.get(entry.uid, entry.uid), self.groups.get(entry.gid, entry.gid)
        return entry._replace(uid=uid, gid=gid, extras=extras)

    def presence(self, presence: Presence) -> Presence:
        """The same of what may be one."""
        return self.entry(presence) if isinstance(presence, Entry) else presence


Used = Tuple[Set[int], Set[int]]
"""The ids of users and of groups that something belongs to, or that an ACL names."""


def used_in(manifest: Manifest) -> Used:
    """The ids in a manifest."""
    pairs = {pair for block in manifest.blocks for pair in _IDS.iter_unpack(block.packed.rows)}
    extras = {part for block in manifest.blocks for part in cut_extras(block.packed.extras)}
    if isinstance(manifest.root, Entry):
        pairs.add((manifest.root.uid, manifest.root.gid))
        extras.add(manifest.root.extras)
    return _used(pairs, extras)


def used_in_plan(plan: MirrorPlan) -> Used:
    """The ids in what a plan wants."""
    entries = [step.wanted for group in (plan.makes, plan.puts, plan.moves, plan.settles, plan.links) for step in group]
    entries.extend(plan.closings)
    return _used({(entry.uid, entry.gid) for entry in entries}, {entry.extras for entry in entries})


def _used(pairs: Set[Tuple[int, int]], extras: Set[bytes]) -> Used:
    named = list(map(ids_in, extras))
    users = {uid for uid, _gid in pairs}.union(*(users for users, _groups in named))
    groups = {gid for _uid, gid in pairs}.union(*(groups for _users, groups in named))
    return users - {NOT_RECORDED}, groups - {NOT_RECORDED}


def in_manifest(manifest: Manifest, ids: Ids) -> Manifest:
    """The manifest with the ids that the receiver has."""
    if ids.is_empty:
        return manifest
    blocks = tuple(Block(block.directory, _in_packed(block.packed, ids)) for block in manifest.blocks)
    return replace(manifest, root=ids.presence(manifest.root), blocks=blocks, _index={})


def _in_packed(packed: Rows, ids: Ids) -> Rows:
    parts = (with_ids(part, ids.users, ids.groups) for part in cut_extras(packed.extras))
    return packed._replace(rows=_in_rows(packed.rows, ids), extras=join_extras(parts))


def _in_rows(rows: bytes, ids: Ids) -> bytes:
    made = bytearray(rows)
    for number, (uid, gid) in enumerate(_IDS.iter_unpack(rows)):
        _AT.pack_into(made, number * ROW.size + _OFFSET, ids.users.get(uid, uid), ids.groups.get(gid, gid))
    return bytes(made)


def in_plan(plan: MirrorPlan, ids: Ids) -> MirrorPlan:
    """The plan with the ids that the receiver has, in all that it expects and wants."""
    if ids.is_empty:
        return plan
    groups: Dict[str, Any] = {}
    for name in ("makes", "puts", "moves", "settles", "links"):
        groups[name] = tuple(
            replace(step, expected=ids.presence(step.expected), wanted=ids.entry(step.wanted))
            for step in getattr(plan, name)
        )
    for name in ("clearances", "removals"):
        groups[name] = tuple(replace(step, expected=ids.entry(step.expected)) for step in getattr(plan, name))
    return replace(plan, closings=tuple(map(ids.entry, plan.closings)), **groups)
