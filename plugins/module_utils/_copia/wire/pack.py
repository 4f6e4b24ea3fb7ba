# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pack: a parcel's items as a stream of bytes, compressed where that shrinks them (``docs/formats/pack.md``).

Two layers. Outside, after the magic bytes, chunks: codec, length, stored length, bytes. Inside, over the joined
chunks, items: a tag, lengths, raw bytes. Small files share a chunk, so they are compressed together; a chunk that does
not shrink is stored as it is. Both readers are sans-I/O: bytes in, items out, and "not yet" is an answer. Chunks are
made and expanded one by one, so a caller with hands to spare can have several done at once.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Tuple

from ..core.errors import LocalProtocolError, RemoteProtocolError
from ..core.parcel import SMALL_LIMIT, Begin, Broken, Copied, Data, Differs, End, Item, Same, Small, Trouble
from ..core.paths import TreePath, parse_path

MAGIC = b"COPIAPK1"
CHUNK = 1 << 18
"""Items are gathered until a chunk has at least this many bytes."""
MAX_CHUNK = 1 << 22
_CHUNK_HEAD = struct.Struct("<BII")
_NAME_HEAD = struct.Struct("<BH")
_LENGTH = struct.Struct("<Q")
_COPY = struct.Struct("<BQQ")
_DATA = struct.Struct("<BI")
_MAX_PATH = 65535
_SMALL, _BEGIN, _DATA_TAG, _COPIED, _END, _BROKEN, _SAME, _DIFFERS, _TROUBLE, _CLOSE = range(1, 11)
_NO_DIGEST = bytes(32)
_WITH_PATH = frozenset((_BEGIN, _SAME, _DIFFERS, _TROUBLE))
_NAMED = {Begin: _BEGIN, Same: _SAME, Differs: _DIFFERS, Trouble: _TROUBLE}

PLAIN, DEFLATED, ZSTD = 0, 1, 2
_CODECS = {"none": PLAIN, "zlib": DEFLATED, "zstd": ZSTD}


def codecs() -> Tuple[str, ...]:
    """The codecs that this side has, best first."""
    try:
        import zstandard  # noqa: F401
    except ImportError:
        return ("zlib", "none")
    return ("zstd", "zlib", "none")


Through = Callable[[Callable[[Any], bytes], Iterable[Any]], Iterable[bytes]]
"""``map``, or one that keeps the order and works some parts ahead."""


class _Chunk(NamedTuple):
    """A chunk as it is stored; ``length`` is what it expands to, in bytes."""

    codec: int
    length: int
    stored: bytes


def encode_pack(items: Iterable[Item], codec: str = "zlib", through: Through = map) -> Iterator[bytes]:
    """The bytes of a pack, in pieces of about a chunk; ``through`` has each compressed.

    :raises LocalProtocolError: when a path or a message is too long for the format.
    """
    yield MAGIC
    yield from through(_compressor(_CODECS[codec]), _raw_chunks(items))


def _raw_chunks(items: Iterable[Item]) -> Iterator[bytes]:
    gathered: List[bytes] = []
    size = 0
    for item in items:
        if isinstance(item, Small):
            head = _NAME_HEAD.pack(_SMALL, _checked_path(item.path)) + item.path
            piece = b"".join((head, _LENGTH.pack(len(item.data)), item.digest or _NO_DIGEST, item.data))
            gathered.append(piece)
            size += len(piece)
        else:
            for piece in _encode_item(item):
                gathered.append(piece)
                size += len(piece)
        if size >= CHUNK:
            yield from _cut(b"".join(gathered))
            gathered, size = [], 0
    gathered.append(bytes((_CLOSE,)))
    yield from _cut(b"".join(gathered))


def _cut(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), MAX_CHUNK):
        yield raw[start : start + MAX_CHUNK]


