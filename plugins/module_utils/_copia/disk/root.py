# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roots: where a tree starts. Finding and locking one, and turning names of accounts into ids."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import stat
import time
from typing import Callable, Optional, Tuple

from ..core.errors import Busy, InputError
from ..core.paths import RESERVED, show
from .folders import open_root

_LOCK_POLL = 0.05
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


def kind_of_root(path: bytes) -> Optional[str]:
    """``"tree"``, ``"file"`` or ``"other"``; ``None`` when nothing is there. The name itself may be a link.

    :raises InputError: when that can't be said.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise InputError(f"{show(path)} cannot be read: {os.strerror(error.errno or 0)}") from error
    return "tree" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def open_source(path: bytes) -> int:
    """A descriptor of a source directory.

    :raises InputError: when it can't be opened.
    """
    try:
        return open_root(path)
    except OSError as error:
        raise InputError(f"{show(path)} cannot be opened: {os.strerror(error.errno or 0)}") from error


def split_file(path: bytes) -> Tuple[int, bytes]:
    """``(descriptor of its directory, name)`` of a source file; a link that the user named is followed.

    :raises InputError: when its directory can't be opened.
    """
    directory, name = os.path.split(os.path.realpath(path))
    return open_source(directory), name


def lock_root(descriptor: int, path: bytes, *, patience: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Hold ``path`` for this run until ``descriptor`` is closed; the kernel lets go when the process dies.

    ``patience`` is in seconds. The lock is on the directory itself: it needs no file, holds between users, and
    follows the directory, not its name. File systems without such locks (some network ones) go unlocked: runs at
    once there can fail each other's paths, but every path is still compared before it is touched.

    :raises Busy: when another run holds it for longer than that.
    """
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return
            if error.errno != errno.EWOULDBLOCK:
                raise
        if waited >= patience:
            raise Busy(f"{show(path)} is busy: another run has held it for {patience:.0f} s; run again when it is done")
        pause(_LOCK_POLL)
        waited += _LOCK_POLL


def user_id(name: Optional[str]) -> Optional[int]:
    """The id of an account of this host, given by name or number.

    :raises InputError: when there is none of that name.
    """
    if name is None or name.isdigit():
        return None if name is None else int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise InputError(f"owner is {name!r}: expected an account of this host, or a number") from None


def group_id(name: Optional[str]) -> Optional[int]:
    """The id of a group of this host, given by name or number.

    :raises InputError: when there is none of that name.
    """
    if name is None or name.isdigit():
        return None if name is None else int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise InputError(f"group is {name!r}: expected a group of this host, or a number") from None


def has_leftovers(root: int) -> bool:
    """Whether a killed run left something at ``root``."""
    try:
        os.stat(RESERVED, dir_fd=root, follow_symlinks=False)
    except OSError:
        return False
    return True
