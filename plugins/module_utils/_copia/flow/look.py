# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a tree of this host that is begun before anybody asks for it.

Rules
1. It reads through a descriptor of its own: whoever began it may end without waiting for it, and it does not hold the
   lock of the root.
2. A digest is that of the file as the look listed it, and is given for that size and time only, once.
"""

from __future__ import annotations

import os
from typing import Callable, Dict, List, Tuple

from ..core.entries import Entry, Kind
from ..core.paths import TreePath
from ..disk.ahead import Ahead
from ..disk.digests import digests_of, outwait_grain
from ..disk.folders import DIRECTORY
from .sides import Scanned

_AT_ONCE = 1024
"""Files that are read before it is asked whether anybody still wants them."""


class Look:
    """A scan under way, and behind it, with ``digests``, the reading of every file. ``scan`` makes the listing from a
    descriptor.
    """

    def __init__(self, root: int, scan: Callable[[int], Scanned], *, digests: bool) -> None:
        own = os.open(b".", DIRECTORY, dir_fd=root)
        self._is_over = False
        self._known: Dict[TreePath, Tuple[int, int, bytes]] = {}
        self._scan = Ahead(lambda: scan(own))
        self._reading = Ahead(lambda: self._read(own, digests))

    def _read(self, root: int, digests: bool) -> None:
        try:
            found = self._scan.result()
            part: List[Entry] = []
            for block in found.manifest.blocks if digests else ():
                part.extend(what for _p, what in block.entries() if isinstance(what, Entry) and what.kind is Kind.FILE)
                if len(part) >= _AT_ONCE:
                    self._take(root, part)
                    part = []
                if self._is_over:
                    return
            self._take(root, part)
        finally:
            os.close(root)

    def _take(self, root: int, files: List[Entry]) -> None:
        outwait_grain(files)
        found = digests_of(root, files)
        self._known.update(
            (entry.path, (entry.size, entry.mtime_ns, found[entry.path])) for entry in files if entry.path in found
        )

    def scanned(self) -> Scanned:
        """The listing; what the scan raised is raised here."""
        return self._scan.result()

    def digests_of(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """Those digests of ``entries`` that are known."""
        self._reading.wait()
        found: Dict[TreePath, bytes] = {}
        for entry in entries:
            size, mtime_ns, digest = self._known.pop(entry.path, (-1, 0, b""))
            if (size, mtime_ns) == (entry.size, entry.mtime_ns):
                found[entry.path] = digest
        return found

    def stop(self) -> None:
        """Nobody wants it any more."""
        self._is_over = True
