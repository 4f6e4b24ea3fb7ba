# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub's tree as its client knows it: told once, then by the news, and by what the hub says to offers.

Rules
1. It is on disk and gone through there: what is told anew is put aside, and so is what the hub says of each portion.
2. It is no promise: without it, the hub lists its tree once more.
3. A hub whose revisions do not go on where we were is not the one that we agreed with: it went back to an older one, or
   forgot ours.
"""

from __future__ import annotations

import os
from itertools import chain, groupby
from typing import TYPE_CHECKING, Iterable, Iterator, List, Optional, Tuple

from ..core.errors import RemoteProtocolError
from ..core.hub_plan import Line, judge_line
from ..core.hub_words import Held, Hub, HubFacts, Mark, NewsPage
from ..core.manifest import Block
from ..core.paths import TreePath, path_key, split
from ..core.repack import as_news, with_news
from ..disk.archive import Archive, Identities, load, save
from ..disk.folders import open_root
from ..disk.shelf import Shelf
from ..disk.state import shelf_places

if TYPE_CHECKING:
    from ..disk.operations import Perform

Rows = Iterable[Tuple[TreePath, Held]]


class Told:
    """What ``hub`` has, kept in the folder ``state`` under ``key``. ``line`` says whether it goes on where it was;
    ``revision`` is the one that this is about, with its ``stamp``. Close it.
    """

    def __init__(self, hub: Hub, facts: HubFacts, state: bytes, key: Identities) -> None:
        self._state, self._key = state, key
        self._kept = self._load()
        self._news: List[Block] = []
        self._listing, self._heard = Shelf(shelf_places(state)), Shelf(shelf_places(state))
        self.line, self.revision, self.stamp = Line.SAME, 0, b""
        try:
            self._ask(hub, facts)
        except BaseException:
            self.close()
            raise
        self._is_new = self._kept is None or bool(self._news) or self.revision != self._kept.epoch

    def _load(self) -> Optional[Archive]:
        try:
            folder = open_root(self._state)
        except OSError:
            return None
        try:
            return load(folder, self._key)
        finally:
            os.close(folder)

    def _ask(self, hub: Hub, facts: HubFacts) -> None:
        kept = self._kept
        pages = hub.news(Mark(facts.hub_id, kept.epoch, kept.stamp) if kept else None)
        first = next(pages, NewsPage((), facts.revision, kept is None, True))
        self.revision, self.stamp = first.revision, first.stamp
        if kept is not None:
            self.line = judge_line(not first.is_full, kept.epoch < facts.oldest)
        rows = chain.from_iterable(page.rows for page in chain((first,), pages))
        said = ((row.path, row.held) for row in rows)
        if not first.is_full:
            self._news = as_news(said)
            return
        self._forget_kept()
        self._list(said)

    def _list(self, rows: Rows) -> None:
        """Put aside all that a hub has.

        :raises RemoteProtocolError: when it is not told in order.
        """
        last = b""
        for directory, part in groupby(rows, key=lambda row: split(row[0])[0]):
            if path_key(directory) < last:
                raise RemoteProtocolError("a hub's listing is not sorted; have the same version of copia on both hosts")
            last = path_key(directory)
            for block in as_news(part):
                self._listing.put(block)

    def blocks(self) -> Iterator[Block]:
        """The hub's tree as of the news."""
        return with_news(self._listing if self._kept is None else self._kept.blocks(), self._news)

    def hear(self, rows: Rows) -> None:
        """Put aside what the hub said of some paths, all later ones than before."""
        for block in as_news(rows):
            self._heard.put(block)
            self._is_new = True

    def remember(self, revision: int, stamp: bytes, carry_out: "Optional[Perform]" = None) -> None:
        """Keep the tree with what was heard, as of a revision, for the next run; unless nothing is new.

        :raises OSError: when it can't be written.
        """
        if not self._is_new:
            return
        from ..disk.operations import run
        from ..disk.perform import perform
        from ..disk.stage import make_root

        tree = with_news(self.blocks(), self._heard)
        folder = run(make_root(self._state, 0o700), carry_out or perform)
        try:
            run(save(folder, self._key, tree, revision, stamp=stamp, durable=False), carry_out or perform)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let go of what is open. May be called twice."""
        self._forget_kept()
        self._listing.close()
        self._heard.close()

    def _forget_kept(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._kept = None
