# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a tree of this host that is begun before anybody asks for it.

Rules
1. It reads through a descriptor of its own: whoever began it may end without waiting for it, and it does not hold the
   lock of the root.
2. It is a bounded number of entries ahead of who goes through it, so that memory does not grow with the tree.
3. A digest is that of the file as the look listed it, and is given for that size and time only, once.
"""

from __future__ import annotations

import os
import queue
from typing import Dict, Generator, List, Optional, Tuple

from ..core.entries import Entry, Kind
from ..core.manifest import ROW, Block
from ..core.paths import TreePath
from ..disk.ahead import Ahead, Flowing
from ..disk.digests import digests_of, outwait_grain
from ..disk.folders import DIRECTORY
from ..disk.scan import Scan
from .sides import Scanned

_AHEAD = 1 << 17
"""Entries that are listed ahead."""
_READ_MOST = 1 << 16
"""Entries of whose files are read ahead."""
_AT_ONCE = 1024
"""Files that are read before it is asked whether anybody still wants them."""


class Look:
    """A scan under way, and with ``digests`` behind it the reading of the first files."""

    def __init__(self, root: int, scan: Scan, *, digests: bool) -> None:
        self._is_over = False
        self._known: Dict[TreePath, Tuple[int, int, bytes]] = {}
        self._to_read: "queue.SimpleQueue[Optional[Block]]" = queue.SimpleQueue()
        top = scan.top(root)
        self._listing = Flowing(self._listed(_own(root), scan, digests), _weight, _AHEAD)
        own = _own(root) if digests else -1
        self._reading = Ahead(lambda: self._read(own)) if digests else None
        self._scanned: Optional[Scanned] = Scanned(self._listing, scan.seen, top)

    def _listed(self, root: int, scan: Scan, digests: bool) -> Generator[Block, None, None]:
        left = _READ_MOST if digests else 0
        try:
            for block in scan.blocks(root):
                if left > 0:
                    self._to_read.put(block)
                    left -= _weight(block)
                elif digests:
                    self._to_read.put(None)
                yield block
        finally:
            self._to_read.put(None)
            os.close(root)

    def _read(self, root: int) -> None:
        part: List[Entry] = []
        try:
            for block in iter(self._to_read.get, None):
                part.extend(what for _p, what in block.entries() if isinstance(what, Entry) and what.kind is Kind.FILE)
                if len(part) >= _AT_ONCE:
                    self._take(root, part[:_READ_MOST])
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

    def take(self) -> Optional[Scanned]:
        """The listing, for the first who asks; what the scan raises is raised by whoever goes through it."""
        found, self._scanned = self._scanned, None
        return found

    def digests_of(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """Those digests of ``entries`` that are known."""
        if self._reading is not None:
            self._reading.wait()
        found: Dict[TreePath, bytes] = {}
        for entry in entries if self._known else ():
            size, mtime_ns, digest = self._known.pop(entry.path, (-1, 0, b""))
            if (size, mtime_ns) == (entry.size, entry.mtime_ns):
                found[entry.path] = digest
        return found

    def stop(self) -> None:
        """Nobody wants it any more."""
        self._is_over = True
        self._listing.stop()


def _own(root: int) -> int:
    return os.open(b".", DIRECTORY, dir_fd=root)


def _weight(block: Block) -> int:
    return len(block.packed.rows) // ROW.size
