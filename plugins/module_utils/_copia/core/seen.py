# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a tree beside its blocks."""

from __future__ import annotations

from typing import Iterable, List, Tuple

from ..values import dataclass, field
from .entries import ABSENT, Presence, Problem
from .manifest import Block, Manifest
from .paths import TreePath


@dataclass
class Seen:
    """What is known of a tree beside its blocks, as far as they came: what could not be looked at, the directories that
    hold excluded entries, those that could not be listed, and hard links (see ``Manifest``).
    """

    problems: List[Problem] = field(default_factory=list)
    sheltering: List[TreePath] = field(default_factory=list)
    unlisted: List[TreePath] = field(default_factory=list)
    links: List[Tuple[TreePath, TreePath]] = field(default_factory=list)

    def manifest(self, blocks: Iterable[Block], root: Presence = ABSENT) -> Manifest:
        """``blocks`` as a tree."""
        found = tuple(blocks)
        return Manifest(root, found, frozenset(self.sheltering), frozenset(self.unlisted), tuple(self.links))
