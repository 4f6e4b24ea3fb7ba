# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signature, delta and patch of files, as stories: a basis is signed here, compared there, and made new again here.

    BASIS ── sign() ─▶ SIGNATURE ── make_delta(NEW) ─▶ DELTA ── apply_patch(BASIS) ─▶ NEW

A result appears under its name when it is whole and what it should be; before that nothing stands or changes there.
Memory holds the rows of the signature and a few windows, however large the files are.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import Any, BinaryIO, Callable, Generator, Iterator, List, Optional, Tuple, Union

from ..core.delta import WINDOW, Copy, Instruction, joined, parts_of, patch
from ..core.errors import InputError, RemoteProtocolError
from ..core.paths import show
from ..core.signature import Signature, block_size_for
from ..disk.ahead import Flowing
from ..disk.hands import Hashing, go_through
from ..disk.libc import keep_memory
from ..disk.operations import Attributes, run
from ..disk.output import write_whole
from ..disk.perform import perform
from ..disk.root import open_source
from ..disk.sums import digest_of_blocks, fresh_digest, sign_pieces
from ..wire.primitives import (
    MAX_LITERAL,
    DeltaReader,
    End,
    Operation,
    SignedFile,
    decode_signature,
    encode_delta,
    encode_signature,
)

_BUFFER = 1 << 16
"""Bytes that are read at once where less is asked for; what is larger does not pass through it."""

_AHEAD = 2 << 20
"""Bytes of a new file that are read before they are written."""

Told = Callable[[int], None]
"""Is told how many bytes of the new file (for a signature, of the basis) are done, again and again."""


def tell_nobody(_done: int) -> None:
    """For who does not ask."""


def sign(
    basis: bytes, out: bytes, *, block_size: Optional[int] = None, jobs: int = 2, told: Told = tell_nobody
) -> Tuple[int, int]:
    """Write the signature of ``basis`` to ``out``; how many blocks there are, and how long each is, in bytes.

    :raises InputError: when a file can't be read or written; ``out`` is as it was then.
    """
    with _opened(basis) as stream:
        descriptor, length, before = stream.fileno(), _length(stream), _stamp(stream)
        size = block_size or block_size_for(length)
        state = fresh_digest()
        rows: List[bytes] = []
        try:
            for part, digests in sign_pieces(descriptor, length, size, jobs):
                state.update(digests)
                rows.append(part)
                told(min(len(rows) * WINDOW, length))
        except OSError as error:
            raise InputError(f"{show(basis)} cannot be read: {os.strerror(error.errno or 0)}") from error
        if _stamp(stream) != before:
            raise InputError(f"{show(basis)} changed while it was read; run again")
    signed = SignedFile(Signature(size, length, b"".join(rows)), state.digest())
    rows.clear()
    _write(out, encode_signature(signed, fresh_digest()))
    return signed.signature.blocks, size


def make_delta(new: bytes, signature: bytes, out: bytes, *, jobs: int = 2, told: Told = tell_nobody) -> Tuple[int, int]:
    """Write to ``out`` what turns the basis of ``signature`` into ``new``; ``(literal, copied)`` bytes.

    :raises InputError: when a file can't be read or written, or ``signature`` is none; ``out`` is as it was then.
    """
    with _opened(signature) as stream, _naming(signature):
        signed = decode_signature(stream.read, fresh_digest())
    with _opened(new) as stream:
        made = _Difference(new, stream, told)
        with _hashing(jobs) as state:
            _write(out, encode_delta(signed, made.operations(signed, jobs), state))
    return made.literal, made.copied


class _Difference:
    """A delta on its way: ``literal`` and ``copied`` bytes so far."""

    def __init__(self, path: bytes, stream: BinaryIO, told: Told) -> None:
        self.literal = self.copied = 0
        self._path, self._stream, self._told = path, stream, told
        self._seen = 0

    def operations(self, signed: SignedFile, jobs: int) -> Iterator[Operation]:
        """The operations, ``End`` the last.

        :raises InputError: when the file changes meanwhile.
        """
        before, digests = _stamp(self._stream), fresh_digest()
        for part in joined(self._noted(signed, jobs, digests)):
            if isinstance(part, Copy):
                self.copied += part.length
                yield part
                continue
            self.literal += part.length
            for at in range(part.offset, part.offset + part.length, MAX_LITERAL):
                data = self._read_at(at, min(MAX_LITERAL, part.offset + part.length - at))
                if not data:
                    raise self._changed()
                yield data
        if _stamp(self._stream) != before:
            raise self._changed()
        yield End(digests.digest())

    def _noted(self, signed: SignedFile, jobs: int, digests: Any) -> Iterator[Instruction]:
        length = _length(self._stream)
        for part, found in parts_of(self._read_at, length, signed.signature, each=go_through(jobs)):
            digests.update(found)
            self._seen += part.length
            self._told(self._seen)
            yield part

    def _read_at(self, offset: int, size: int) -> bytes:
        return _pread(self._path, self._stream, offset, size)

    def _changed(self) -> InputError:
        return InputError(f"{show(self._path)} changed while it was read; run again")


