# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of a pair: what both sides agreed on last, and what they agree on now.

Rules
1. It is read as it is needed and written as it comes: what is news is put aside, portion by portion, and the archive is
   the old one with that.
2. Where nothing changed, nothing is written.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterable, Iterator, Optional, Tuple

from ..core.brakes import Brake, explain_root, root_recreated
from ..core.errors import Braked, InputError
from ..core.lineup import Portion
from ..core.manifest import Block, Manifest
from ..core.pair_report import PairReport
from ..core.paths import path_key, show
from ..core.repack import news_between, with_news
from ..disk.archive import Archive, Identities, load, name_of_paths, remember, remembered, save
from ..disk.folders import open_root
from ..disk.shelf import Shelf
from ..disk.state import shelf_places
from .sides import Side

if TYPE_CHECKING:
    from ..disk.operations import Acts, Perform


class Base:
    """What is kept in the folder ``state`` of two sides; with ``with_hub`` the right one is a hub. Close it."""

    def __init__(
        self,
        state: bytes,
        sides: Tuple[Side, Side],
        report: PairReport,
        *,
        with_hub: bool,
        carry_out: "Optional[Perform]" = None,
    ) -> None:
        self._state, self._sides, self._report, self._with_hub = state, sides, report, with_hub
        self._carry_out = carry_out
        self._identities: Optional[Identities] = None
        self._archive: Optional[Archive] = None
        self._news = Shelf(shelf_places(state))
        self._is_changed = False

    @property
    def is_there(self) -> bool:
        """Whether anything was agreed on."""
        return self._archive is not None

    @property
    def is_old(self) -> bool:
        """Whether the newest archive was damaged, and this is the one before."""
        return self._archive is not None and self._archive.is_old

    def load(self, *, forgets: bool, force: bool) -> None:
        """Find what was agreed on; with ``forgets`` nothing was.

        :raises Braked: when a root is not the one that it was, unless it is to be brought together with ``force``.
        """
        left, right = (side.identity() for side in self._sides)
        known = None
        try:
            folder = open_root(self._state)
        except OSError:
            folder = -1
        try:
            if left is None or right is None:
                self._report.notes.append(
                    "the file system does not say who a root is: no base is kept, nothing is removed"
                )
            else:
                self._identities = (left, right)
                self._archive = load(folder, self._identities) if folder >= 0 and not forgets else None
            known = remembered(folder, self._paths_name()) if folder >= 0 else None
        finally:
            if folder >= 0:
                os.close(folder)
        if root_recreated(known is not None, self._is_known(known or b"")) and not force:
            raise Braked(explain_root(Brake.ROOT_RECREATED, " or ".join(side.name for side in self._sides)))
        self._tell()

    def _is_known(self, known: bytes) -> bool:
        """Whether the roots are those that agreed last. A hub may be another one: one whose index was made anew."""
        if self._identities is None:
            return False
        left, right = self._identities
        return left in (known[: len(left)], known[len(left) :]) and (self._with_hub or right in known)

    def _tell(self) -> None:
        if self._archive is None:
            self._report.notes.append("no trusted base: both sides are brought together, and nothing is removed")
            return
        self._report.base = "old" if self._archive.is_old else "trusted"
        self._report.epoch = self._archive.epoch
        if self._archive.is_old:
            self._report.notes.append("the newest archive is damaged and the one before was read: nothing is removed")

    def _paths_name(self) -> bytes:
        return name_of_paths(*(side.place for side in self._sides))

    def blocks(self) -> Iterator[Block]:
        """What was agreed on before."""
        return iter(()) if self._archive is None else self._archive.blocks()

    def renew(self, portion: Portion, agreed: Manifest) -> None:
        """Put aside what is ``agreed`` on in a portion and was not before. Later portions are about later paths."""
        directories = {block.directory for tree in (portion.base, agreed) for block in tree.blocks} - portion.above
        for directory in sorted(directories, key=path_key):
            news = news_between(portion.base.block(directory), agreed.block(directory))
            if news is not None:
                self._news.put(news)
                self._is_changed = True

    def record(self, *, durable: bool) -> None:
        """Write the archive, unless nothing is new.

        :raises InputError: when it can't be written.
        """
        if self._identities is None or (self._archive is not None and not self.is_old and not self._is_changed):
            return
        self._report.epoch += 1
        try:
            self._save(self._identities, with_news(self.blocks(), self._news), durable)
        except OSError as error:
            raise InputError(
                f"the archive in {show(self._state)} cannot be written: {os.strerror(error.errno or 0)}; the trees are "
                "brought together, but the next run will not know it. Mend that and run again"
            ) from error

    def _save(self, identities: Identities, blocks: Iterable[Block], durable: bool) -> None:
        from ..disk.stage import make_root

        folder = self._run(make_root(self._state, 0o700))
        try:
            self._run(save(folder, identities, blocks, self._report.epoch, durable=durable))
            self._run(remember(folder, self._paths_name(), identities))
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let go of what is open. May be called twice."""
        if self._archive is not None:
            self._archive.close()
        self._news.close()

    def _run(self, acts: "Acts") -> int:
        from ..disk.operations import run
        from ..disk.perform import perform

        answer: int = run(acts, self._carry_out or perform)
        return answer
