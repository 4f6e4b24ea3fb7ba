# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One side of a two-way sync, wherever it is: what the story asks of a tree.

Rules
1. Everything that crosses is a value that a wire can carry: manifests, entries, wants, items, plans, reports, texts.
2. A side changes only its own tree. Content for it comes as items, and what it has is handed out as items.
3. Nothing is kept from one call to the next but the open root and its lock, so a side may be asked again.
4. What only some sides can do is a class that they are made of: to ask for a method by name costs Python more.
5. Whoever reads a file on a side waits there until the file's time stamp's grain has passed (``disk/digests.py``).

Order of a run: ``kind``, perhaps ``make``, ``open``, ``lock``, ``identity``, ``sweep``, ``scan``, perhaps
``folding``, ``digests_of``, then for each side ``copy_aside``, then for each ``read`` of the other into ``apply``, and
``close`` whatever happens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Tuple

from ..core.entries import ABSENT, Entry, Presence
from ..core.folding import Folding
from ..core.manifest import Block, Manifest
from ..core.parcel import Item, Wants
from ..core.paths import TreePath
from ..core.report import Report
from ..core.seen import Seen
from ..core.selection import Rules
from ..core.signature import Signature
from ..core.steps import MirrorPlan

Places = Mapping[TreePath, TreePath]
"""Where on the side that is read the content for a path is, for those paths that are not called the same there."""


class Scanned(NamedTuple):
    """What a side has, to be gone through once; ``seen`` is what is known beside it, as far as the blocks came."""

    blocks: Iterable[Block]
    seen: Seen
    root: Presence = ABSENT

    def manifest(self) -> Manifest:
        """All of it."""
        return self.seen.manifest(self.blocks, self.root)


class Side(Protocol):
    """A root and all below it. Every method may raise a ``CopiaError`` that ends the run."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def place(self) -> bytes:
        """Where it is, in one way of writing: equal for every name of the same path; a path of this host begins with
        a slash.
        """

    @property
    def is_far(self) -> bool:
        """Whether bytes to and from it cost enough for signatures to be worth their while."""

    @property
    def lock_key(self) -> bytes:
        """What orders locks: whoever takes two takes the smaller one first. Known once it is open."""

    def kind(self) -> Optional[str]:
        """``"tree"``, ``"file"``, ``"other"``, or ``None`` when nothing is there."""

    def make(self) -> None:
        """Make the root, with its missing parents."""

    def open(self) -> None:
        """Open the root."""

    def lock(self) -> None:
        """Hold the root until the side is closed.

        :raises Busy: when another run holds it for longer than this side's patience.
        """

    def identity(self) -> Optional[bytes]:
        """Who the root is (``disk/state.py``), 28 bytes; ``None`` where the file system does not say."""

    def sweep(self) -> bool:
        """Remove what a killed run left; whether edits are left that only their user can take out."""

    def scan(self, rules: Rules) -> Scanned:
        """The tree, without what the rules leave out. It may be looked at as it is gone through."""

    def digests_of(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """The BLAKE3 of files and of the texts of links; what is not as listed, or can't be read, is missing."""

    def signatures_of(self, entries: List[Entry]) -> Dict[TreePath, Signature]:
        """Signatures of those files that are worth one and can be read."""

    def read(self, wants: Wants, at: Places) -> Iterator[Item]:
        """The parcel that answers ``wants``, in their order."""

    def copy_aside(self, plan: MirrorPlan, at: Places) -> Report:
        """Carry out a plan whose content is on this very side, at the places that ``at`` says."""

    def apply(self, plan: MirrorPlan, items: Iterator[Item]) -> Report:
        """Carry out a plan with the contents in ``items``; what was done."""

    def close(self) -> None:
        """Let go of the lock and close the root. May be called twice."""


class Considers(ABC):
    """A side that is asked before anything is sent to it, because others change it too."""

    @abstractmethod
    def consider(self, plan: MirrorPlan) -> Tuple[MirrorPlan, Dict[TreePath, Signature]]:
        """What of a plan is to be sent, and signatures of what contents may come as differences to."""


class TurnsPages(ABC):
    """A side that keeps a record, portion by portion."""

    @abstractmethod
    def turn_page(self) -> None:
        """A portion is done; the next one is about later paths."""


class LetsGo(ABC):
    """A side that may end its session before the run is over."""

    @abstractmethod
    def let_go(self) -> None:
        """Nothing more is asked of it but to be closed."""


class Folds(ABC):
    """A side whose file system may take two names for one."""

    @abstractmethod
    def folding(self, *, may_write: bool) -> Folding:
        """In which ways it does; with ``may_write`` the root is locked, and a file may be made to find out."""


class HandsOver(ABC):
    """A side whose files a target on the same host may copy for itself."""

    @abstractmethod
    def hand_over(self, files: List[Entry]) -> Optional[Iterator[Item]]:
        """What gives ``files`` without their bytes (``core.parcel.Here``); ``None`` where nothing is gained by it."""
