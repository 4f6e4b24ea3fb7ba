# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks on disk, one after the other: in an archive, and on a shelf, which nobody else sees and no run leaves behind.

Rules
1. A block on disk is what ``docs/formats/archive.md`` says. One without rows would be the end: it is none.
2. A shelf holds a little in memory and the rest in a file without a name, or in memory where there is no place for one.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Iterable, Iterator, List, Tuple

from ..core.errors import RemoteProtocolError
from ..core.manifest import Block, Rows
from ..core.paths import TreePath

_BLOCK = struct.Struct("<IIIIIII")
END = bytes(_BLOCK.size)
_WINDOW = 1 << 18
_MOST = 1 << 20
"""Bytes that a shelf holds in memory."""


def packed_block(block: Block) -> bytes:
    """A block as it is on disk."""
    rows = zlib.compress(block.packed.rows, 1)
    parts = (block.directory, block.packed.names, rows, block.packed.targets, *block.packed[3:])
    return _BLOCK.pack(len(block.packed.rows), *map(len, parts)) + b"".join(parts)


def blocks_at(descriptor: int, at: int, end: int) -> Iterator[Tuple[bytes, Rows]]:
    """The directories and rows in a file from ``at`` up to ``end``, or up to the mark that ends them.

    :raises RemoteProtocolError: when they are damaged or cut off.
    :raises OSError: when they can't be read.
    """
    window = _Window(descriptor, at)
    while window.at < end:
        size, *lengths = _BLOCK.unpack(window.take(_BLOCK.size))
        if not size:
            return
        directory, names, rows, *others = (window.take(length) for length in lengths)
        try:
            yield directory, Rows(names, zlib.decompressobj().decompress(rows, size), *others)
        except zlib.error as error:
            raise RemoteProtocolError(f"an archive is damaged: {error}") from error


class _Window:
    """A file that is read from the offset ``at`` on."""

    def __init__(self, descriptor: int, at: int) -> None:
        self._descriptor, self.at = descriptor, at
        self._data, self._taken = b"", 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes.

        :raises RemoteProtocolError: when the file ends before.
        """
        while len(self._data) - self._taken < size:
            left = self._data[self._taken :]
            more = os.pread(self._descriptor, max(_WINDOW, size), self.at + len(left))
            if not more:
                raise RemoteProtocolError("an archive is cut off")
            self._data, self._taken = left + more, 0
        self._taken += size
        self.at += size
        return self._data[self._taken - size : self._taken]


class Shelf:
    """Blocks that are put aside in order and gone through in that order, as often as need be. ``places`` are folders
    that its file may be in, the best one first. Close it.
    """

    def __init__(self, places: Iterable[bytes]) -> None:
        self._places = list(places)
        self._descriptor = -1
        self._held: List[Block] = []
        self._size = self._end = 0

    def put(self, block: Block) -> None:
        """Put a block behind the others; one without rows is none."""
        if not block.packed.rows:
            return
        self._held.append(block)
        self._size += sum(map(len, block.packed))
        if self._size > _MOST and self._places:
            self._put_down()

    def _put_down(self) -> None:
        """Write what is held; what cannot be written stays held, with all that follows."""
        try:
            if self._descriptor < 0:
                self._descriptor = _nameless(self._places)
            data = memoryview(b"".join(map(packed_block, self._held)))
            written = 0
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self._end + written)
        except OSError:
            self._places = []
            return
        self._end += written
        self._held, self._size = [], 0

    def __iter__(self) -> Iterator[Block]:
        """The blocks. Nothing is to be put meanwhile."""
        for directory, packed in blocks_at(self._descriptor, 0, self._end):
            yield Block(TreePath(directory), packed)
        yield from self._held

    def close(self) -> None:
        """Let the file go. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._end, self._held = -1, 0, []


def _nameless(places: Iterable[bytes]) -> int:
    """A file without a name, open for reading and writing.

    :raises OSError: when there is none to be had in any of ``places``.
    """
    trouble: OSError = FileNotFoundError()
    for place in places:
        try:
            return os.open(place, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            trouble = error
    raise trouble
