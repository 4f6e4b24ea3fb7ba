# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging what arrives: every content of a parcel becomes a checked file in the staging folder, or a problem.

Nothing in the tree is touched here. A content that is not, as a whole, what its BLAKE3 says is thrown away. A file
system that is full or read-only ends the run while all is still as it was.
"""

from __future__ import annotations

import errno
import os
from typing import Dict, Iterator, Optional, Set

from ..core.entries import Entry, Kind
from ..core.errors import InputError, RemoteProtocolError
from ..core.manifest import DIGEST_SIZE
from ..core.parcel import Begin, Broken, Copied, Data, End, Here, Item, Same, Small, Trouble
from ..core.paths import TreePath, show, split
from ..core.preserve import NOTHING_MORE, Preserve
from ..core.report import Report, TextChange, is_text
from ..core.steps import MirrorPlan, Put, PutFile, PutLink
from ..values import dataclass, field
from . import operations as op
from .copying import Copying, asked_for
from .dress import Dresser
from .folders import FILE, Folders
from .hands import Hashing
from .stage import Stage
from .sums import fresh_digest
from .writing import Writing

_NEXT = {
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Raise the quota or make room",
    errno.EPERM: "Become a user that may set the owner",
    errno.EROFS: "Mount it writable",
    errno.EACCES: "Become a user that may write there",
}
_NO_DIGEST = bytes(DIGEST_SIZE)
_DAMAGED = "arrived damaged: its BLAKE3 is not what was sent; run again"


@dataclass
class Receiving:
    """One parcel on its way into the staging folder.

    ``same`` are the files whose content proved to be right already, ``failed`` the paths that became problems, and
    ``undressed`` those that lack only what can't be put on them. ``text_limit`` is in bytes: smaller texts are kept
    for the diff.
    """

    plan: MirrorPlan
    folders: Folders
    report: Report
    text_limit: int = 0
    keeps: Preserve = NOTHING_MORE
    same: Set[TreePath] = field(default_factory=set)
    failed: Set[TreePath] = field(default_factory=set)
    undressed: Set[TreePath] = field(default_factory=set)

    @property
    def dresser(self) -> Dresser:
        """Puts on what is kept. It is made when it is asked for: two that hold each other stay in memory for long."""
        return Dresser(self.keeps, self._leave_undressed)

    def acts(self, stage: Stage, items: Iterator[Item]) -> op.Acts:
        """Stage the new directories, the links and every item.

        :raises InputError: when the file system as a whole refuses.
        :raises RemoteProtocolError: when the parcel is not an answer to this plan.
        """
        puts = {step.path: step for step in self.plan.puts}
        try:
            yield from self._shells(stage)
            copying, writing = Copying(stage, self, self.keeps), Writing(stage, self.keeps)
            try:
                for item in items:
                    if isinstance(item, Here):
                        yield from copying.take(puts, item)
                    elif isinstance(item, Small):
                        yield from self._small(writing, asked_for(puts, item.path), item)
                    else:
                        yield from self._item(stage, puts, item, items)
                yield from copying.go()
                yield from writing.go()
            finally:
                copying.close()
                writing.close()
            self._check_complete(stage)
            yield from self._dress(stage)
        except OSError as error:
            raise InputError(
                f"staging failed: {os.strerror(error.errno or 0)}; nothing in the destination was replaced. "
                f"{_NEXT.get(error.errno or 0, 'Mend that')} and run again"
            ) from error

    def _check_complete(self, stage: Stage) -> None:
        for step in self.plan.puts:
            if not (stage.has(step.path) or step.path in self.same or step.path in self.failed):
                raise RemoteProtocolError(f"the parcel lacks {show(step.path)}")

    def _dress(self, stage: Stage) -> op.Acts:
        """Before anything comes under its name. Directories are dressed when they are closed."""
        dresser = self.dresser
        for step in self.plan.puts if self.keeps.is_any else ():
            if stage.has(step.path):
                yield from dresser.acts(*stage.place(step.path), step.wanted)

    def _shells(self, stage: Stage) -> op.Acts:
        """What has no content of its own to wait for: directories, parents first, and links."""
        for make in self.plan.makes:
            if make.path:
                yield op.MakeFolder(*stage.folder_for(make.path))
        for step in self.plan.puts:
            if isinstance(step, PutLink):
                place = stage.place_for(step.path)
                yield op.MakeLink(*place, step.wanted.target, self._attributes(step))

    def _item(self, stage: Stage, puts: Dict[TreePath, Put], item: Item, items: Iterator[Item]) -> op.Acts:
        if not isinstance(item, (Begin, Same, Trouble)):
            raise RemoteProtocolError(f"a parcel has {type(item).__name__} where a file should begin")
        step = asked_for(puts, item.path)
        if isinstance(item, Same):
            self.same.add(item.path)
        elif isinstance(item, Trouble):
            self.fail(item.path, item.what)
        else:
            yield from self._stream(stage, step, item, items)

    def _small(self, writing: Writing, step: PutFile, item: Small) -> op.Acts:
        if len(item.data) != step.wanted.size or (
            item.digest not in (b"", _NO_DIGEST) and _digest(item.data) != item.digest
        ):
            self.fail(item.path, _DAMAGED)
            return
        self._note_text(step, item.data)
        yield from writing.take(step.wanted, item.data)
        self.report.bytes_literal += len(item.data)

    def _stream(self, stage: Stage, step: PutFile, begin: Begin, items: Iterator[Item]) -> op.Acts:
        """A large file. The stream is read to its end whatever happens, so that the next item starts in frame."""
        place = stage.place_for(begin.path)
        new: int = yield op.CreateFile(*place)
        writer = _Stream(new, self._open_basis(step), begin.length)
        try:
            for item in items:
                if isinstance(item, (End, Broken)):
                    break
                yield from writer.take(item)
            else:
                raise RemoteProtocolError(f"a parcel ends within {show(begin.path)}")
            trouble = item.what if isinstance(item, Broken) else writer.trouble(item.digest)
        except BaseException:
            os.close(new)
            raise
        finally:
            writer.close()
        if trouble:
            os.close(new)
            yield op.Unlink(*place)
            stage.drop(begin.path)
            self.fail(begin.path, trouble)
            return
        yield op.SealFile(new, self._attributes(step), False)
        self.report.bytes_literal += writer.literal
        self.report.bytes_matched += writer.matched

    def _open_basis(self, step: PutFile) -> int:
        """The target's own version, for the parts that are copied from it; -1 where there is none."""
        if not isinstance(step.expected, Entry) or step.expected.kind is not Kind.FILE:
            return -1
        directory, name = split(step.path)
        try:
            return os.open(name, FILE, dir_fd=self.folders.at(directory))
        except OSError:
            return -1

    def _note_text(self, step: PutFile, after: bytes) -> None:
        """Keep both contents of a small text file for the diff."""
        if not self.text_limit or len(after) > self.text_limit or not is_text(after):
            return
        before = b""
        if isinstance(step.expected, Entry):
            if step.expected.kind is not Kind.FILE or step.expected.size > self.text_limit:
                return
            basis = self._open_basis(step)
            if basis < 0:
                return
            before = os.pread(basis, self.text_limit, 0)
            os.close(basis)
        if is_text(before):
            self.report.texts.append(TextChange(step.path, before, after))

    def fail(self, path: TreePath, what: str) -> None:
        """Make ``what`` a problem of ``path``."""
        self.failed.add(path)
        self.report.failed(path, what)

    def _leave_undressed(self, path: TreePath, what: str) -> None:
        self.undressed.add(path)
        self.report.failed(path, what)

    def _attributes(self, step: Put) -> op.Attributes:
        return op.attributes_of(self.keeps.bare(step.wanted))


