# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack is read the same however it is cut, and anything else is refused in one line."""

from __future__ import annotations

import struct
from typing import List

import pytest
from copia.core.errors import RemoteProtocolError
from copia.core.parcel import SMALL_LIMIT, Begin, Broken, Copied, Data, Differs, End, Item, Same, Small, Trouble
from copia.core.paths import TreePath
from copia.wire.pack import CHUNK, MAGIC, MAX_CHUNK, PackReader, codecs, decode_pack, encode_pack
from hypothesis import given, settings
from hypothesis import strategies as st

DIGEST = bytes(range(32))
PATHS = st.sampled_from([b"a", b"d/e", b"\xff\n", b"x" * 255]).map(TreePath)
TEXTS = st.text(max_size=20).filter(lambda text: "\ud800" not in text)
ITEMS = st.one_of(
    st.builds(Small, PATHS, st.binary(max_size=300), st.just(DIGEST)),
    st.builds(Begin, PATHS, st.integers(0, 2**63)),
    st.builds(Data, st.binary(min_size=1, max_size=300)),
    st.builds(Copied, st.integers(0, 2**63), st.integers(0, 2**63)),
    st.builds(End, st.just(DIGEST)),
    st.builds(Broken, TEXTS),
    st.builds(Same, PATHS),
    st.builds(Differs, PATHS),
    st.builds(Trouble, PATHS, TEXTS),
)
SAMPLE: List[Item] = [
    Small(TreePath(b"a"), b"hello" * 50, DIGEST),
    Begin(TreePath(b"b"), 7),
    Data(b"literal"),
    Copied(3, 4),
    End(DIGEST),
    Trouble(TreePath(b"c"), "cannot be read"),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(ITEMS, max_size=12), st.sampled_from(codecs()), st.integers(1, 97))
def test_law_decode_of_encode_is_identity_for_any_cut(items: List[Item], codec: str, step: int) -> None:
    packed = b"".join(encode_pack(items, codec))
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert list(decode_pack(pieces)) == items


def test_byte_by_byte_items_come_out_as_soon_as_their_chunk_is_there() -> None:
    reader = PackReader()
    found: List[Item] = []
    for byte in b"".join(encode_pack(SAMPLE, "none")):
        found.extend(reader.receive(bytes((byte,))))
    reader.close()
    assert found == SAMPLE


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        list(decode_pack([b"".join(encode_pack(SAMPLE)), b"x"]))


@pytest.mark.parametrize("codec", codecs())
def test_every_truncation_is_refused(codec: str) -> None:
    packed = b"".join(encode_pack(SAMPLE, codec))
    for length in range(len(packed)):
        with pytest.raises(RemoteProtocolError):
            list(decode_pack([packed[:length]]))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from(codecs()))
def test_a_flipped_byte_never_does_worse_than_a_refusal(place: int, mask: int, codec: str) -> None:
    """Content is judged by its digest behind this reader; here nothing but the one error may come out."""
    packed = bytearray(b"".join(encode_pack(SAMPLE, codec)))
    packed[place % len(packed)] ^= mask
    try:
        list(decode_pack([bytes(packed)]))
    except RemoteProtocolError:
        pass


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_noise_behind_the_magic_never_does_worse_than_a_refusal(noise: bytes) -> None:
    chunk = struct.pack("<BII", 0, len(noise), len(noise)) + noise
    with pytest.raises(RemoteProtocolError):
        list(decode_pack([MAGIC + chunk, b"more"]))


def test_a_chunk_that_claims_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(RemoteProtocolError, match="impossible length"):
        list(decode_pack([MAGIC + struct.pack("<BII", 0, MAX_CHUNK + 1, MAX_CHUNK + 1)]))


def test_a_chunk_that_inflates_beyond_its_claim_is_refused() -> None:
    import zlib

    bomb = zlib.compress(bytes(10**6))
    with pytest.raises(RemoteProtocolError, match="not as long as it says"):
        list(decode_pack([MAGIC + struct.pack("<BII", 1, 4096, len(bomb)) + bomb]))


def test_a_path_that_leaves_the_tree_is_refused() -> None:
    for path in (b"/etc/passwd", b"../x", b"a/../../x", b".copia/x", b".COPIA", b"a//b", b"a\0b"):
        item = bytes((7,)) + struct.pack("<H", len(path)) + path
        with pytest.raises(RemoteProtocolError):
            list(decode_pack([MAGIC + struct.pack("<BII", 0, len(item), len(item)) + item]))


def test_small_files_share_a_chunk_and_what_does_not_shrink_is_stored() -> None:
    import os

    text = [Small(TreePath(b"%d" % n), b"the same words " * 100, DIGEST) for n in range(200)]
    assert sum(map(len, encode_pack(text))) < 200 * 1500 / 20
    noise = [Small(TreePath(b"n"), os.urandom(SMALL_LIMIT), DIGEST)] * (3 * CHUNK // SMALL_LIMIT)
    assert sum(map(len, encode_pack(noise))) < len(noise) * (SMALL_LIMIT + 64) + 64
