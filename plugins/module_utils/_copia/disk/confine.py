# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that serves one hub for one client shuts itself in, where the kernel can do that.

Rules
1. ``no_new_privs``: nothing that it would start gains rights.
2. Landlock: of the file system it may write only below the hub's root, and read only there and where its own code is.
   It may not start programs from elsewhere. A kernel without Landlock changes nothing; the answer says what holds.
3. Limits: it dumps no core, which would hold what clients send, and memory, open files and processes have a bound: far
   above what a session needs, far below what a host has. They are only ever lowered.

What descriptor-relative access promises is not weakened by any of this: it is a second wall behind it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import struct
import sys
from typing import Any, Iterable, List

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The same numbers on every architecture."""
_MACHINES = ("x86_64", "aarch64", "ppc64le", "s390x", "riscv64")
_VERSION_FLAG, _RULE_PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_RENAMES = 2
"""The first version under which a file can be moved from one directory to another; the first one denies it to all."""
_ALL_OF_VERSION_1 = (1 << 13) - 1
_READ = _READ_FILE | _READ_DIR
_LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_AS, 4 << 30),
    (resource.RLIMIT_NOFILE, 1024),
    (resource.RLIMIT_NPROC, 1024),
)
"""Bytes of address space: a session takes some 100 MB, signatures of the largest files ten times that. Files: what a
process has without asking. Processes and threads: of the whole account, which may serve a hundred clients at once.
"""


def confine(root: bytes) -> List[str]:
    """Shut this process, and whatever it starts, into ``root`` for good; the names of the walls that stand.

    :raises OSError: when the kernel has a wall and refuses to put it up.
    """
    walls = []
    for what, most in _LIMITS:
        bound = _lower(most, resource.getrlimit(what)[1])
        resource.setrlimit(what, (bound, bound))
    if not _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        walls.append("no_new_privs")
    if landlock_version() >= _RENAMES:
        _landlock(root)
        walls.append("landlock")
    return walls


def _lower(most: int, hard: int) -> int:
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def landlock_version() -> int:
    """Which Landlock the kernel has; 0 for none."""
    if os.uname().machine not in _MACHINES:
        return 0
    return max(0, int(_call(_CREATE_RULESET, None, 0, _VERSION_FLAG)))


def _landlock(root: bytes) -> None:
    version = landlock_version()
    handled = _ALL_OF_VERSION_1 | (_REFER if version >= _RENAMES else 0) | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("=Q", handled)
    ruleset = _checked(_call(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        _allow(ruleset, os.path.realpath(root), handled & ~_EXECUTE)
        for path in _needed():
            if os.path.isdir(path):
                _allow(ruleset, path, _READ | _EXECUTE)
        _checked(_call(_RESTRICT_SELF, ruleset, 0, 0))
    finally:
        os.close(ruleset)


def _needed() -> Iterable[bytes]:
    """What Python may still have to load: its own code, what is installed for it, and the system's libraries."""
    engine = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    own = [path for path in (sys.prefix, sys.base_prefix, engine, *sys.path) if os.path.isabs(path)]
    system = ("/usr", "/lib", "/lib64", "/etc", "/proc/self")
    return sorted({os.path.realpath(os.fsencode(path)) for path in (*own, *system)})


def _allow(ruleset: int, path: bytes, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _checked(_call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0))
    finally:
        os.close(descriptor)


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def _call(number: int, *arguments: Any) -> int:
    """A bare system call; numbers go as whole words."""
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    answer: int = _libc().syscall(ctypes.c_long(number), *words)
    return answer


@functools.cache
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc
