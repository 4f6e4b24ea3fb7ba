# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one executor: the only room that changes a tree.

Every name is a single part below a directory descriptor, and no link is followed.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Any, Callable, Dict, List, Tuple, Type

from ..core import twin
from ..core.entries import NOT_RECORDED, Kind
from ..core.manifest import ROW
from ..core.pieces import after, aligned
from .extras import way_to
from .folders import FILE
from .hands import each
from .libc import EXCHANGE, NOREPLACE, begin_to_write, flush_file_system, renameat2
from .listed import Unfit, content_as_listed
from .operations import (
    CHANGED,
    Append,
    Attributes,
    Copies,
    CopyFiles,
    CreateFile,
    Exchange,
    Flush,
    FlushAll,
    FlushEach,
    Link,
    MakeFolder,
    MakeLink,
    MoveEach,
    MoveNew,
    Operation,
    Record,
    RemoveFolder,
    Replace,
    SealFile,
    SetAttributes,
    SetExtra,
    SetFolderAttributes,
    SetOwner,
    Unlink,
    WriteFile,
    WriteFiles,
    Writes,
)

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_WAITING = 8
"""How many threads wait for flushes: what they wait for is the disk, which does several at once."""
_PIECE = 1 << 16
"""Bytes of one write, which ends where as many bytes of the file do. A file system may hold what a write brings in one
block of memory, and has to find one as large (``docs/performance.md``).
"""
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def perform(operation: Operation) -> Any:
    """Carry out one operation.

    :raises OSError: when the kernel refuses it.
    """
    return _DOERS[type(operation)](operation)


def _make_folder(operation: MakeFolder) -> None:
    os.mkdir(operation.name, operation.mode, dir_fd=operation.parent)


def _write_file(operation: WriteFile) -> None:
    descriptor = os.open(operation.name, _NEW, 0o600, dir_fd=operation.parent)
    try:
        _write_all(descriptor, operation.data)
        _set_open(descriptor, operation.attributes)
        if operation.durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_files(operation: WriteFiles) -> None:
    each(_write_part, operation.parts)


def _write_part(part: Writes) -> None:
    if twin.native:
        twin.native.write_files(*part)
        return
    at = 0
    for name, row in zip(part.names.split(b"\0"), ROW.iter_unpack(part.rows)):
        size = row[5]
        _write_file(WriteFile(part.parent, name, part.data[at : at + size], _attributes(row), False))
        at += size


def _attributes(row: Tuple[int, ...]) -> Attributes:
    _kind, _flags, mode, uid, gid, _size, mtime_ns = row
    return Attributes(mode, mtime_ns, *(-1 if number == NOT_RECORDED else number for number in (uid, gid)))


def _copy_files(operation: CopyFiles) -> List[Tuple[int, ...]]:
    return each(lambda part: _copy_part(part, operation.durable), operation.parts)


def _copy_part(part: Copies, durable: bool) -> Tuple[int, ...]:
    if twin.native:
        answers: bytes = twin.native.copy_files(*part, durable)
        return struct.unpack(f"<{len(answers) // 4}i", answers)
    names = zip(part.names.split(b"\0"), part.to_names.split(b"\0"))
    return tuple(_copy_file(part, *pair, row, durable) for pair, row in zip(names, ROW.iter_unpack(part.rows)))


def _copy_file(part: Copies, name: bytes, to_name: bytes, row: Tuple[int, ...], durable: bool) -> int:
    """The twin in Python of ``copy_file`` in native/src/copy.c."""
    try:
        source = os.open(name, FILE, dir_fd=part.from_parent)
    except OSError as error:
        return error.errno or CHANGED
    try:
        content = content_as_listed(source, *row[5:])
        start = next(content)
        new = os.open(to_name, _NEW, 0o600, dir_fd=part.to_parent)
        try:
            _write_all(new, start)
            for data in content:
                _write_all(new, data)
        except Unfit:
            os.close(new)
            os.unlink(to_name, dir_fd=part.to_parent)
            raise
        except OSError:
            os.close(new)
            raise
        _seal_file(SealFile(new, _attributes(row), durable))
    except Unfit as unfit:
        return int(unfit.args[0])
    finally:
        os.close(source)
    return 0


def _create_file(operation: CreateFile) -> int:
    return os.open(operation.name, _NEW, 0o600, dir_fd=operation.parent)


def _append(operation: Append) -> None:
    _write_all(operation.descriptor, *operation.pieces)


def _write_all(descriptor: int, *pieces: bytes) -> None:
    for run in aligned(pieces, os.lseek(descriptor, 0, os.SEEK_CUR), _PIECE):
        left = run
        while left:
            left = after(left, os.writev(descriptor, left))


def _seal_file(operation: SealFile) -> None:
    try:
        _set_open(operation.descriptor, operation.attributes)
        if operation.durable:
            os.fsync(operation.descriptor)
    finally:
        os.close(operation.descriptor)


def _set_open(descriptor: int, attributes: Attributes) -> None:
    """Owner before mode (a change of owner clears special bits), time last."""
    if attributes.uid != -1 or attributes.gid != -1:
        os.fchown(descriptor, attributes.uid, attributes.gid)
    os.fchmod(descriptor, attributes.mode)
    os.utime(descriptor, ns=(attributes.mtime_ns, attributes.mtime_ns))


def _make_link(operation: MakeLink) -> None:
    os.symlink(operation.target, operation.name, dir_fd=operation.parent)
    _set_times_and_owner(operation.parent, operation.name, operation.attributes)


def _set_times_and_owner(parent: int, name: bytes, attributes: Attributes) -> None:
    if attributes.uid != -1 or attributes.gid != -1:
        os.chown(name, attributes.uid, attributes.gid, dir_fd=parent, follow_symlinks=False)
    os.utime(name, ns=(attributes.mtime_ns, attributes.mtime_ns), dir_fd=parent, follow_symlinks=False)


def _set_attributes(operation: SetAttributes) -> None:
    """By an O_PATH descriptor where a mode is set: it needs no right to read and cannot be led astray by a link."""
    if operation.kind is Kind.LINK:
        _set_times_and_owner(operation.parent, operation.name, operation.attributes)
        return
    descriptor = os.open(operation.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=operation.parent)
    try:
        attributes = operation.attributes
        if attributes.uid != -1 or attributes.gid != -1:
            os.chown(operation.name, attributes.uid, attributes.gid, dir_fd=operation.parent, follow_symlinks=False)
        os.chmod(f"/proc/self/fd/{descriptor}", attributes.mode)
        os.utime(f"/proc/self/fd/{descriptor}", ns=(attributes.mtime_ns, attributes.mtime_ns))
    finally:
        os.close(descriptor)


def _set_owner(operation: SetOwner) -> None:
    if operation.name:
        os.chown(operation.name, operation.uid, operation.gid, dir_fd=operation.parent, follow_symlinks=False)
    else:
        os.fchown(operation.parent, operation.uid, operation.gid)


def _set_extra(operation: SetExtra) -> None:
    where, how = way_to(operation.parent, operation.name)
    if operation.value is None:
        os.removexattr(where, operation.key, **how)
    else:
        os.setxattr(where, operation.key, operation.value, **how)


def _set_folder_attributes(operation: SetFolderAttributes) -> None:
    _set_open(operation.descriptor, operation.attributes)


def _unlink(operation: Unlink) -> None:
    os.unlink(operation.name, dir_fd=operation.parent)


def _remove_folder(operation: RemoveFolder) -> None:
    os.rmdir(operation.name, dir_fd=operation.parent)


def _flush(operation: Flush) -> None:
    os.fsync(operation.descriptor)


def _flush_each(operation: FlushEach) -> None:
    """Begin to write out all, then wait for each: a journal that they share is committed once, not each time."""
    for descriptor in operation.descriptors:
        begin_to_write(descriptor)
    each(os.fsync, operation.descriptors, _WAITING)


def _flush_all(operation: FlushAll) -> None:
    flush_file_system(operation.descriptor)


def _record(operation: Record) -> None:
    operation.connection.commit()


def _move_new(operation: MoveNew) -> None:
    """Rename without replacing; where the file system can't, a second name and the removal of the first.

    RACE (without the kernel's help, directories only): a name made between look and rename, if it is an empty
    directory, is replaced.
    """
    try:
        renameat2(operation, NOREPLACE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        try:
            _link(operation)
        except PermissionError:
            _replace(operation)
            return
        os.unlink(operation.from_name, dir_fd=operation.from_parent)


def _move_each(operation: MoveEach) -> List[int]:
    names = zip(operation.from_names, operation.to_names)
    return [_move_one(MoveNew(operation.from_parent, name, operation.to_parent, new)) for name, new in names]


def _move_one(operation: MoveNew) -> int:
    try:
        _move_new(operation)
    except OSError as error:
        return error.errno or CHANGED
    return 0


def _link(operation: "Link | MoveNew") -> None:
    os.link(
        operation.from_name,
        operation.to_name,
        src_dir_fd=operation.from_parent,
        dst_dir_fd=operation.to_parent,
        follow_symlinks=False,
    )


def _replace(operation: "Replace | MoveNew") -> None:
    os.rename(operation.from_name, operation.to_name, src_dir_fd=operation.from_parent, dst_dir_fd=operation.to_parent)


def _exchange(operation: Exchange) -> None:
    renameat2(operation, EXCHANGE)


_DOERS: Dict[Type[Any], Callable[[Any], Any]] = {
    MakeFolder: _make_folder,
    WriteFile: _write_file,
    WriteFiles: _write_files,
    CopyFiles: _copy_files,
    CreateFile: _create_file,
    Append: _append,
    SealFile: _seal_file,
    MakeLink: _make_link,
    MoveNew: _move_new,
    MoveEach: _move_each,
    Exchange: _exchange,
    Link: _link,
    Replace: _replace,
    SetAttributes: _set_attributes,
    SetOwner: _set_owner,
    SetExtra: _set_extra,
    SetFolderAttributes: _set_folder_attributes,
    Unlink: _unlink,
    RemoveFolder: _remove_folder,
    Flush: _flush,
    FlushEach: _flush_each,
    FlushAll: _flush_all,
    Record: _record,
}
