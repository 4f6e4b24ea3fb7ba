# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Having what was staged, and then its names, on disk (``docs/decisions/flush.md``)."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import AbstractSet, Any, Callable, Generator, Iterable, Iterator, List, Optional, TypeVar

from ..core.paths import TreePath, split
from ..core.steps import Put, PutFile
from . import operations as op
from .ahead import Ahead
from .folders import DIRECTORY, FILE, Folders
from .libc import flush_file_system
from .stage import Stage

FSYNC_FEW = 256
"""Up to this many files are flushed by themselves; beyond, the whole file system once."""
_AT_ONCE = 128
"""Open for a flush at once, at most."""
_MANY = 2048
"""Files after which the kernel is asked to write out what is there so far."""
T = TypeVar("T")


def written_out(root: int, items: Iterator[T]) -> Iterator[T]:
    """``items``, during which the file system of ``root`` is written out now and then, so that the flush at their end
    waits for little. It is a hint: a descriptor of its own does it, so an error is still told to that flush.
    """
    under_way: Optional[Ahead[None]] = None
    for number, item in enumerate(items, 1):
        yield item
        if number % _MANY == 0 and (under_way is None or under_way.is_done()):
            under_way = Ahead(partial(_write_out, os.open(b".", DIRECTORY, dir_fd=root)))


def _write_out(own: int) -> None:
    try:
        flush_file_system(own)
    finally:
        os.close(own)


def flush_contents(root: int, stage: Stage, puts: Iterable[Put]) -> op.Acts:
    """Have what was staged on disk: file by file when it is little, else everything on the file system of ``root``."""
    files = [step.path for step in puts if isinstance(step, PutFile) and stage.has(step.path)]
    unreadable = len(files) > FSYNC_FEW or (yield from _flush_each(files, lambda path: _opened(stage, path)))
    if unreadable:
        yield op.FlushAll(root)


def flush_files(folders: Folders, paths: List[TreePath]) -> op.Acts:
    """Have files of a tree on disk, with their attributes: each when they are few and can be read, else everything."""

    def opened(path: TreePath) -> int:
        directory, name = split(path)
        return os.open(name, FILE, dir_fd=folders.at(directory))

    if len(paths) > FSYNC_FEW or (yield from _flush_each(paths, opened)):
        yield op.FlushAll(folders.root)


def flush_names(folders: Folders, directories: AbstractSet[TreePath]) -> op.Acts:
    """Have new names on disk: directory by directory when few changed, else everything once more."""
    if len(directories) > FSYNC_FEW:
        yield op.FlushAll(folders.root)
        return
    yield from _flush_each(sorted(directories), lambda path: os.dup(folders.at(path)))


def _flush_each(paths: List[TreePath], opened: Callable[[TreePath], int]) -> Generator[op.Operation, Any, int]:
    """Flush what ``opened`` gives a descriptor of, many at once; the answer is how many could not be opened."""
    missed = 0
    for start in range(0, len(paths), _AT_ONCE):
        descriptors: List[int] = []
        try:
            for path in paths[start : start + _AT_ONCE]:
                try:
                    descriptors.append(opened(path))
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                        raise
                    missed += 1
            if descriptors:
                yield op.FlushEach(tuple(descriptors))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
    return missed


def _opened(stage: Stage, path: TreePath) -> int:
    parent, name = stage.place(path)
    return os.open(name, FILE, dir_fd=parent)
