# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving bytes in pieces."""

from __future__ import annotations

from typing import Iterator

PIECE = 1 << 20


def pieces_of(path: str) -> Iterator[bytes]:
    """A file in pieces."""
    with open(path, "rb") as stream:
        while True:
            piece = stream.read(PIECE)
            if not piece:
                return
            yield piece
