# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of what the archive does not vouch for.

Rules
1. A file is read when its time stamp's grain has passed: a change after that has a later time. So a digest never stands
   beside a size and a time that other content could have too (the racy-clean rule), and the archive can vouch for it.
2. What cannot be read, or changes while it is read, has no digest.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterable, List

from ..core.entries import Entry, Kind
from ..core.paths import TreePath
from .folders import Folders
from .read import hash_files, locate_in_tree
from .sums import digest_of_pieces

GRAIN_NS = 20_000_000
"""A time stamp's grain on a file system with nanoseconds: the kernel's tick, at most 10 ms, doubled."""
COARSE_GRAIN_NS = 2_000_000_000
"""The same where stamps are whole seconds (or two)."""


def digests_of(root: int, entries: List[Entry]) -> Dict[TreePath, bytes]:
    """The BLAKE3 of the content of files, and of the texts of links, below descriptor ``root``."""
    folders = Folders(root)
    try:
        files = (entry for entry in entries if entry.kind is Kind.FILE)
        found = hash_files(locate_in_tree(folders), files)
    finally:
        folders.forget()
    found.update((entry.path, digest_of_pieces([entry.target])) for entry in entries if entry.kind is Kind.LINK)
    return found


def outwait_grain(
    entries: Iterable[Entry], *, now: Callable[[], int] = time.time_ns, pause: Callable[[float], None] = time.sleep
) -> None:
    """Wait until a change of any of ``entries`` would have a later time than it has now."""
    clock = now()
    ends = (
        entry.mtime_ns + (GRAIN_NS if entry.mtime_ns % 1_000_000_000 else COARSE_GRAIN_NS)
        for entry in entries
        if entry.mtime_ns <= clock
    )
    left = max(ends, default=0) - clock
    if left > 0:
        pause(left / 1e9)
