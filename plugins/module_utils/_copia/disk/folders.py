# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways into a tree: every access below a root starts from its descriptor and follows no link.

A directory is reached by opening its parts one by one, each below the descriptor of the one before, with
``O_NOFOLLOW``. Somebody who swaps a directory for a link on the way gets an error, never an access outside the root.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Optional

from ..core.paths import ROOT, TreePath, split

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_KEPT_OPEN = 64


def open_root(path: bytes) -> int:
    """A descriptor of the root. Its own name may pass through links: naming the root is the user's choice.

    :raises OSError: as ``open`` does.
    """
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


class Folders:
    """Descriptors of the directories below one root; the last ones used stay open. The root's belongs to the caller."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._open: "OrderedDict[bytes, int]" = OrderedDict()

    def at(self, directory: TreePath) -> int:
        """The descriptor of ``directory``, valid until the next call.

        :raises OSError: when it is absent, not a directory, or not to be entered.
        """
        if directory == ROOT:
            return self.root
        found = self._open.get(directory)
        if found is not None:
            self._open.move_to_end(directory)
            return found
        parent, name = split(directory)
        descriptor = os.open(name, DIRECTORY, dir_fd=self.at(parent))
        self._open[directory] = descriptor
        if len(self._open) > _KEPT_OPEN:
            os.close(self._open.popitem(last=False)[1])
        return descriptor

    def forget(self, directory: Optional[TreePath] = None) -> None:
        """Close what is kept open at and below ``directory``: it was replaced. Without one, everything."""
        for path in list(self._open):
            if directory is None or path == directory or path.startswith(directory + b"/"):
                os.close(self._open.pop(path))
