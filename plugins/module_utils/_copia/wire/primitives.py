# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of ``copia signature | delta | patch``: values to bytes and back (``docs/formats/delta.md``).

Both files begin with a magic that holds the version and end with the BLAKE3 of all before it, so a truncated or
damaged one is told from a whole one. Readers take ``read(n)``, which answers n bytes, fewer only at the end; a length
is checked before so much is read. Memory holds the rows of a signature, and a literal of at most a window.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Iterable, Iterator, Union

from ..core.blocks import ROW_SIZE
from ..core.delta import Copy
from ..core.errors import RemoteProtocolError
from ..core.signature import MAX_BLOCK, MIN_BLOCK, Signature
from ..values import dataclass

SIGNATURE_MAGIC, DELTA_MAGIC = b"COPIASG2", b"COPIADL2"
DIGEST = 32
MAX_LITERAL = 1 << 20
_SIGNATURE = struct.Struct("<8sIQ32s")
_DELTA = struct.Struct("<8sIQ32s")
_COPY = struct.Struct("<BQQ")
_LITERAL = struct.Struct("<BI")
_TAG_COPY, _TAG_LITERAL, _TAG_END = 1, 2, 3

Read = Callable[[int], bytes]
NewState = Callable[[], Any]
"""Makes a BLAKE3 state, with ``update`` and ``digest``."""


@dataclass(frozen=True)
class SignedFile:
    """A signature and the digest of the basis it was made of: the BLAKE3 of the BLAKE3s of its blocks."""

    signature: Signature
    basis: bytes


@dataclass(frozen=True)
class End:
    """The end of a delta: the BLAKE3 of the BLAKE3s of the copied blocks, as the new file has them."""

    result: bytes


Operation = Union[Copy, bytes, End]


def encode_signature(signed: SignedFile, state: Any) -> Iterator[bytes]:
    """The bytes of a signature file; ``state`` is a fresh BLAKE3."""
    found = signed.signature
    head = _SIGNATURE.pack(SIGNATURE_MAGIC, found.block_size, found.length, signed.basis)
    for part in (head, found.rows):
        state.update(part)
        yield part
    yield state.digest()


def decode_signature(read: Read, state: Any) -> SignedFile:
    """The signature in a file.

    :raises RemoteProtocolError: when it is foreign, truncated or damaged.
    """
    head = _take(read, _SIGNATURE.size, SIGNATURE_MAGIC, "a copia signature")
    _magic, block_size, length, basis = _SIGNATURE.unpack(head)
    _check_block_size(block_size)
    wanted = -(-length // block_size) * ROW_SIZE
    rows = b"".join(_pieces(read, wanted))
    state.update(head)
    state.update(rows)
    _check_end(read, state)
    return SignedFile(Signature(block_size, length, rows), basis)


def _check_block_size(block_size: int) -> None:
    if not MIN_BLOCK <= block_size <= MAX_BLOCK or block_size & (block_size - 1):
        raise RemoteProtocolError(f"has blocks of {block_size} bytes: expected a power of two from 512 to 65536")


def _pieces(read: Read, wanted: int) -> Iterator[bytes]:
    """So many bytes, a window at a time: a length that lies allocates nothing."""
    while wanted:
        piece = read(min(MAX_LITERAL, wanted))
        if not piece:
            raise RemoteProtocolError("is truncated: make it anew")
        wanted -= len(piece)
        yield piece


def encode_delta(basis: SignedFile, operations: Iterable[Operation], state: Any) -> Iterator[bytes]:
    """The bytes of a delta file; the last of ``operations`` is ``End``."""
    for piece in _delta_pieces(basis, operations):
        state.update(piece)
        yield piece
    yield state.digest()


def _delta_pieces(basis: SignedFile, operations: Iterable[Operation]) -> Iterator[bytes]:
    signed = basis.signature
    yield _DELTA.pack(DELTA_MAGIC, signed.block_size, signed.length, basis.basis)
    for operation in operations:
        if isinstance(operation, Copy):
            yield _COPY.pack(_TAG_COPY, operation.offset, operation.length)
        elif isinstance(operation, End):
            yield bytes((_TAG_END,)) + operation.result
        else:
            yield _LITERAL.pack(_TAG_LITERAL, len(operation))
            yield operation


class DeltaReader:
    """A delta file: ``block_size``, ``basis_length`` and ``basis`` (its digest) at once, then the operations, ``End``
    the last.
    """

    def __init__(self, read: Read, state: Any) -> None:
        """Read the head.

        :raises RemoteProtocolError: when the file is foreign or truncated.
        """
        self._read, self._state = read, state
        head = _take(read, _DELTA.size, DELTA_MAGIC, "a copia delta")
        state.update(head)
        _magic, self.block_size, self.basis_length, self.basis = _DELTA.unpack(head)
        _check_block_size(self.block_size)

    def operations(self) -> Iterator[Operation]:
        """The operations, each checked against the basis's length.

        :raises RemoteProtocolError: when the file is truncated or damaged.
        """
        while True:
            head = self._exactly(_LITERAL.size)
            tag = head[0]
            if tag == _TAG_COPY:
                _tag, offset, length = _COPY.unpack(head + self._exactly(_COPY.size - len(head)))
                if not (0 < length <= self.basis_length - offset and self._is_blocks(offset, length)):
                    raise RemoteProtocolError("is damaged: it copies what the basis does not have; make it anew")
                yield Copy(offset, length)
            elif tag == _TAG_LITERAL:
                _tag, length = _LITERAL.unpack(head)
                if not 0 < length <= MAX_LITERAL:
                    raise RemoteProtocolError("is damaged: a literal of an impossible length; make it anew")
                yield self._exactly(length)
            elif tag == _TAG_END:
                result = head[1:] + self._exactly(1 + DIGEST - len(head))
                _check_end(self._read, self._state)
                yield End(result)
                return
            else:
                raise RemoteProtocolError("is damaged: an operation that does not exist; make it anew")

    def _is_blocks(self, offset: int, length: int) -> bool:
        """Whether it begins and ends where blocks do."""
        end = offset + length
        return not offset % self.block_size and (not end % self.block_size or end == self.basis_length)

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) != size:
            raise RemoteProtocolError("is truncated: make it anew")
        self._state.update(data)
        return data


def _take(read: Read, size: int, magic: bytes, what: str) -> bytes:
    head = read(size)
    if head[: len(magic)] != magic:
        raise RemoteProtocolError(f"is not {what} of this version: expected it to begin with {magic.decode()}")
    if len(head) != size:
        raise RemoteProtocolError("is truncated: make it anew")
    return head


def _check_end(read: Read, state: Any) -> None:
    found = read(DIGEST + 1)
    if len(found) < DIGEST:
        raise RemoteProtocolError("is truncated: make it anew")
    if found != state.digest():
        raise RemoteProtocolError("is damaged: its last 32 bytes are not the BLAKE3 of the others; make it anew")
