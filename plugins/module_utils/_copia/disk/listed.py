# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a file that is what was listed, before it was read and after: the twin of native/src/listed.c."""

from __future__ import annotations

import os
import stat
from typing import Iterator

from .operations import CHANGED

_WINDOW = 1 << 20


class Unfit(Exception):
    """The file that is read is not what was listed, or can't be read: ``args[0]`` is the answer for it."""


def content_as_listed(source: int, size: int, mtime_ns: int) -> Iterator[bytes]:
    """The content of the open file, in at least one piece.

    :raises Unfit: when it is not as listed, before or after it was read, or can't be read.
    """
    try:
        _compare(source, size, mtime_ns)
        left = size
        data = os.read(source, min(left, _WINDOW))
        while len(data) < left:
            if not data:
                raise Unfit(CHANGED)
            yield data
            left -= len(data)
            data = os.read(source, min(left, _WINDOW))
        _compare(source, size, mtime_ns)
        yield data
    except OSError as error:
        raise Unfit(error.errno or CHANGED) from error


def _compare(source: int, size: int, mtime_ns: int) -> None:
    found = os.fstat(source)
    if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != (size, mtime_ns):
        raise Unfit(CHANGED)
