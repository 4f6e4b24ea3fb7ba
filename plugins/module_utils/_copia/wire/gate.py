# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate in front of the CBOR decoder: a strict subset, checked before anything is decoded.

Rules
1. Definite lengths only, each in its shortest form; no tags, no floats, no undefined. Simple values
   are false, true and null.
2. Nesting is at most 8 deep.
3. Every length is checked against the bytes that are left before anything is made of that size.
4. Text is UTF-8.
5. Map keys are text, unique, and sorted by their encoded bytes.
6. One item, and nothing behind it.

Source: RFC 8949, sections 3 and 4.2. The decoders of cbor2 had flaws in what this gate refuses.
"""

from __future__ import annotations

from typing import Any, Tuple

from ..core.errors import RemoteProtocolError

MAX_DEPTH = 8
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}


def check(data: bytes) -> None:
    """Check that ``data`` is one item of the subset.

    :raises RemoteProtocolError: naming the byte where a rule is broken.
    """
    end = _check_item(data, 0, 0)
    if end != len(data):
        raise RemoteProtocolError(f"a message has {len(data) - end} bytes behind its end")


def decode(data: bytes) -> Any:
    """The value of ``data``, after the gate.

    :raises RemoteProtocolError: when a rule above is broken.
    """
    check(data)
    import cbor2

    return cbor2.loads(data)


def encode(value: Any) -> bytes:
    """``value`` (maps with text keys, lists, bytes, text, integers, booleans, None) as one item of the subset."""
    import cbor2

    return cbor2.dumps(value, canonical=True)


def _check_item(data: bytes, at: int, depth: int) -> int:
    """Check the item at ``at``; the position behind it."""
    if depth > MAX_DEPTH:
        raise RemoteProtocolError(f"a message is nested deeper than {MAX_DEPTH} at byte {at}")
    major, argument, at = _head(data, at)
    if major in (0, 1, 7):
        return at
    left = len(data) - at
    if major in (2, 3):
        if argument > left:
            raise RemoteProtocolError(
                f"a message is cut off: a string at byte {at} wants {argument} bytes, {left} left"
            )
        if major == 3:
            _check_text(data, at, at + argument)
        return at + argument
    if argument * (2 if major == 5 else 1) > left:
        raise RemoteProtocolError(
            f"a message is cut off: a list at byte {at} wants {argument} items, {left} bytes left"
        )
    if major == 4:
        for _number in range(argument):
            at = _check_item(data, at, depth + 1)
        return at
    return _check_map(data, at, argument, depth)


def _check_text(data: bytes, start: int, end: int) -> None:
    try:
        data[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"a message has text at byte {start} that is not UTF-8") from error


def _check_map(data: bytes, at: int, pairs: int, depth: int) -> int:
    last = b""
    for _number in range(pairs):
        start = at
        if at < len(data) and data[at] >> 5 != 3:
            raise RemoteProtocolError(f"a message has a key at byte {at} that is not text")
        at = _check_item(data, at, depth + 1)
        key = data[start:at]
        if last and (len(last), last) >= (len(key), key):
            raise RemoteProtocolError(f"a message has keys that repeat or are not sorted at byte {start}")
        last = key
        at = _check_item(data, at, depth + 1)
    return at


def _head(data: bytes, at: int) -> Tuple[int, int, int]:
    """``(major type, argument, position behind the head)``."""
    if at >= len(data):
        raise RemoteProtocolError(f"a message is cut off at byte {at}")
    major, small = data[at] >> 5, data[at] & 31
    at += 1
    if major == 6 or (major == 7 and small not in (20, 21, 22)):
        raise RemoteProtocolError(f"a message has a tag, a float or an unknown value at byte {at - 1}")
    if small < 24:
        return major, small, at
    size = _SIZES.get(small, 0)
    if not size or at + size > len(data):
        raise RemoteProtocolError(f"a message has an open or cut-off length at byte {at - 1}")
    argument = int.from_bytes(data[at : at + size], "big")
    if argument < (24 if size == 1 else 1 << (4 * size)):
        raise RemoteProtocolError(f"a message has a length at byte {at - 1} that is longer than it needs to be")
    return major, argument, at + size
