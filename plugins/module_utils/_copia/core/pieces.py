# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that come in pieces."""

from __future__ import annotations

from typing import Iterable, Iterator, List


def gathered(pieces: Iterable[bytes], enough: int = 1 << 16) -> Iterator[bytes]:
    """The same bytes, with pieces of less than ``enough`` bytes joined until they are that much, which is worth a call;
    larger ones are passed on as they are.
    """
    waiting: List[bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) < enough:
            waiting.append(piece)
            size += len(piece)
        if waiting and (size >= enough or len(piece) >= enough):
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(piece) >= enough:
            yield piece
    if waiting:
        yield b"".join(waiting)


def bundled(pieces: Iterable[bytes], enough: int = 1 << 20, small: int = 1 << 12) -> Iterator[List[bytes]]:
    """The same bytes in bundles of at least ``enough`` bytes, which nobody copied; pieces of less than ``small`` bytes
    are joined first.
    """
    bundle: List[bytes] = []
    size = 0
    for piece in gathered(pieces, small):
        bundle.append(piece)
        size += len(piece)
        if size >= enough:
            yield bundle
            bundle, size = [], 0
    if bundle:
        yield bundle


def aligned(pieces: Iterable[bytes], at: int, size: int) -> Iterator[List[memoryview]]:
    """The same bytes in runs, none of them copied: each but the last ends where the offset, which is ``at`` before the
    first, is a multiple of ``size``.
    """
    run: List[memoryview] = []
    room = size - at % size
    for piece in pieces:
        left = memoryview(piece)
        while len(left) >= room:
            run.append(left[:room])
            yield run
            run, left, room = [], left[room:], size
        if left:
            run.append(left)
            room -= len(left)
    if run:
        yield run


def after(run: List[memoryview], done: int) -> List[memoryview]:
    """What is left of ``run`` when its first ``done`` bytes are done."""
    for number, view in enumerate(run):
        if done < len(view):
            return [view[done:], *run[number + 1 :]]
        done -= len(view)
    return []
