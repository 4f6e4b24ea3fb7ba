# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``renameat2``, for which Python has no function: a rename that replaces nothing, or exchanges two names."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from .operations import Exchange, MoveNew

NOREPLACE, EXCHANGE = 1, 2
_SYSCALL_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "ppc64le": 357, "s390x": 347, "riscv64": 276}


def renameat2(operation: "MoveNew | Exchange", flags: int) -> None:
    """Have the kernel do it.

    :raises OSError: when it refuses, or does not know how.
    """
    if _rename_call()(operation.from_parent, operation.from_name, operation.to_parent, operation.to_name, flags):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), operation.to_name)


@functools.cache
def libc() -> Any:
    """The C library of this process; what its functions leave in ``errno`` is kept."""
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _rename_call() -> Callable[..., int]:
    """``renameat2`` of the C library, or the bare system call where the library has none."""
    arguments = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call: Any = getattr(libc(), "renameat2", None)
    if call is not None:
        call.argtypes = arguments
        return call  # type: ignore[no-any-return]
    number = _SYSCALL_RENAMEAT2.get(os.uname().machine)
    if number is None:
        return _no_renameat2
    bare = libc().syscall
    bare.argtypes = [ctypes.c_long, *arguments]
    return functools.partial(bare, number)


def _no_renameat2(*_arguments: Any) -> int:
    ctypes.set_errno(errno.ENOSYS)
    return -1
