# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate lets the subset through and nothing else; cbor2 agrees on what it lets through."""

from __future__ import annotations

import struct

import cbor2
import pytest
from copia.core.errors import RemoteProtocolError
from copia.wire import envelope, gate
from hypothesis import given, settings
from hypothesis import strategies as st

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.binary(max_size=30), st.text(max_size=9))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_law_decode_of_encode_is_identity(value: object) -> None:
    try:
        encoded = gate.encode(value)
        assert gate.decode(encoded) == value
    except RemoteProtocolError as error:
        assert "deeper" in str(error)


REFUSED = {
    "an open list": b"\x9f\x01\xff",
    "an open string": b"\x5f\x41a\xff",
    "a tag": cbor2.dumps(cbor2.CBORTag(1, 0)),
    "a float": cbor2.dumps(1.5),
    "undefined": b"\xf7",
    "a simple value": b"\xf8\x20",
    "a key that is not text": b"\xa1\x01\x02",
    "keys that repeat": b"\xa2\x61a\x01\x61a\x02",
    "keys that are not sorted": b"\xa2\x61b\x01\x61a\x02",
    "bytes behind the end": b"\x01\x01",
    "a string longer than the message": b"\x5a\xff\xff\xff\xff",
    "a list longer than the message": b"\x9a\xff\xff\xff\xff",
    "a map longer than the message": b"\xba\x7f\xff\xff\xff",
    "nothing": b"",
    "nine levels": b"\x81" * 9 + b"\x01",
    "a reserved length": b"\x1c",
    "a length that could be shorter": b"\x18\x01",
    "one key in two forms": b"\xa2\x61a\x01\x78\x01a\x02",
    "text that is not UTF-8": b"\x61\xff",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_of_the_subset_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        gate.decode(data)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_refused_or_decoded_and_nothing_else(noise: bytes) -> None:
    try:
        gate.check(noise)
    except RemoteProtocolError:
        return
    cbor2.loads(noise)


def test_golden_bytes_of_an_envelope() -> None:
    sealed = envelope.seal(envelope.Kind.WANTS, {"rows": b"\x01"})
    assert sealed == b"COPM\x01\x02\x00\x00\x00\x00\x08\xa1\x64rows\x41\x01"
    assert envelope.unseal(envelope.Kind.WANTS, sealed) == {"rows": b"\x01"}


def test_an_envelope_of_another_kind_version_or_length_is_refused() -> None:
    sealed = envelope.seal(envelope.Kind.PLAN, {"a": b"x" * 2000})
    for wrong in (
        b"",
        b"RIFF" + sealed[4:],
        sealed[:4] + b"\x09" + sealed[5:],
        sealed[:7] + struct.pack(">I", 10) + sealed[11:],
        sealed[:7] + struct.pack(">I", 2**31) + sealed[11:],
        sealed[:-1],
        sealed + b"x",
    ):
        with pytest.raises(RemoteProtocolError):
            envelope.unseal(envelope.Kind.PLAN, wrong)
    with pytest.raises(RemoteProtocolError, match="another kind"):
        envelope.unseal(envelope.Kind.WANTS, sealed)
