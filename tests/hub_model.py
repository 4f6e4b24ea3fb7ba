# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub in a dictionary: the pages on it in as few lines as they take, and nothing on disk.

The client's stories run against it as they run against the real one. What only happens in a race (the hub changes
between an answer and what is put, or dies before it says what it did) is one line here: ``before_put``, ``after_put``.
"""

from __future__ import annotations

import os
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from blake3 import blake3
from copia.core.cas import Decision, decide
from copia.core.conflicts import conflict_names
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.hub_words import (
    Answer,
    ClientSeen,
    Held,
    HubFacts,
    Mark,
    NewsPage,
    Offer,
    Offered,
    Outcome,
    Receipt,
    Row,
)
from copia.core.parcel import Begin, Broken, Data, End, Item, Same, Small, Trouble
from copia.core.paths import TreePath, path_key, split
from copia.core.signature import Signature

PAGE = 3
"""Rows of a page: few, so that there are many pages."""


def nothing() -> None:
    """What happens meanwhile, when nothing does."""


class ModelHub:
    """One hub; every client talks to this very object."""

    def __init__(self) -> None:
        self.id = bytes(16)
        self.revision = 0
        self.oldest = 0
        self.stamps = {0: bytes(16)}
        self.rows: Dict[TreePath, Row] = {}
        self.contents: Dict[TreePath, bytes] = {}
        self.seen: Dict[str, int] = {}
        self.calls: List[str] = []
        self.before_put: Callable[[], None] = nothing
        self.after_put: Callable[[], None] = nothing

    def texts(self) -> Dict[bytes, bytes]:
        """The contents of the files."""
        there = (path for path, row in self.rows.items() if row.held != ABSENT)
        return {path: self.contents[path] for path in there if path in self.contents}

    def write(self, name: str, text: "bytes | None", *, mtime_ns: int = 10**18) -> None:
        """Somebody else changes a file, or removes what is there."""
        path = TreePath(name.encode())
        self._advance()
        held: Held = ABSENT
        if text is not None:
            held = Entry(path, Kind.FILE, len(text), mtime_ns, 0o644, blake3(text).digest())
            self.contents[path] = text
        self.rows[path] = Row(path, held, self.revision)

    def _advance(self) -> None:
        self.revision += 1
        self.stamps[self.revision] = os.urandom(16)

    def held(self, path: TreePath) -> Held:
        """What is there."""
        row = self.rows.get(path)
        return row.held if row else ABSENT

    def facts(self) -> HubFacts:
        """Who the hub is."""
        self.calls.append("facts")
        there = [row.held for row in self.rows.values() if isinstance(row.held, Entry)]
        clients = tuple(ClientSeen(name, revision, 0) for name, revision in self.seen.items())
        size = sum(entry.size for entry in there)
        return HubFacts(self.id, self.revision, len(there), size, 0, 0, clients, self.oldest)

    def news(self, since: Optional[Mark]) -> Iterator[NewsPage]:
        """What changed since a mark."""
        self.calls.append("news")
        is_full = since is None or (since.hub_id, since.stamp) != (self.id, self.stamps.get(since.revision))
        known = -1 if is_full or since is None else since.revision
        new = (row for row in self.rows.values() if row.revision > known)
        told = (row for row in new if not (is_full and row.held == ABSENT))
        rows = sorted(told, key=lambda row: [*map(path_key, split(row.path))])
        pages = [rows[start : start + PAGE] for start in range(0, len(rows), PAGE)] or [[]]
        for number, page in enumerate(pages):
            yield NewsPage(tuple(page), self.revision, is_full, number == len(pages) - 1, self.stamps[self.revision])

    def offer(self, offers: Sequence[Offer]) -> Tuple[Answer, ...]:
        """What would become of each."""
        self.calls.append("offer")
        return tuple(Answer(o.path, decide(self.held(o.path), o.expected, o.wanted), self.held(o.path)) for o in offers)

    def put(self, offers: Sequence[Offer], items: Iterator[Item]) -> Receipt:
        """Take them."""
        self.calls.append("put")
        self.before_put()
        self._advance()
        outcomes = tuple(self._one(offer, items) for offer in offers)
        self.after_put()
        return Receipt(outcomes, self.revision, self.stamps[self.revision])

    def put_all(self, batches: Iterable[Offered]) -> Iterator[Receipt]:
        """Put one batch after the other."""
        return (self.put(*batch) for batch in batches)

    def _one(self, offer: Offer, items: Iterator[Item]) -> Outcome:
        path, wanted = offer.path, offer.wanted
        content, bare = b"", not (isinstance(wanted, Entry) and wanted.kind is not Kind.DIRECTORY)
        if isinstance(wanted, Entry) and wanted.kind is Kind.FILE:
            item = next(items)
            content, why = _content(item, items)
            if isinstance(item, Same):
                bare, content = True, self.contents.get(path, b"")
            elif why or blake3(content).digest() != wanted.digest:
                return Outcome(path, Decision.REFUSED, self.revision, b"", self.held(path), why or "damaged")
        decision = decide(self.held(path), offer.expected, wanted)
        if decision is Decision.COMMIT and self._blocks(path, wanted):
            decision = Decision.REFUSED
        kept_as = b""
        if decision is Decision.COMMIT:
            self._hold(path, wanted, content)
        elif (
            decision is Decision.STALE and not bare and isinstance(wanted, Entry) and wanted.kind is not Kind.DIRECTORY
        ):
            digest = wanted.digest or blake3(wanted.target).digest()
            kept_as = next(iter(conflict_names(path, digest, b"")))
            self._hold(TreePath(kept_as), wanted._replace(path=TreePath(kept_as)), content)
        why = "something is in its way" if decision is Decision.REFUSED else ""
        return Outcome(path, decision, self.revision, kept_as, self.held(path), why)

    def _blocks(self, path: TreePath, wanted: Held) -> bool:
        """Whether something stands in the way, as it would on a disk."""
        there = {name for name, row in self.rows.items() if isinstance(row.held, Entry)}
        is_full = any(name.startswith(path + b"/") for name in there)
        parent = TreePath(path.rpartition(b"/")[0])
        held = self.held(parent)
        is_homeless = bool(parent) and not (isinstance(held, Entry) and held.kind is Kind.DIRECTORY)
        is_directory = isinstance(wanted, Entry) and wanted.kind is Kind.DIRECTORY
        return (is_full and not is_directory) or (is_homeless and wanted != ABSENT)

    def _hold(self, path: TreePath, held: Held, content: bytes) -> None:
        self.rows[path] = Row(path, held, self.revision)
        self.contents.pop(path, None)
        if isinstance(held, Entry) and held.kind is Kind.FILE:
            self.contents[path] = content

    def fetch(self, paths: Sequence[TreePath], signatures: Sequence[Optional[Signature]]) -> Iterator[Item]:
        """The contents."""
        self.calls.append("fetch")
        for path in paths:
            text = self.contents.get(path)
            yield Trouble(path, "is not there") if text is None else Small(path, text, blake3(text).digest())

    def acknowledge(self, revision: int) -> None:
        """Note it."""
        self.seen["client"] = revision

    def close(self) -> None:
        """Nothing is open."""


def _content(item: Item, items: Iterator[Item]) -> Tuple[bytes, str]:
    if isinstance(item, Trouble):
        return b"", item.what
    if isinstance(item, Small):
        return item.data, ""
    text = b""
    while isinstance(item, (Begin, Data)):
        text += item.data if isinstance(item, Data) else b""
        item = next(items)
    return text, item.what if isinstance(item, Broken) else "" if isinstance(item, End) else "out of frame"


def restored(hub: ModelHub, revision: int) -> ModelHub:
    """The hub as it was at a revision: somebody played back a backup."""
    back = ModelHub()
    back.revision = revision
    back.stamps = {number: stamp for number, stamp in hub.stamps.items() if number <= revision}
    back.rows = {path: row for path, row in hub.rows.items() if row.revision <= revision}
    back.contents = {path: text for path, text in hub.contents.items() if path in back.rows}
    return back
