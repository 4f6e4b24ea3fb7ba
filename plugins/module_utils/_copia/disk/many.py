# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small files read at once, directory by directory, by the C twin; and their digests."""

from __future__ import annotations

import os
import struct
from itertools import groupby
from typing import Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

from ..core import twin
from ..core.entries import Entry
from ..core.manifest import row_of_file
from ..core.parcel import SMALL_LIMIT
from ..core.paths import TreePath, split
from .hands import each
from .sums import fresh_digest

_FOLDERS_AT_ONCE = 32
_ANSWER = struct.Struct("<i")
MOST_HERE, MOST_BYTES = 256, 4 << 20
"""Files of one directory that are read or handed over at once, at most, and how much content of small ones."""

Locate = Callable[[TreePath], Tuple[int, bytes]]
"""Where a listed path is: the descriptor of its directory and its name there."""


def in_parts(entries: Sequence[Entry]) -> Iterator[List[Entry]]:
    """Neighbouring files that are few and small enough to be read at once."""
    part: List[Entry] = []
    size = 0
    for entry in entries:
        if len(part) == MOST_HERE or (part and size + entry.size > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(entry)
        size += entry.size
    if part:
        yield part


def read_many(parent: int, names: bytes, entries: Sequence[Entry]) -> Iterator[Tuple[Entry, int, bytes]]:
    """Each of ``entries``, whose ``names`` stand NUL-separated, with 0 and its content; or with an errno, or less than
    0 where it is not as listed. ``parent`` is the open directory that all are in.

    :raises OSError: when they can't be read together.
    """
    data, answers = twin.native.read_files(parent, names, b"".join(map(row_of_file, entries)))
    at = 0
    for entry, (answer,) in zip(entries, _ANSWER.iter_unpack(answers)):
        size = 0 if answer else entry.size
        yield entry, answer, data[at : at + size]
        at += size


def hash_small(locate: Locate, entries: Iterable[Entry], found: Dict[TreePath, bytes]) -> Iterator[Entry]:
    """Put the digests of small files, which the C twin reads by directory, into ``found``; the others are handed on."""
    batch: List[Tuple[int, List[Entry], bytes]] = []
    for _directory, group in groupby(entries, lambda entry: split(entry.path)[0]):
        alike = list(group)
        small = [entry for entry in alike if entry.size <= SMALL_LIMIT]
        yield from (entry for entry in alike if entry.size > SMALL_LIMIT)
        for part in in_parts(small):
            _gather(locate, part, batch)
            if len(batch) >= _FOLDERS_AT_ONCE:
                _hash_batch(batch, found)
    _hash_batch(batch, found)


def _gather(locate: Locate, entries: List[Entry], batch: List[Tuple[int, List[Entry], bytes]]) -> None:
    try:
        parent, name = locate(entries[0].path)
    except OSError:
        return
    names = b"\0".join((name, *(split(entry.path)[1] for entry in entries[1:])))
    batch.append((os.dup(parent), entries, names))


def _hash_batch(batch: List[Tuple[int, List[Entry], bytes]], found: Dict[TreePath, bytes]) -> None:
    try:
        for digests in each(_hash_part, batch):
            found.update(digests)
    finally:
        for parent, _entries, _names in batch:
            os.close(parent)
        batch.clear()


def _hash_part(part: Tuple[int, List[Entry], bytes]) -> Dict[TreePath, bytes]:
    parent, entries, names = part
    read = read_many(parent, names, entries)
    return {entry.path: fresh_digest(content).digest() for entry, answer, content in read if not answer}
