# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests and signatures of open files: what is computed from all their bytes, a window at a time."""

from __future__ import annotations

import functools
import os
from typing import Any, Iterable, Iterator, Tuple

from ..core.blocks import block_rows
from ..core.signature import Signature
from .hands import HANDS, go_through

WINDOW = 1 << 20


def fresh_digest(data: bytes = b"") -> Any:
    """A BLAKE3 that has taken in ``data``."""
    return _blake3()(data)


@functools.cache
def _blake3() -> Any:
    """The class, imported once: an import statement looks it up for every small file."""
    from blake3 import blake3

    return blake3


def digest_of(descriptor: int) -> bytes:
    """The BLAKE3 of the file at ``descriptor``, 32 bytes.

    :raises OSError: when it can't be read.
    """
    return digest_of_pieces(_pieces(descriptor))


def digest_of_pieces(pieces: Iterable[bytes]) -> bytes:
    """The BLAKE3 of joined ``pieces``, 32 bytes."""
    state = fresh_digest()
    for piece in pieces:
        state.update(piece)
    return bytes(state.digest())


def _pieces(descriptor: int) -> Iterator[bytes]:
    at = 0
    while True:
        data = os.pread(descriptor, WINDOW, at)
        if not data:
            return
        at += len(data)
        yield data


def sign_open(descriptor: int, length: int, block_size: int) -> Signature:
    """The signature of ``length`` bytes of an open file.

    :raises OSError: when it can't be read.
    """
    rows = [rows for rows, _digests in sign_pieces(descriptor, length, block_size, HANDS)]
    return Signature(block_size, length, b"".join(rows))


def digest_of_blocks(descriptor: int, length: int, block_size: int) -> bytes:
    """The BLAKE3 of the BLAKE3s of the blocks of an open file.

    :raises OSError: when it can't be read.
    """
    return digest_of_pieces(digests for _rows, digests in sign_pieces(descriptor, length, block_size, HANDS))


def sign_pieces(descriptor: int, length: int, block_size: int, hands: int) -> Iterator[Tuple[bytes, bytes]]:
    """The rows of the blocks of an open file and their digests, a window at a time; several at once where the C twin
    works.

    :raises OSError: when it can't be read.
    """

    def window(at: int) -> Tuple[bytes, bytes]:
        return block_rows(os.pread(descriptor, min(WINDOW, length - at), at), block_size)

    yield from go_through(hands if length > 2 * WINDOW else 1)(window, range(0, length, WINDOW))