def apply_patch(basis: bytes, delta_path: bytes, out: bytes, *, told: Told = tell_nobody) -> int:
    """Write to ``out`` the new file that ``delta_path`` makes of ``basis``; its length in bytes.

    :raises InputError: when a file can't be read or written, the delta is none, or it was made for another basis;
        ``out`` is as it was then.
    """
    with _opened(basis) as old, _opened(delta_path) as stream:
        with _naming(delta_path):
            reader = DeltaReader(stream.read, fresh_digest())
        if _length(old) != reader.basis_length:
            raise InputError(
                f"{show(basis)} is not the basis of {show(delta_path)}: it has {_length(old)} bytes, "
                f"expected {reader.basis_length}"
            )
        made = _Made(basis, old, reader, told)
        try:
            with _naming(delta_path):
                _write(out, made.pieces())
        except _Mismatch:
            if digest_of_blocks(old.fileno(), _length(old), reader.block_size) != reader.basis:
                raise InputError(
                    f"{show(basis)} is not the basis of {show(delta_path)}: its content is another one; "
                    "take the file that the signature was made of"
                ) from None
            raise InputError(f"{show(delta_path)} does not make what it was made for; make it anew") from None
        finally:
            made.close()
    return made.length


class _Mismatch(Exception):
    """The new file is not what the delta says."""


class _Made:
    """The new file on its way: read and hashed by a hand of its own, a little ahead of who writes it. Close it."""

    def __init__(self, path: bytes, old: BinaryIO, reader: DeltaReader, told: Told) -> None:
        self._path, self._old, self._reader, self._told = path, old, reader, told
        self.length = 0
        self._result = b""
        keep_memory()
        self._flow = Flowing(self._read(), len, _AHEAD, shares=8)

    def pieces(self) -> Iterator[bytes]:
        """The pieces; at their end their digest is that of the delta.

        :raises _Mismatch: when it is not.
        """
        for piece in self._flow:
            self.length += len(piece)
            self._told(self.length)
            yield piece

    def close(self) -> None:
        """Have the hand let go of the files."""
        self._flow.stop()
        self._flow.wait()

    def _read(self) -> Generator[bytes, None, None]:
        copied = fresh_digest()
        for piece, digests in patch(self._read_at, self._parts(), self._reader.block_size):
            copied.update(digests)
            yield piece
        if copied.digest() != self._result:
            raise _Mismatch

    def _parts(self) -> Iterator[Union[Copy, bytes]]:
        for operation in self._reader.operations():
            if isinstance(operation, End):
                self._result = operation.result
            else:
                yield operation

    def _read_at(self, offset: int, size: int) -> bytes:
        data = _pread(self._path, self._old, offset, size)
        if len(data) != size:
            raise _Mismatch
        return data


@contextlib.contextmanager
def _hashing(hands: int) -> Iterator[Any]:
    """A BLAKE3 state; with several hands one of its own computes it."""
    state = Hashing() if hands > 1 else fresh_digest()
    try:
        yield state
    finally:
        if isinstance(state, Hashing):
            state.close()


@contextlib.contextmanager
def _opened(path: bytes) -> Iterator[BinaryIO]:
    """A regular file, for reading."""
    try:
        stream = open(path, "rb", buffering=_BUFFER)
    except OSError as error:
        raise InputError(f"{show(path)} cannot be read: {os.strerror(error.errno or 0)}") from error
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise InputError(f"{show(path)} is not a regular file")
        yield stream


@contextlib.contextmanager
def _naming(path: bytes) -> Iterator[None]:
    """A file that is damaged is the user's to replace: the message names it."""
    try:
        yield
    except RemoteProtocolError as error:
        raise InputError(f"{show(path)} {error}") from error


def _write(out: bytes, pieces: Iterator[bytes]) -> None:
    directory, name = os.path.split(os.path.abspath(out))
    if os.path.isdir(out):
        raise InputError(f"{show(out)} is a directory: name a file for the result")
    parent = open_source(directory)
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        run(write_whole(parent, name, pieces, Attributes(0o666 & ~umask, time.time_ns())), perform)
    except OSError as error:
        raise InputError(f"{show(out)} cannot be written: {os.strerror(error.errno or 0)}") from error
    finally:
        os.close(parent)


def _pread(path: bytes, stream: BinaryIO, offset: int, size: int) -> bytes:
    """Bytes of a file from ``offset``.

    :raises InputError: when it can't be read: it is not the result that can't be written.
    """
    try:
        return os.pread(stream.fileno(), size, offset)
    except OSError as error:
        raise InputError(f"{show(path)} cannot be read: {os.strerror(error.errno or 0)}") from error


def _stamp(stream: BinaryIO) -> Tuple[int, int]:
    """Size and time: what changes with the content."""
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns


def _length(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size
