# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The primitive operations by which a tree is changed, as values.

Whoever changes the world is a generator that yields these; ``perform`` carries them out, one by one, and nothing else
calls rename, unlink and their kin. So production, the crash tests (kill or error at operation K) and an explorer run
the same generators. Names are single parts, below a directory descriptor.
"""

from __future__ import annotations

from typing import Any, Callable, Generator, NamedTuple, Optional, Sequence, Tuple, Union

from ..core.entries import NOT_RECORDED, Entry, Kind


class Attributes(NamedTuple):
    """What an entry is to have; ``uid`` and ``gid`` are -1 where the owner is left as it is."""

    mode: int
    mtime_ns: int
    uid: int = -1
    gid: int = -1


def attributes_of(entry: Entry) -> Attributes:
    """What an entry is to have; ids that nobody asked for are left."""
    uid, gid = (-1 if number == NOT_RECORDED else number for number in (entry.uid, entry.gid))
    return Attributes(entry.mode, entry.mtime_ns, uid, gid)


class MakeFolder(NamedTuple):
    """Make an empty directory; by default it is for us alone until it is closed."""

    parent: int
    name: bytes
    mode: int = 0o700


class WriteFile(NamedTuple):
    """Make a new file with its whole content and attributes; ``durable`` flushes it before it is closed."""

    parent: int
    name: bytes
    data: bytes
    attributes: Attributes
    durable: bool


class Writes(NamedTuple):
    """New files of one directory: names NUL-separated, a packed row with what each is to have, contents joined."""

    parent: int
    names: bytes
    rows: bytes
    data: bytes


class WriteFiles(NamedTuple):
    """Make new files with their whole contents and attributes, several directories at once."""

    parts: Tuple[Writes, ...]


class Copies(NamedTuple):
    """Files of one directory to be made in another: names NUL-separated, and a packed row for each.

    ``names`` are those in ``from_parent``, ``to_names`` those in ``to_parent``, which must be free. Size and time of a
    row are what is expected of the file that is read; its mode, time and owner are what the new file gets.
    """

    from_parent: int
    to_parent: int
    names: bytes
    to_names: bytes
    rows: bytes


class CopyFiles(NamedTuple):
    """Copy files, several directories at once; ``durable`` flushes each.

    The answer has, for each of ``parts``, one number for each of its files: 0, the errno of reading it, or ``CHANGED``
    where it is not what its row says; nothing was made for those. What can't be written is raised.
    """

    parts: Tuple[Copies, ...]
    durable: bool


CHANGED = -1
"""The answer for a file that is not, or no longer, what was listed."""


class CreateFile(NamedTuple):
    """Make a new, empty file that only we can read; the answer is its descriptor."""

    parent: int
    name: bytes


class Append(NamedTuple):
    """Write at the end of a file that is being made: a few ``pieces``, most of them of 4 KiB or more."""

    descriptor: int
    pieces: Sequence[bytes]


class SealFile(NamedTuple):
    """Give a file that was made its attributes, flush it when ``durable``, and close it."""

    descriptor: int
    attributes: Attributes
    durable: bool


class MakeLink(NamedTuple):
    """Make a symbolic link with its time and owner."""

    parent: int
    name: bytes
    target: bytes
    attributes: Attributes


class MoveNew(NamedTuple):
    """Move to a name that must be free; FileExistsError when it is not."""

    from_parent: int
    from_name: bytes
    to_parent: int
    to_name: bytes


class MoveEach(NamedTuple):
    """Move names of one directory to names of another, each of which must be free. The answer has for each 0 or an
    errno; what was refused stays where it was.
    """

    from_parent: int
    from_names: Tuple[bytes, ...]
    to_parent: int
    to_names: Tuple[bytes, ...]


class Exchange(NamedTuple):
    """Exchange two names in one step."""

    from_parent: int
    from_name: bytes
    to_parent: int
    to_name: bytes


class Link(NamedTuple):
    """Give what stands at a name a second name, which must be free."""

    from_parent: int
    from_name: bytes
    to_parent: int
    to_name: bytes


class Replace(NamedTuple):
    """Move to a name, in the place of what stands there. Only where the file system cannot exchange."""

    from_parent: int
    from_name: bytes
    to_parent: int
    to_name: bytes


class SetAttributes(NamedTuple):
    """Set mode, owner and time of what is not a file being made; links are not followed."""

    parent: int
    name: bytes
    kind: Kind
    attributes: Attributes


class SetOwner(NamedTuple):
    """Set the owner of what stands at a name, or of what is open where that is empty; -1 leaves one as it is."""

    parent: int
    name: bytes
    uid: int
    gid: int


class SetExtra(NamedTuple):
    """Set the extended attribute ``key`` of what stands at a name, or is open where that is empty; without a ``value``,
    remove it.
    """

    parent: int
    name: bytes
    key: bytes
    value: Optional[bytes]


class SetFolderAttributes(NamedTuple):
    """The same for an open directory."""

    descriptor: int
    attributes: Attributes


class Unlink(NamedTuple):
    """Remove a name that is not a directory."""

    parent: int
    name: bytes


class RemoveFolder(NamedTuple):
    """Remove an empty directory."""

    parent: int
    name: bytes


class Flush(NamedTuple):
    """Have a directory (its names) on disk."""

    descriptor: int


class FlushEach(NamedTuple):
    """Have many open files or directories on disk: all are begun before any is waited for."""

    descriptors: Tuple[int, ...]


class FlushAll(NamedTuple):
    """Have everything of the file system that holds ``descriptor`` on disk."""

    descriptor: int


class Record(NamedTuple):
    """Have what was written into a database since the last ``Record`` count, and on disk, all at once."""

    connection: Any


Operation = Union[
    MakeFolder,
    WriteFile,
    WriteFiles,
    CopyFiles,
    CreateFile,
    Append,
    SealFile,
    MakeLink,
    MoveNew,
    MoveEach,
    Exchange,
    Link,
    Replace,
    SetAttributes,
    SetOwner,
    SetExtra,
    SetFolderAttributes,
    Unlink,
    RemoveFolder,
    Flush,
    FlushEach,
    FlushAll,
    Record,
]

Acts = Generator[Operation, Any, Any]
"""What changes the world: yields operations, gets each one's answer, or its OSError raised at the yield."""

Perform = Callable[[Operation], Any]


def run(acts: Acts, perform: Perform) -> Any:
    """Carry out ``acts``: the one driver. The answer is what the generator returns.

    :raises OSError: one that the generator does not handle.
    """
    answer: Any = None
    trouble: Optional[OSError] = None
    while True:
        try:
            operation = acts.send(answer) if trouble is None else acts.throw(trouble)
        except StopIteration as stop:
            return stop.value
        answer, trouble = None, None
        try:
            answer = perform(operation)
        except OSError as error:
            trouble = error