def _compressor(codec: int) -> Callable[[bytes], bytes]:
    """A function that makes a chunk: compressed where that shrinks it; after a miss it only probes the next one. Where
    several work at once, "after" is what one of them knows: that costs a probe, and the pack is as good.
    """
    squeeze = _zstd_squeeze() if codec == ZSTD else lambda raw: zlib.compress(raw, 1)
    missed = False

    def chunk(raw: bytes) -> bytes:
        nonlocal missed
        probe = raw[: CHUNK // 16]
        if codec == PLAIN or (missed and len(squeeze(probe)) > len(probe) * 7 // 8):
            return _CHUNK_HEAD.pack(PLAIN, len(raw), len(raw)) + raw
        stored = squeeze(raw)
        missed = len(stored) > len(raw) * 7 // 8
        if missed:
            return _CHUNK_HEAD.pack(PLAIN, len(raw), len(raw)) + raw
        return _CHUNK_HEAD.pack(codec, len(raw), len(stored)) + stored

    return chunk


def _zstd_squeeze() -> Callable[[bytes], bytes]:
    """With a machine for every chunk: one can't be used by two at once."""
    import zstandard

    return lambda raw: bytes(zstandard.ZstdCompressor(level=3).compress(raw))


def _checked_path(path: bytes) -> int:
    if not 0 < len(path) <= _MAX_PATH:
        raise LocalProtocolError(f"a path of {len(path)} bytes, the pack format allows 1 to {_MAX_PATH}")
    return len(path)


def _encode_item(item: Item) -> Iterator[bytes]:
    """Every item but ``Small``."""
    if isinstance(item, (Begin, Same, Differs, Trouble)):
        yield _NAME_HEAD.pack(_NAMED[type(item)], _checked_path(item.path))
        yield item.path
    if isinstance(item, Begin):
        yield _LENGTH.pack(item.length)
    elif isinstance(item, Data):
        for part in _cut(item.data):
            yield _DATA.pack(_DATA_TAG, len(part))
            yield part
    elif isinstance(item, Copied):
        yield _COPY.pack(_COPIED, item.offset, item.length)
    elif isinstance(item, End):
        yield bytes((_END,)) + (item.digest or _NO_DIGEST)
    elif isinstance(item, (Broken, Trouble)):
        what = item.what.encode("utf-8", "backslashreplace")[:_MAX_PATH]
        if isinstance(item, Broken):
            yield bytes((_BROKEN,))
        yield struct.pack("<H", len(what)) + what


class PackReader:
    """Bytes in, items out: ``receive`` takes any split of a pack and returns the items that are complete.

    After the last piece, ``close`` checks that the pack was whole. What is held is at most a chunk and an item.
    """

    def __init__(self) -> None:
        self._outer = b""
        self._inner = b""
        self._started = False
        self._closed = False

    def receive(self, data: bytes) -> List[Item]:
        """The items that ``data`` completes.

        :raises RemoteProtocolError: when the bytes are foreign, damaged, over a limit, or go on behind the end.
        """
        return [item for chunk in self.chunks(data) for item in self.items(_expand(chunk))]

    def chunks(self, data: bytes) -> Iterator[_Chunk]:
        """The chunks that ``data`` completes, as they are stored: the outer half of ``receive``.

        :raises RemoteProtocolError: when the bytes are foreign, or a length is impossible.
        """
        self._outer += data
        if not self._started:
            if not MAGIC.startswith(self._outer[: len(MAGIC)]):
                raise RemoteProtocolError("not a copia pack: expected the magic bytes COPIAPK1")
            if len(self._outer) < len(MAGIC):
                return
            self._started, self._outer = True, self._outer[len(MAGIC) :]
        at = 0
        while len(self._outer) - at >= _CHUNK_HEAD.size:
            codec, length, stored = _CHUNK_HEAD.unpack_from(self._outer, at)
            if length > MAX_CHUNK or stored > length or not length:
                raise RemoteProtocolError("the pack is damaged: a chunk of an impossible length")
            end = at + _CHUNK_HEAD.size + stored
            if len(self._outer) < end:
                break
            yield _Chunk(codec, length, self._outer[at + _CHUNK_HEAD.size : end])
            at = end
        self._outer = self._outer[at:]

    def items(self, raw: bytes) -> List[Item]:
        """The items that the bytes of the next chunk complete: the inner half of ``receive``.

        :raises RemoteProtocolError: when they are damaged, over a limit, or go on behind the end.
        """
        found: List[Item] = []
        self._inner += raw
        at = 0
        try:
            while at < len(self._inner) and not self._closed:
                if self._inner[at] == _CLOSE:
                    self._closed = True
                    at += 1
                    break
                item, at = _parse(self._inner, at)
                found.append(item)
        except _NeedMore:
            pass
        self._inner = self._inner[at:]
        if self._closed and self._inner:
            raise RemoteProtocolError("the pack goes on behind its end")
        return found

    def close(self) -> None:
        """Say that no more bytes come.

        :raises RemoteProtocolError: when the pack was not complete.
        """
        if not self._closed or self._outer:
            raise RemoteProtocolError("the pack is cut off: its end is missing")


class _NeedMore(Exception):
    """An item is not complete yet."""


def _parse(data: bytes, at: int) -> Tuple[Item, int]:
    """The item at ``at`` and the position behind it."""
    tag = data[at]
    if tag == _SMALL:
        return _parse_small(data, at)
    if tag in _WITH_PATH:
        size, at = _number(data, at + 1, 2)
        raw, at = _bytes(data, at, size)
        path = parse_path(raw)
        if not path:
            raise RemoteProtocolError("the pack is damaged: an item without a path")
        return _parse_named(tag, path, data, at)
    at += 1
    if tag == _DATA_TAG:
        size, at = _number(data, at, 4)
        if not 0 < size <= MAX_CHUNK:
            raise RemoteProtocolError(f"the pack is damaged: {size} literal bytes in one item")
        raw, at = _bytes(data, at, size)
        return Data(raw), at
    if tag == _COPIED:
        offset, at = _number(data, at, 8)
        length, at = _number(data, at, 8)
        return Copied(offset, length), at
    if tag == _END:
        raw, at = _bytes(data, at, 32)
        return End(raw), at
    if tag == _BROKEN:
        text, at = _text(data, at)
        return Broken(text), at
    raise RemoteProtocolError(f"the pack is damaged: an item with tag {tag}")


def _parse_small(data: bytes, at: int) -> Tuple[Item, int]:
    """In one go: a tree of small files has nothing else."""
    named = at + _NAME_HEAD.size
    if named > len(data):
        raise _NeedMore
    digest_at = named + _NAME_HEAD.unpack_from(data, at)[1] + _LENGTH.size
    start = digest_at + len(_NO_DIGEST)
    if start > len(data):
        raise _NeedMore
    path = parse_path(data[named : digest_at - _LENGTH.size])
    (size,) = _LENGTH.unpack_from(data, digest_at - _LENGTH.size)
    if not path or size > SMALL_LIMIT:
        raise RemoteProtocolError(f"the pack is damaged: a small file of {size} bytes, or one without a path")
    if start + size > len(data):
        raise _NeedMore
    return Small(path, data[start : start + size], data[digest_at:start]), start + size


def _parse_named(tag: int, path: TreePath, data: bytes, at: int) -> Tuple[Item, int]:
    if tag == _BEGIN:
        size, at = _number(data, at, 8)
        return Begin(path, size), at
    if tag == _TROUBLE:
        text, at = _text(data, at)
        return Trouble(path, text), at
    return (Same(path) if tag == _SAME else Differs(path)), at


def _bytes(data: bytes, at: int, size: int) -> Tuple[bytes, int]:
    if at + size > len(data):
        raise _NeedMore
    return data[at : at + size], at + size


def _number(data: bytes, at: int, size: int) -> Tuple[int, int]:
    raw, at = _bytes(data, at, size)
    return int.from_bytes(raw, "little"), at


def _text(data: bytes, at: int) -> Tuple[str, int]:
    size, at = _number(data, at, 2)
    raw, at = _bytes(data, at, size)
    return raw.decode("utf-8", "replace"), at


def _expand(chunk: _Chunk) -> bytes:
    """A chunk's bytes, never more than it declares."""
    codec, length, stored = chunk
    if codec == PLAIN:
        raw = stored
    elif codec == DEFLATED:
        try:
            raw = zlib.decompressobj().decompress(stored, length + 1)
        except zlib.error as error:
            raise RemoteProtocolError(f"the pack is damaged: {error}") from error
    elif codec == ZSTD:
        raw = _zstd_expand(stored, length)
    else:
        raise RemoteProtocolError(f"the pack uses codec {codec}, which this side does not know")
    if len(raw) != length:
        raise RemoteProtocolError("the pack is damaged: a chunk is not as long as it says")
    return raw


def _zstd_expand(stored: bytes, length: int) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise RemoteProtocolError("the pack is compressed with zstd; install zstandard on this side") from None
    try:
        if zstandard.frame_content_size(stored) != length:
            raise RemoteProtocolError("the pack is damaged: a chunk is not as long as it says")
        return bytes(zstandard.ZstdDecompressor().decompress(stored, max_output_size=length))
    except zstandard.ZstdError as error:
        raise RemoteProtocolError(f"the pack is damaged: {error}") from error


def decode_pack(pieces: Iterable[bytes], through: Through = map) -> Iterator[Item]:
    """The items of a whole pack that arrives in ``pieces``; ``through`` has each chunk expanded.

    :raises RemoteProtocolError: when it is foreign, damaged or cut off.
    """
    reader = PackReader()
    for raw in through(_expand, (chunk for piece in pieces for chunk in reader.chunks(piece))):
        yield from reader.items(raw)
    reader.close()
