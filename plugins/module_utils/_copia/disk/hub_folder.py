# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub's own folder, ``.copia/hub`` at the top of its root: the index, one staging folder per session, and the lock.

Rules
1. No path that a client can say leads into it, and no listing shows it.
2. The lock is a kernel lock on the folder itself. It is held to compare, exchange and flush, never while a client is
   waited for; who does not get it in time is told that the hub is busy.
3. A session holds a kernel lock on its staging folder. One that nobody holds was left by a session that was killed,
   and is swept; what is not ours in it is kept (``disk/licence.py``).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import Callable, Generator, Iterator, Optional

from ..core.errors import Busy, InputError
from ..core.paths import RESERVED, show
from . import operations as op
from .folders import DIRECTORY, open_root
from .hub_index import Index
from .hub_rows import Damaged, make_index
from .stage import HUB, KEPT, Stage, sweep_run

VERSIONS = b"versions"
"""What clients displaced (``disk/hub_versions.py``)."""
_INDEX = b"index.sqlite"
_BESIDE = (b"", b"-wal", b"-shm", b"-journal")
_POLL, _POLL_MOST = 0.0005, 0.01


class HubFolder:
    """The open folder of one session: descriptors of the ``root`` and of the folder, the ``index``, the ``stage``.

    It is doubtful when the index is a new one, or a session was killed.
    """

    def __init__(self, path: bytes, perform: op.Perform, patience: float) -> None:
        """Open the hub at ``path``; make what it lacks. ``patience`` is in seconds.

        :raises InputError: when the root can't be opened, or not be written.
        :raises Busy: when others hold the lock for longer than that.
        """
        self.name, self.perform, self._patience = path, perform, patience
        self.stage: Optional[Stage] = None
        try:
            self.root = open_root(path)
        except OSError as error:
            raise InputError(f"{show(path)} cannot be opened: {os.strerror(error.errno or 0)}") from error
        self.descriptor = -1
        self._index: Optional[Index] = None
        self.is_doubtful = False
        try:
            self.descriptor = self.run(_own_folder(self.root))
            with self.locked():
                self._open_index()
                self.is_doubtful |= bool(self.run(_sweep_dead(self.descriptor)))
        except OSError as error:
            self.close()
            raise InputError(f"{show(path)} cannot be a hub: {os.strerror(error.errno or 0)}") from error
        except BaseException:
            self.close()
            raise

    @property
    def index(self) -> Index:
        """The index."""
        if self._index is None:
            raise InputError("the hub is closed")
        return self._index

    def _open_index(self) -> None:
        path = os.path.join(os.path.realpath(f"/proc/self/fd/{self.descriptor}".encode("ascii")), _INDEX)
        try:
            self._index = Index(path)
        except Damaged:
            self.run(_without_index(self.descriptor))
            make_index(path, os.urandom(16))
            self._index = Index(path)
            self.is_doubtful = True

    def run(self, acts: op.Acts) -> int:
        """Carry out ``acts``."""
        answer: int = op.run(acts, self.perform)
        return answer

    @contextlib.contextmanager
    def locked(self, pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
        """Hold the hub's lock.

        :raises Busy: when others hold it for longer than the patience.
        """
        holder = os.open(b".", DIRECTORY, dir_fd=self.descriptor)
        try:
            waited, step = 0.0, _POLL
            while not _held(holder):
                if waited >= self._patience:
                    raise Busy(f"the hub {show(self.name)} is busy for {self._patience:.0f} s; try again")
                pause(step)
                waited, step = waited + step, min(2 * step, _POLL_MOST)
            yield
        finally:
            os.close(holder)

    def open_stage(self) -> Stage:
        """The staging folder of this session; made when it is first asked for.

        :raises OSError: when it can't be made.
        """
        if self.stage is None:
            self.stage = op.run(_own_stage(self.root, self.descriptor), self.perform)
        return self.stage

    def close(self) -> None:
        """Leave the staging folder and close everything. May be called twice."""
        if self.stage is not None:
            stage, self.stage = self.stage, None
            with contextlib.suppress(OSError):
                self.run(stage.leave())
        if self._index is not None:
            self._index.close()
            self._index = None
        for descriptor in (self.descriptor, self.root):
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptor = self.root = -1


def _held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            return False
        raise
    return True


def _own_folder(root: int) -> op.Acts:
    """Make and open ``.copia/hub``."""
    parent = root
    for name in (RESERVED, HUB):
        try:
            yield op.MakeFolder(parent, name)
        except FileExistsError:
            pass
        below = os.open(name, DIRECTORY, dir_fd=parent)
        if parent != root:
            os.close(parent)
        parent = below
    return parent


def _own_stage(root: int, folder: int) -> "Generator[op.Operation, object, Stage]":
    name = os.urandom(8).hex().encode("ascii")
    yield op.MakeFolder(folder, name)
    descriptor = os.open(name, DIRECTORY, dir_fd=folder)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Stage(root, os.dup(folder), descriptor, name)


def _sweep_dead(folder: int) -> op.Acts:
    """Remove what killed sessions staged; how many there were. Under the lock: no session is just making its own."""
    swept = 0
    for name in map(os.fsencode, os.listdir(folder)):
        if name.startswith((_INDEX, KEPT)) or name == VERSIONS:
            continue
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=folder)
        except FileNotFoundError:
            continue
        try:
            if _held(descriptor):
                yield from sweep_run(folder, name)
                swept += 1
        finally:
            os.close(descriptor)
    return swept


def _without_index(folder: int) -> op.Acts:
    for tail in _BESIDE:
        try:
            yield op.Unlink(folder, _INDEX + tail)
        except FileNotFoundError:
            pass
