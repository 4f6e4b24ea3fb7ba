# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pack: a parcel's items as a stream of bytes, compressed where that shrinks them (``docs/formats/pack.md``).

Two layers. Outside, after the magic bytes, chunks: codec, length, stored length, bytes. Inside, over the joined
chunks, items: a tag, lengths, raw bytes. Small files share a chunk, so they are compressed together; a chunk that does
not shrink is stored as it is. Both readers are sans-I/O: bytes in, items out, and "not yet" is an answer.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Callable, Dict, Generator, Iterable, Iterator, List, Optional, Tuple

from ..core.errors import LocalProtocolError, RemoteProtocolError
from ..core.parcel import SMALL_LIMIT, Begin, Broken, Copied, Data, Differs, End, Item, Same, Small, Trouble
from ..core.paths import parse_path

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
_NAMED = {Small: _SMALL, Begin: _BEGIN, Same: _SAME, Differs: _DIFFERS, Trouble: _TROUBLE}

PLAIN, DEFLATED, ZSTD = 0, 1, 2
_CODECS = {"none": PLAIN, "zlib": DEFLATED, "zstd": ZSTD}


def codecs() -> Tuple[str, ...]:
    """The codecs that this side has, best first."""
    try:
        import zstandard  # noqa: F401
    except ImportError:
        return ("zlib", "none")
    return ("zstd", "zlib", "none")


def encode_pack(items: Iterable[Item], codec: str = "zlib") -> Iterator[bytes]:
    """The bytes of a pack, in pieces of about a chunk.

    :raises LocalProtocolError: when a path or a message is too long for the format.
    """
    compress = _compressor(_CODECS[codec])
    yield MAGIC
    gathered: List[bytes] = []
    size = 0
    for item in items:
        for piece in _encode_item(item):
            gathered.append(piece)
            size += len(piece)
        if size >= CHUNK:
            yield from _chunks(b"".join(gathered), compress)
            gathered, size = [], 0
    gathered.append(bytes((_CLOSE,)))
    yield from _chunks(b"".join(gathered), compress)


def _chunks(raw: bytes, compress: Callable[[bytes], Tuple[int, bytes]]) -> Iterator[bytes]:
    for start in range(0, len(raw), MAX_CHUNK):
        part = raw[start : start + MAX_CHUNK]
        codec, stored = compress(part)
        yield _CHUNK_HEAD.pack(codec, len(part), len(stored))
        yield stored


