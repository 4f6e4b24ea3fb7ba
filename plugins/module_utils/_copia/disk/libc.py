# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the C library for which Python has no function. ``ctypes`` costs a tenth of a start, so it comes with the
first of them.
"""

from __future__ import annotations

import errno
import functools
import os
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from .operations import Exchange, MoveNew

NOREPLACE, EXCHANGE = 1, 2
_SYSCALL_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "ppc64le": 357, "s390x": 347, "riscv64": 276}
_BEGIN_TO_WRITE = 2
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_KEPT = 32 << 20


def renameat2(operation: "MoveNew | Exchange", flags: int) -> None:
    """A rename that replaces nothing, or exchanges two names.

    :raises OSError: when the kernel refuses, or does not know how.
    """
    if _rename_call()(operation.from_parent, operation.from_name, operation.to_parent, operation.to_name, flags):
        raise _refusal(operation.to_name)


def begin_to_write(descriptor: int) -> None:
    """Have a file written out; a hint, nobody waits for it."""
    _write_call()(descriptor, 0, 0, _BEGIN_TO_WRITE)


def flush_file_system(descriptor: int) -> None:
    """Have all on the file system of a file on disk.

    :raises OSError: when that fails.
    """
    if _library().syncfs(descriptor):
        raise _refusal()


def keep_memory() -> None:
    """Have the GNU library keep what is let go of for who asks next, 32 MiB at most, whichever thread it was. It goes
    back to the kernel otherwise, and windows that one thread fills and another lets go of come anew page by page. Other
    libraries do as they do.
    """
    choose: Any = getattr(_library(), "mallopt", lambda *_arguments: 0)
    choose(_ARENA_MAX, 1)
    choose(_MMAP_THRESHOLD, _KEPT)
    choose(_TRIM_THRESHOLD, _KEPT)


def _refusal(*names: bytes) -> OSError:
    """What the last call left in ``errno``."""
    import ctypes

    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), *names)


@functools.cache
def _library() -> Any:
    """The C library of this process; what its functions leave in ``errno`` is kept."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _rename_call() -> Callable[..., int]:
    """``renameat2`` of the C library, or the bare system call where the library has none."""
    import ctypes

    arguments = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call: Any = getattr(_library(), "renameat2", None)
    if call is not None:
        call.argtypes = arguments
        return call  # type: ignore[no-any-return]
    number = _SYSCALL_RENAMEAT2.get(os.uname().machine)
    if number is None:
        return _no_renameat2
    bare = _library().syscall
    bare.argtypes = [ctypes.c_long, *arguments]
    return functools.partial(bare, number)


def _no_renameat2(*_arguments: Any) -> int:
    import ctypes

    ctypes.set_errno(errno.ENOSYS)
    return -1


@functools.cache
def _write_call() -> Callable[..., int]:
    """``sync_file_range``; nothing where the C library has none."""
    import ctypes

    call: Any = getattr(_library(), "sync_file_range", lambda *_arguments: 0)
    call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return call  # type: ignore[no-any-return]
