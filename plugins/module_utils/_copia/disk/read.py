# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of the files of a source tree, as the items of a parcel.

Rules
1. A file is compared with its listed entry when it is opened and again when it was read: what is sent is what was
   listed, or the path becomes a problem and the run goes on.
2. A file that cannot be read is a problem of its path.
3. Memory is bounded by a window, never by a file's size.
4. A digest is the BLAKE3 of all the bytes that were read, computed on the way.

RACE: a writer that changes a file and sets its time back, between the two looks, is not seen here. The digest is that
of what was sent, so the target holds a whole, if mixed, state that the next change of the file replaces.
"""

from __future__ import annotations

import os
import stat
from itertools import groupby
from typing import Any, Callable, Dict, Generator, Iterable, Iterator, List, Optional, Tuple

from ..core import twin
from ..core.delta import Copy, delta
from ..core.entries import Entry
from ..core.parcel import SMALL_LIMIT, Begin, Broken, Copied, Data, Differs, End, Here, Item, Same, Small, Trouble, Want
from ..core.paths import TreePath, split
from ..core.signature import Signature
from .ahead import Ahead
from .folders import FILE, Folders
from .hands import HANDS, go_through
from .many import MOST_HERE, Locate, hash_small, in_parts, read_many
from .sums import WINDOW, digest_of, fresh_digest, sign_open

CHANGED = "changed while it was read; run again"


def locate_in_tree(folders: Folders) -> Locate:
    """For a tree: below its root."""

    def locate(path: TreePath) -> Tuple[int, bytes]:
        directory, name = split(path)
        return folders.at(directory), name

    return locate


def locate_single(parent: int, name: bytes) -> Locate:
    """For one file, whatever it is listed as."""
    return lambda _path: (parent, name)


class Reader:
    """Answers wants from a source.

    ``digests`` says whether items carry a digest; without, whole files are handed over unhashed (one process reads
    and writes). With ``dry``, contents are sent only where a want asks for text.
    """

    def __init__(self, locate: Locate, *, digests: bool = True, dry: bool = False) -> None:
        self._locate = locate
        self._digests = digests
        self._dry = dry

    def items(self, wants: Tuple[Want, ...]) -> Iterator[Item]:
        """The parcel that answers ``wants``, in their order."""
        return self._one_by_one(wants)

    def items_in_tree(self, wants: Tuple[Want, ...]) -> Iterator[Item]:
        """The same where every file stands under its own path: small ones are read by directory, many at once."""
        if twin.native is None or self._dry:
            yield from self._one_by_one(wants)
            return
        for small, group in groupby(wants, _directory_of_small):
            alike = list(group)
            if small is None:
                yield from self._one_by_one(alike)
                continue
            for part in in_parts([want.entry for want in alike]):
                yield from self._many(part)

    def _many(self, entries: List[Entry]) -> Iterator[Item]:
        """Whole small files of one directory, read by the C twin in one go."""
        try:
            parent, name = self._locate(entries[0].path)
            names = b"\0".join((name, *(split(entry.path)[1] for entry in entries[1:])))
            contents = list(read_many(parent, names, entries))
        except OSError as error:
            yield from (Trouble(entry.path, cannot_be_read(error.errno)) for entry in entries)
            return
        for entry, answer, content in contents:
            if answer:
                yield Trouble(entry.path, cannot_be_read(answer if answer > 0 else None))
            else:
                yield Small(entry.path, content, fresh_digest(content).digest() if self._digests else b"")

    def _one_by_one(self, wants: Iterable[Want]) -> Iterator[Item]:
        for want in wants:
            try:
                parent, name = self._locate(want.entry.path)
                descriptor = os.open(name, FILE, dir_fd=parent)
            except OSError as error:
                yield Trouble(want.entry.path, cannot_be_read(error.errno))
                continue
            try:
                yield from self._file(want, descriptor)
            finally:
                os.close(descriptor)

    def items_here(self, wants: Iterable[Want]) -> Iterator[Item]:
        """The same for a target on this host: it copies for itself what it wants whole and unseen."""
        for directory, group in groupby(wants, _directory_of_whole):
            alike = list(group)
            if directory is None or self._dry:
                yield from self.items(tuple(alike))
                continue
            for start in range(0, len(alike), MOST_HERE):
                yield from self._here([want.entry for want in alike[start : start + MOST_HERE]])

    def _here(self, entries: List[Entry]) -> Iterator[Item]:
        try:
            parent, name = self._locate(entries[0].path)
        except OSError as error:
            for entry in entries:
                yield Trouble(entry.path, cannot_be_read(error.errno))
            return
        yield Here(parent, (name, *(split(entry.path)[1] for entry in entries[1:])), tuple(entries))

    def _file(self, want: Want, descriptor: int) -> Iterator[Item]:
        path = want.entry.path
        try:
            if not _is_as_listed(descriptor, want.entry):
                yield Trouble(path, CHANGED)
            elif want.entry.size <= SMALL_LIMIT and want.signature is None:
                yield self._small(want, descriptor)
            elif self._dry and not want.digest:
                yield Differs(path)
            elif want.digest and want.digest == digest_of(descriptor):
                yield Same(path)
            elif self._dry:
                yield Differs(path)
            else:
                yield from self._stream(want, descriptor)
        except OSError as error:
            yield Trouble(path, cannot_be_read(error.errno))

    def _small(self, want: Want, descriptor: int) -> Item:
        path, size = want.entry.path, want.entry.size
        if self._dry and not want.digest and not want.with_text:
            return Differs(path)
        data = os.read(descriptor, size + 1)
        if len(data) != size or not _is_as_listed(descriptor, want.entry):
            return Trouble(path, CHANGED)
        digest = fresh_digest(data).digest() if self._digests or want.digest else b""
        if want.digest and digest == want.digest:
            return Same(path)
        if self._dry and not want.with_text:
            return Differs(path)
        return Small(path, data, digest)

    def _stream(self, want: Want, descriptor: int) -> Iterator[Item]:
        """A large file, whole or as a delta. Once begun, trouble is ``Broken``: the stream stays in frame."""
        yield Begin(want.entry.path, want.entry.size)
        digest = b""
        try:
            if want.signature is None:
                state = fresh_digest() if self._digests else None
                yield from _whole(descriptor, want.entry.size, state)
                digest = state.digest() if state else b""
            else:
                digest = yield from _difference(descriptor, want.entry.size, want.signature)
            sound = _is_as_listed(descriptor, want.entry)
        except OSError as error:
            yield Broken(cannot_be_read(error.errno))
            return
        yield End(digest) if sound else Broken(CHANGED)


def _directory_of_small(want: Want) -> Optional[TreePath]:
    """Where the file is; ``None`` for one that is large, or whose content has to be looked at on the way."""
    return None if want.entry.size > SMALL_LIMIT or want.with_text else _directory_of_whole(want)


def _directory_of_whole(want: Want) -> Optional[TreePath]:
    """Where the file is; ``None`` for one whose content has to be looked at on the way."""
    return None if want.digest or want.signature is not None or want.with_text else split(want.entry.path)[0]


def cannot_be_read(number: Optional[int]) -> str:
    """What a refusal of the kernel to read a file is called; without a number, the file changed."""
    return f"cannot be read: {os.strerror(number)}" if number else CHANGED


def _whole(descriptor: int, size: int, state: Any) -> Iterator[Item]:
    at = 0
    while at < size:
        data = os.pread(descriptor, min(WINDOW, size - at), at)
        if not data:
            return
        if state:
            state.update(data)
        at += len(data)
        yield Data(data)


def _difference(descriptor: int, size: int, signed: Signature) -> Generator[Item, None, bytes]:
    """The delta; the digest of the file is computed beside it, and returned."""

    def read_at(offset: int, length: int) -> bytes:
        return os.pread(descriptor, length, offset)

    digest = Ahead(lambda: digest_of(descriptor))
    try:
        for part in delta(read_at, size, signed, each=go_through(HANDS)):
            start, end = part.offset, part.offset + part.length
            if isinstance(part, Copy):
                yield Copied(part.offset, part.length)
                continue
            for at in range(start, end, WINDOW):
                yield Data(read_at(at, min(WINDOW, end - at)))
    finally:
        digest.wait()
    return digest.result()


def _is_as_listed(descriptor: int, entry: Entry) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_size == entry.size and found.st_mtime_ns == entry.mtime_ns


def hash_files(locate: Locate, entries: Iterable[Entry]) -> Dict[TreePath, bytes]:
    """The digests of those files that can be read and are as listed; the others are missing."""
    found: Dict[TreePath, bytes] = {}
    for entry in hash_small(locate, entries, found) if twin.native else entries:
        digest = _with_open(locate, entry, digest_of)
        if digest is not None:
            found[entry.path] = digest
    return found


def sign_file(locate: Locate, entry: Entry, block_size: int) -> Any:
    """The signature of a file; ``None`` when it can't be read or is not as listed."""
    return _with_open(locate, entry, lambda descriptor: sign_open(descriptor, entry.size, block_size))


def read_small(locate: Locate, entry: Entry) -> Optional[bytes]:
    """The content of a small file; ``None`` when it can't be read or is not as listed."""
    content: Optional[bytes] = _with_open(locate, entry, lambda descriptor: os.pread(descriptor, entry.size, 0))
    return content


def _with_open(locate: Locate, entry: Entry, use: Callable[[int], Any]) -> Any:
    try:
        parent, name = locate(entry.path)
        descriptor = os.open(name, FILE, dir_fd=parent)
    except OSError:
        return None
    try:
        if not _is_as_listed(descriptor, entry):
            return None
        result = use(descriptor)
        return result if _is_as_listed(descriptor, entry) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
