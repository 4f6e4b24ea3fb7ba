# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope of every stored or carried message (``docs/formats/envelope.md``).

``COPM``, version, kind, codec, then the length of the CBOR body in bytes (u32, big endian) and the body, as it is or
deflated. Small messages travel inside a module's arguments and result, large ones as files: the bytes are the same.
"""

from __future__ import annotations

import enum
import struct
import zlib
from typing import Any, Dict

from ..core.errors import RemoteProtocolError
from . import gate

MAGIC = b"COPM"
VERSION = 1
MAX_BODY = 1 << 30
_HEAD = struct.Struct(">4sBBBI")
_PLAIN, _DEFLATED = 0, 1
_WORTH_DEFLATING = 512


class Kind(enum.IntEnum):
    """What a message is."""

    LISTING = 1
    WANTS = 2
    PLAN = 3
    REPORT = 4
    ENTRIES = 5
    SIGNATURES = 6
    ASKED = 7
    ORDERS = 8


def seal(kind: Kind, body: Dict[str, Any]) -> bytes:
    """``body`` as the bytes of one message."""
    raw = gate.encode(body)
    codec, stored = _PLAIN, raw
    if len(raw) > _WORTH_DEFLATING:
        codec, stored = _DEFLATED, zlib.compress(raw, 1)
    return _HEAD.pack(MAGIC, VERSION, kind, codec, len(raw)) + stored


def unseal(kind: Kind, data: bytes) -> Dict[str, Any]:
    """The body of a message of ``kind``.

    :raises RemoteProtocolError: when the bytes are foreign, of another version or kind, damaged, or over ``MAX_BODY``.
    """
    name = kind.name.lower()
    if len(data) < _HEAD.size or data[:4] != MAGIC:
        raise RemoteProtocolError(f"not a copia {name}: expected the magic bytes COPM")
    _magic, version, found, codec, length = _HEAD.unpack_from(data)
    if version != VERSION:
        raise RemoteProtocolError(f"a copia {name} of version {version}, expected {VERSION}; upgrade the older side")
    if found != kind or codec not in (_PLAIN, _DEFLATED) or length > MAX_BODY:
        raise RemoteProtocolError(f"not a copia {name}: its head is damaged or of another kind")
    raw = data[_HEAD.size :] if codec == _PLAIN else _inflate(data[_HEAD.size :], length, name)
    if len(raw) != length:
        raise RemoteProtocolError(f"a copia {name} is cut off: {len(raw)} of {length} bytes")
    body = gate.decode(raw)
    if not isinstance(body, dict):
        raise RemoteProtocolError(f"not a copia {name}: its body is not a map")
    return body


def _inflate(stored: bytes, length: int, name: str) -> bytes:
    """Inflate, never beyond the declared length."""
    machine = zlib.decompressobj()
    try:
        raw = machine.decompress(stored, length + 1)
    except zlib.error as error:
        raise RemoteProtocolError(f"a copia {name} is damaged: {error}") from error
    if not machine.eof or machine.unused_data:
        raise RemoteProtocolError(f"a copia {name} is damaged: its body does not end where it says")
    return raw