def _compressor(codec: int) -> Callable[[bytes], Tuple[int, bytes]]:
    """A function that compresses where it shrinks; after a miss it only probes the start of the next chunk."""
    if codec == PLAIN:
        return lambda raw: (PLAIN, raw)
    squeeze: Callable[[bytes], bytes] = _zstd_squeeze() if codec == ZSTD else (lambda raw: zlib.compress(raw, 1))
    missed = False

    def compress(raw: bytes) -> Tuple[int, bytes]:
        nonlocal missed
        probe = raw[: CHUNK // 16]
        if missed and len(squeeze(probe)) > len(probe) * 7 // 8:
            return PLAIN, raw
        stored = squeeze(raw)
        missed = len(stored) > len(raw) * 7 // 8
        return (PLAIN, raw) if missed else (codec, stored)

    return compress


def _zstd_squeeze() -> Callable[[bytes], bytes]:
    import zstandard

    machine = zstandard.ZstdCompressor(level=3)
    return lambda raw: bytes(machine.compress(raw))


def _encode_item(item: Item) -> Iterator[bytes]:
    if isinstance(item, (Small, Begin, Same, Differs, Trouble)):
        if len(item.path) > _MAX_PATH:
            raise LocalProtocolError(f"a path of {len(item.path)} bytes, the pack format allows {_MAX_PATH}")
        yield _NAME_HEAD.pack(_NAMED[type(item)], len(item.path))
        yield item.path
    if isinstance(item, Small):
        yield _LENGTH.pack(len(item.data))
        yield item.digest.ljust(32, b"\0")
        yield item.data
    elif isinstance(item, Begin):
        yield _LENGTH.pack(item.length)
    elif isinstance(item, Data):
        for start in range(0, len(item.data), MAX_CHUNK):
            part = item.data[start : start + MAX_CHUNK]
            yield _DATA.pack(_DATA_TAG, len(part))
            yield part
    elif isinstance(item, Copied):
        yield _COPY.pack(_COPIED, item.offset, item.length)
    elif isinstance(item, End):
        yield bytes((_END,)) + item.digest.ljust(32, b"\0")
    elif isinstance(item, (Broken, Trouble)):
        what = item.what.encode("utf-8", "backslashreplace")[:_MAX_PATH]
        if isinstance(item, Broken):
            yield bytes((_BROKEN,))
        yield struct.pack("<H", len(what)) + what


class PackReader:
    """Bytes in, items out: ``receive`` takes any split of a pack and returns the items that are complete.

    After the last piece, ``close`` checks that the pack was whole. What is held is at most one chunk and one item.
    """

    def __init__(self) -> None:
        self._outer = b""
        self._inner = bytearray()
        self._parse = self._items()
        self._needs = next(self._parse)
        self._started = False
        self._closed = False

    def receive(self, data: bytes) -> List[Item]:
        """The items that ``data`` completes.

        :raises RemoteProtocolError: when the bytes are foreign, damaged, over a limit, or go on behind the end.
        """
        self._outer += data
        found: List[Item] = []
        for raw in self._take_chunks():
            self._inner += raw
            found.extend(self._take_items())
        return found

    def close(self) -> None:
        """Say that no more bytes come.

        :raises RemoteProtocolError: when the pack was not complete.
        """
        if not self._closed or self._outer:
            raise RemoteProtocolError("the pack is cut off: its end is missing")

    def _take_chunks(self) -> Iterator[bytes]:
        if not self._started:
            if not MAGIC.startswith(self._outer[: len(MAGIC)]):
                raise RemoteProtocolError("not a copia pack: expected the magic bytes COPIAPK1")
            if len(self._outer) < len(MAGIC):
                return
            self._started, self._outer = True, self._outer[len(MAGIC) :]
        at = 0
        while len(self._outer) - at >= _CHUNK_HEAD.size:
            codec, length, stored = _CHUNK_HEAD.unpack_from(self._outer, at)
            if self._closed or length > MAX_CHUNK or stored > length or not length:
                raise RemoteProtocolError("the pack is damaged: a chunk of an impossible length")
            end = at + _CHUNK_HEAD.size + stored
            if len(self._outer) < end:
                break
            yield _expand(codec, self._outer[at + _CHUNK_HEAD.size : end], length)
            at = end
        self._outer = self._outer[at:]

    def _take_items(self) -> Iterator[Item]:
        at = 0
        while self._needs and len(self._inner) - at >= self._needs:
            part = bytes(self._inner[at : at + self._needs])
            at += self._needs
            answer = self._parse.send(part)
            while not isinstance(answer, int):
                yield answer
                answer = next(self._parse)
            self._needs = answer
        del self._inner[:at]
        if not self._needs:
            self._closed = True
            if self._inner:
                raise RemoteProtocolError("the pack goes on behind its end")

    def _items(self) -> "Generator[Any, bytes, None]":
        """Straight-line parser: yields how many bytes it needs next, or an item; 0 at the end."""
        while True:
            tag = (yield 1)[0]
            if tag == _CLOSE:
                yield 0
            if tag in _PATH_TAGS:
                size = yield 2
                if not any(size):
                    raise RemoteProtocolError("the pack is damaged: an item without a path")
                path = parse_path((yield int.from_bytes(size, "little")))
                yield from _PATH_TAGS[tag](path)
            elif tag == _DATA_TAG:
                size = yield 4
                yield Data((yield _checked(size)))
            elif tag == _COPIED:
                yield Copied(*struct.unpack("<QQ", (yield 16)))
            elif tag == _END:
                yield End((yield 32))
            elif tag == _BROKEN:
                yield Broken((yield from _text()))
            else:
                raise RemoteProtocolError(f"the pack is damaged: an item with tag {tag}")


def _checked(packed: bytes) -> int:
    length = int.from_bytes(packed, "little")
    if not 0 < length <= MAX_CHUNK:
        raise RemoteProtocolError(f"the pack is damaged: {length} literal bytes in one item")
    return length


def _text() -> "Generator[Any, bytes, str]":
    size = int.from_bytes((yield 2), "little")
    return (yield size).decode("utf-8", "replace") if size else ""


def _small(path: Any) -> "Generator[Any, bytes, None]":
    head = yield 40
    length = int.from_bytes(head[:8], "little")
    if length > SMALL_LIMIT:
        raise RemoteProtocolError(f"the pack is damaged: a small file of {length} bytes")
    yield Small(path, (yield length) if length else b"", head[8:])


def _begin(path: Any) -> "Generator[Any, bytes, None]":
    yield Begin(path, int.from_bytes((yield 8), "little"))


def _trouble(path: Any) -> "Generator[Any, bytes, None]":
    yield Trouble(path, (yield from _text()))


def _same(path: Any) -> "Generator[Any, bytes, None]":
    yield Same(path)


def _differs(path: Any) -> "Generator[Any, bytes, None]":
    yield Differs(path)


_PATH_TAGS: Dict[int, Callable[[Any], "Generator[Any, bytes, None]"]] = {
    _SMALL: _small,
    _BEGIN: _begin,
    _SAME: _same,
    _DIFFERS: _differs,
    _TROUBLE: _trouble,
}


def _expand(codec: int, stored: bytes, length: int) -> bytes:
    """A chunk's bytes, never more than it declares."""
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


_zstd_machine: Optional[Any] = None


def _zstd_expand(stored: bytes, length: int) -> bytes:
    global _zstd_machine
    try:
        import zstandard
    except ImportError:
        raise RemoteProtocolError("the pack is compressed with zstd, which this side lacks; install zstandard") from None
    if _zstd_machine is None:
        _zstd_machine = zstandard.ZstdDecompressor()
    try:
        if zstandard.frame_content_size(stored) != length:
            raise RemoteProtocolError("the pack is damaged: a chunk is not as long as it says")
        return bytes(_zstd_machine.decompress(stored, max_output_size=length))
    except zstandard.ZstdError as error:
        raise RemoteProtocolError(f"the pack is damaged: {error}") from error


def decode_pack(pieces: Iterable[bytes]) -> Iterator[Item]:
    """The items of a whole pack that arrives in ``pieces``.

    :raises RemoteProtocolError: when it is foreign, damaged or cut off.
    """
    reader = PackReader()
    for piece in pieces:
        yield from reader.receive(piece)
    reader.close()
