# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs with hands to spare are the packs that one hand makes and reads."""

from __future__ import annotations

import random
import threading
from typing import Iterator, List

import pytest
from copia.core.errors import RemoteProtocolError
from copia.core.parcel import Begin, Data, End, Item, Small
from copia.core.paths import TreePath
from copia.flow.pump import packing, unpacking
from copia.wire.pack import CHUNK, MAX_CHUNK, codecs, decode_pack, encode_pack

_DICE = random.Random(7)
ITEMS: List[Item] = [
    *(Small(TreePath(b"small%d" % number), b"text %d " % number * 900, b"d" * 32) for number in range(100)),
    *(Small(TreePath(b"noise%d" % number), _DICE.randbytes(CHUNK // 8), b"n" * 32) for number in range(40)),
    Begin(TreePath(b"large"), 3 * MAX_CHUNK),
    *(Data(bytes((number,)) * MAX_CHUNK) for number in range(3)),
    End(b"e" * 32),
]


@pytest.mark.parametrize("codec", codecs())
def test_what_several_hands_pack_one_hand_reads_and_the_other_way_round(codec: str) -> None:
    assert list(decode_pack(packing(iter(ITEMS), codec))) == ITEMS
    assert list(unpacking(encode_pack(iter(ITEMS), codec))) == ITEMS


def test_damage_that_a_hand_finds_is_the_readers_trouble_and_no_hand_stays() -> None:
    packed = bytearray(b"".join(packing(iter(ITEMS), "zlib")))
    packed[300] ^= 255  # within the first chunk, which is compressed
    with pytest.raises(RemoteProtocolError):
        list(unpacking(_split(bytes(packed))))
    assert threading.active_count() == 1


def test_a_pack_that_goes_on_behind_its_end_is_refused_by_all_hands() -> None:
    packed = b"".join(packing(iter(ITEMS), "zlib"))
    for more in (b"x", packed[8:]):
        with pytest.raises(RemoteProtocolError):
            list(unpacking(_split(packed + more)))


def _split(packed: bytes) -> Iterator[bytes]:
    for at in range(0, len(packed), 100_000):
        yield packed[at : at + 100_000]
