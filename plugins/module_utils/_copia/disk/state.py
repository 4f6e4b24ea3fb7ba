# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a root is, and where what is known of it is kept.

A root's identity is read from the file system: its id, the directory's inode and birth time. It needs no marker in the
user's tree, follows a tree that is moved, and is another one when a root was made anew or another disk stands there.
"""

from __future__ import annotations

import ctypes
import functools
import os
import struct
import sys
from typing import Any, List, Mapping, Optional

IDENTITY = struct.Struct("<QQqI")
"""File system id, inode, birth time in seconds and nanoseconds."""
_AT_EMPTY_PATH, _STATX_BTIME, _STATX_SIZE, _MASK_AT, _BTIME_AT = 0x1000, 0x800, 256, 0, 80
_SYSCALL_STATX = {"x86_64": 332, "aarch64": 291, "ppc64le": 383, "s390x": 379, "riscv64": 291}


def identity_of(root: int) -> Optional[bytes]:
    """The identity of the directory at descriptor ``root``; ``None`` where the file system does not say."""
    number = _SYSCALL_STATX.get(os.uname().machine)
    if number is None:
        return None
    found = ctypes.create_string_buffer(_STATX_SIZE)
    if _libc().syscall(number, root, b"", _AT_EMPTY_PATH, _STATX_BTIME, found):
        return None
    mask = struct.unpack_from("<I" if sys.byteorder == "little" else ">I", found.raw, _MASK_AT)[0]
    if not mask & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", found.raw, _BTIME_AT)
    return IDENTITY.pack(os.statvfs(root).f_fsid & (1 << 64) - 1, os.fstat(root).st_ino, seconds, nanoseconds)


@functools.cache
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    head: Any = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p]
    libc.syscall.argtypes = [*head, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p]
    return libc


def state_folder(environment: Mapping[str, str]) -> bytes:
    """Where archives are kept: ``COPIA_STATE``, else ``/var/lib/copia`` for root, else the user's state folder."""
    chosen = environment.get("COPIA_STATE")
    if not chosen and os.geteuid() == 0:
        chosen = "/var/lib/copia"
    if not chosen:
        home = environment.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
        chosen = os.path.join(home, "copia")
    return os.fsencode(os.path.abspath(chosen))


def shelf_places(state: bytes) -> List[bytes]:
    """Folders for what is put aside during a run, the best one first: the state folder need not be there."""
    return [state, b"/var/tmp", b"/tmp"]