class _Stream:
    """The content of one large file while it arrives."""

    def __init__(self, new: int, basis: int, length: int) -> None:
        self.literal = self.matched = 0
        self._new, self._basis, self._length = new, basis, length
        self._state: Optional[Hashing] = None
        self._short = False

    def take(self, item: Item) -> op.Acts:
        """Write the next part."""
        if isinstance(item, Data):
            self.literal += len(item.data)
            yield from self._write(item.data)
        elif isinstance(item, Copied):
            self.matched += item.length
            yield from self._copy(item)
        else:
            raise RemoteProtocolError(f"a parcel has {type(item).__name__} within a file")

    def _copy(self, item: Copied) -> op.Acts:
        at, end = item.offset, item.offset + item.length
        while at < end and not self._short:
            data = os.pread(self._basis, min(1 << 20, end - at), at) if self._basis >= 0 else b""
            self._short = not data
            yield from self._write(data)
            at += len(data)

    def _write(self, data: bytes) -> op.Acts:
        if self.literal + self.matched > self._length:
            self._short = True
            return
        if self._state is None:
            self._state = Hashing()
        self._state.update(data)
        yield op.Append(self._new, (data,))

    def trouble(self, digest: bytes) -> str:
        """What is wrong with the whole; empty when it is what was sent."""
        if self._short or self.literal + self.matched != self._length:
            return "its basis changed during the run, or it arrived short; run again"
        if any(digest) and digest != (self._state.digest() if self._state else _digest(b"")):
            return _DAMAGED
        return ""

    def close(self) -> None:
        """Close the basis, and let the hand go that hashes."""
        if self._state is not None:
            self._state.close()
        if self._basis >= 0:
            os.close(self._basis)


def _digest(data: bytes) -> bytes:
    return bytes(fresh_digest(data).digest())
