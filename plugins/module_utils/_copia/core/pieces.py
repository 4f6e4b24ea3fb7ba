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
