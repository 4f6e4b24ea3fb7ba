# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving bytes in pieces, and packs with hands to spare."""

from __future__ import annotations

from typing import Iterable, Iterator

from ..core.parcel import Item

PIECE = 1 << 20


def pieces_of(path: str) -> Iterator[bytes]:
    """A file in pieces."""
    with open(path, "rb") as stream:
        while True:
            piece = stream.read(PIECE)
            if not piece:
                return
            yield piece


def packing(items: Iterable[Item], codec: str) -> Iterator[bytes]:
    """``items`` as a pack, in pieces, compressed beside the reading.

    :raises LocalProtocolError: when a path or a message is too long for the format.
    """
    from ..disk.hands import HANDS, ahead
    from ..wire.pack import encode_pack

    return encode_pack(items, codec, ahead(HANDS))


def unpacking(pieces: Iterable[bytes]) -> Iterator[Item]:
    """The items of a pack, whose next chunks are expanded beside what is done with them.

    :raises RemoteProtocolError: when it is foreign, damaged or cut off.
    """
    from ..disk.hands import ahead
    from ..wire.pack import decode_pack

    return decode_pack(pieces, ahead(1))
