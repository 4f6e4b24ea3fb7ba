# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where displaced versions go, as far as that is a matter of names (``docs/spec/backup.md``).

A place is bytes: empty for none, an absolute path, or a path below the root.
"""

from __future__ import annotations

from typing import Iterator, List, Optional, Protocol, Tuple

from ..values import replace
from .entries import Presence
from .errors import InputError, RemoteProtocolError
from .manifest import Block, Manifest, pack_rows
from .paths import ROOT, TreePath, parse_path, show, split


def parse_place(raw: bytes) -> bytes:
    """The place that a user named.

    :raises InputError: when it can be none.
    """
    place = raw.rstrip(b"/")
    if raw.startswith(b"/") and place and b"\0" not in place:
        return place
    while place.startswith(b"./"):
        place = place[2:].lstrip(b"/")
    try:
        if place not in (b"", b"."):
            return parse_path(place)
    except RemoteProtocolError:
        pass
    raise InputError(
        f"backup_dir is {show(raw)!r}: expected an absolute path, or one below the tree without '..' and not in .copia"
    )


def below_root(place: bytes) -> TreePath:
    """The path of a place that is below the root; empty for none and for one that is elsewhere."""
    return ROOT if place.startswith(b"/") else TreePath(place)


def place_of_side(place: bytes, side: str) -> bytes:
    """The place for one side of a two-way sync: of its own below an absolute one."""
    return place + b"/" + side.encode("ascii") if place.startswith(b"/") else place


class Selects(Protocol):
    """What may leave entries out of a scan."""

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path`` is not to be seen."""


class _Spares:
    """A selection that does not see the place either."""

    def __init__(self, place: TreePath, others: Optional[Selects]) -> None:
        self._place, self._others = place, others

    def excludes(self, path: bytes, is_directory: bool) -> bool:
        """Whether ``path`` is the place, or left out anyhow."""
        return path == self._place or (self._others is not None and self._others.excludes(path, is_directory))


def sparing(place: bytes, others: Optional[Selects]) -> Optional[Selects]:
    """The selection of a scan of the tree that has its displaced versions at ``place``."""
    path = below_root(place)
    return _Spares(path, others) if path else others


def without(manifest: Manifest, path: TreePath) -> Manifest:
    """The manifest without ``path`` and all below it."""
    parent, name = split(path)
    block = manifest.block(parent) if path else None
    if block is None or name not in block.packed.names.split(b"\0"):
        return manifest
    rows: List[Tuple[bytes, Presence]] = [(split(other)[1], what) for other, what in block.entries() if other != path]
    blocks = [
        Block(parent, pack_rows(rows)) if other.directory == parent else other
        for other in manifest.blocks
        if other.directory != path and not other.directory.startswith(path + b"/")
    ]
    return replace(manifest, blocks=tuple(found for found in blocks if found.packed.rows), _index={})


def free_names(name: bytes) -> Iterator[bytes]:
    """The names that a version may have there, best first."""
    from .conflicts import NAME_MOST, cut  # which a mirror without a backup has no use for

    yield name
    number = 0
    while True:
        number += 1
        tail = b".%d" % number
        yield cut(name, NAME_MOST - len(tail)) + tail


def lies_within(one: bytes, other: bytes) -> bool:
    """Whether one of two real absolute paths is the other one, or holds it."""
    short, long = sorted((one.rstrip(b"/") + b"/", other.rstrip(b"/") + b"/"), key=len)
    return long.startswith(short)
