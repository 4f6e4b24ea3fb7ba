# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that come in pieces."""

from __future__ import annotations

from typing import Iterable, Iterator, List


def gathered(pieces: Iterable[bytes], least: int = 1 << 18) -> Iterator[bytes]:
    """The same bytes in pieces of at least ``least`` bytes, but for the last: such are worth a call."""
    waiting: List[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= least:
            yield piece if len(waiting) == 1 else b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
