# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub, seen by one of its clients: one session, in this process. ``wire`` carries the same words elsewhere.

Rules
1. The hub's side says who the client is and what it may do; nothing of that comes from the client.
2. What an answer says is advice: only what is decided under the lock, when the offer is put, counts.
3. The lock is never held while a client is waited for: contents are staged first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..core.cas import Decision, Likeness, likeness
from ..core.entries import ABSENT, NOT_RECORDED, Entry, Kind, Problem, Unknown
from ..core.hub_words import Answer, Held, HubFacts, Keeping, Mark, NewsPage, Offer, Offered, Outcome, Receipt, Row
from ..core.parcel import SMALL_LIMIT, Item, Trouble, Want
from ..core.paths import ROOT, TreePath, ancestors, is_reserved
from ..core.rights import ALL_RIGHTS, Permission, Place, Request, Rights, judge_request, may, place_of, request_of
from ..core.signature import Signature, block_size_for
from ..disk.folders import Folders
from ..disk.hub_commit import Batch
from ..disk.hub_folder import HubFolder
from ..disk.hub_look import Looking, There, free_bytes
from ..disk.hub_notice import MODE_MASK, notice
from ..disk.hub_offers import decision_on, size_of
from ..disk.hub_versions import count, drop, every_path, forgotten, take_in
from ..disk.operations import Acts, Record, run
from ..disk.read import Reader, locate_in_tree, sign_file
from ..values import dataclass

if TYPE_CHECKING:
    from ..disk.operations import Perform

_PAGE_ROWS = 1000
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class HubSpec:
    """A hub's root, and what the hub's side says of the client of a session.

    ``quota`` is in bytes below ``prefix``, 0 for none; ``patience`` in seconds; ``max_conflicts`` counts conflict
    copies of one path; removals are remembered for ``tombstone_days``; ``keep`` says how much of what it displaces.
    """

    root: bytes
    client: str
    rights: Rights = ALL_RIGHTS
    prefix: TreePath = ROOT
    quota: int = 0
    max_conflicts: int = 8
    tombstone_days: int = 30
    patience: float = 30.0
    keep: Keeping = Keeping()


class HubSession:
    """One client's session. Close it: that removes what it staged."""

    def __init__(self, spec: HubSpec, carry_out: "Optional[Perform]" = None) -> None:
        """Open the hub, and bring its index up to what its tree has.

        :raises InputError: when the root can't be opened or is not writable.
        :raises Busy: when other sessions hold the lock for longer than the patience.
        """
        from ..disk.perform import perform

        self.spec = spec
        self._hub = HubFolder(spec.root, carry_out or perform, spec.patience)
        self._folders = Folders(self._hub.root)
        self.problems: List[Problem] = []
        try:
            with self._hub.locked():
                self._prepare()
            self.refresh()
            self._lead()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        index = self._hub.index
        index.begin()
        try:
            index.totals(self.spec.prefix)
            index.bury(time.time_ns() - self.spec.tombstone_days * _DAY_NS)
            victims = take_in(self._hub) if self._hub.is_doubtful else []
            if self.spec.keep.versions:
                victims += forgotten(self._hub, self.spec.keep, time.time_ns(), [])
            self._hub.run(_recorded(index.connection))
        finally:
            index.forget()
        self._hub.run(drop(self._hub, victims))

    def tidy(self) -> Tuple[int, int]:
        """Hold all kept versions against what is to be kept: how many there are then, and their bytes."""
        index, hub = self._hub.index, self._hub
        with hub.locked():
            index.begin()
            try:
                victims = [*take_in(hub), *forgotten(hub, self.spec.keep, time.time_ns(), every_path(hub))]
                hub.run(_recorded(index.connection))
            finally:
                index.forget()
            hub.run(drop(hub, victims))
        return count(hub)

    def versions(self) -> Tuple[int, int]:
        """How many versions are kept, and their bytes."""
        return count(self._hub)

    def refresh(self, *, everything: bool = False) -> int:
        """Notice what was changed in the tree by hand; the answer is how many rows that made. ``everything`` reads
        every file.
        """
        written, self.problems = notice(self._hub, everything=everything)
        return written

    def facts(self) -> HubFacts:
        """Who the hub is and what it holds."""
        index = self._hub.index
        totals = index.totals(self.spec.prefix)
        return HubFacts(index.hub_id, index.revision, *totals, self.spec.quota, index.clients(), index.oldest)

    def news(self, since: Optional[Mark]) -> Iterator[NewsPage]:
        """What changed since a mark; everything when there is none, or when it is of another hub or too old."""
        index = self._hub.index
        revision = index.revision
        stamp = index.stamp(revision)
        is_known = since is not None and (since.hub_id, since.stamp) == (index.hub_id, index.stamp(since.revision))
        rows = index.since(since.revision) if since is not None and is_known else index.listing()
        page: List[Row] = []
        for row in rows:
            if not may(self.spec.rights, Request.READ, row.path, self.spec.prefix):
                continue
            if len(page) == _PAGE_ROWS:
                yield NewsPage(tuple(page), revision, not is_known, False, stamp)
                page = []
            page.append(row)
        yield NewsPage(tuple(page), revision, not is_known, True, stamp)

    def offer(self, offers: Sequence[Offer]) -> Tuple[Answer, ...]:
        """An answer to each offer, in their order. Nothing changes."""
        offers = [_kept(offer) for offer in offers]
        decided = self._decided(offers)
        looking = Looking(self._folders, self._hub.index)
        self._folders.forget()
        looking.ask(offer.path for offer in offers)
        answers: List[Answer] = []
        for at, offer in enumerate(offers):
            outcome = decided.get(at)
            if outcome is not None:
                answers.append(Answer(offer.path, outcome.decision, outcome.held, None, outcome.why))
            else:
                answers.append(self._answer(looking, offer))
        return tuple(answers)

    def _answer(self, looking: Looking, offer: Offer) -> Answer:
        there = looking.at(offer.path)
        decision = decision_on(offer, there)
        if isinstance(there.held, Unknown):
            return Answer(offer.path, decision, self._shown(offer.path), None, there.held.reason)
        held = there.held if self._may_read(offer.path) else ABSENT
        return Answer(offer.path, decision, held, self._signature(offer, there, decision))

    def _may_read(self, path: TreePath) -> bool:
        return may(self.spec.rights, Request.READ, path, self.spec.prefix)

    def _shown(self, path: TreePath) -> Held:
        """What a client may be told of a path that is not looked at for it."""
        return self._hub.index.known(path).held if self._may_read(path) else ABSENT

    def _signature(self, offer: Offer, there: There, decision: Decision) -> Optional[Signature]:
        held, expected = there.held, offer.expected
        if decision is not Decision.COMMIT or not isinstance(held, Entry) or not isinstance(expected, Entry):
            return None
        if held.kind is not Kind.FILE or expected.kind is not Kind.FILE or size_of(offer.wanted) <= SMALL_LIMIT:
            return None
        if held.size <= SMALL_LIMIT or likeness(held, offer.wanted) is Likeness.CONTENT:
            return None
        found: Optional[Signature] = sign_file(locate_in_tree(self._folders), held, block_size_for(held.size))
        return found

    def put(self, offers: Sequence[Offer], items: Iterator[Item]) -> Receipt:
        """Have the hub take the offers. One call is at most one revision.

        :raises InputError: when the file system as a whole refuses.
        :raises RemoteProtocolError: when the items are not those of the offers.
        :raises Busy: when the lock can't be had; nothing was changed.
        """
        offers = [_kept(offer) for offer in offers]
        hub = self._hub
        batch = Batch(hub, offers, self._decided(offers), self.spec.max_conflicts, self.spec.keep)
        receipt = self._carried_out(batch, items)
        shown = (o if self._may_read(o.path) else o._replace(held=ABSENT) for o in receipt.outcomes)
        return Receipt(tuple(shown), receipt.revision, receipt.stamp)

    def put_all(self, batches: Iterable[Offered]) -> Iterator[Receipt]:
        """Put one batch after the other."""
        return (self.put(*batch) for batch in batches)

    def _carried_out(self, batch: Batch, items: Iterator[Item]) -> Receipt:
        hub = self._hub
        try:
            hub.run(batch.staged(items))
            with hub.locked():
                batch.room = self._room()
                receipt: Receipt = run(batch.committed(), hub.perform)
        finally:
            hub.run(batch.cleared())
        return receipt

    def _lead(self) -> None:
        """Have the directories that lead to the prefix, and itself, for a client that may add to it."""
        prefix = self.spec.prefix
        missing = [path for path in (prefix, *ancestors(prefix)) if path and self._hub.index.known(path).held == ABSENT]
        if missing and self.spec.rights.add:
            made = [Entry(path, Kind.DIRECTORY, 0, time.time_ns(), 0o755) for path in reversed(missing)]
            offers = [Offer(entry.path, ABSENT, entry) for entry in made]
            self._carried_out(Batch(self._hub, offers, {}, 0, Keeping()), iter(()))

    def _room(self) -> int:
        if not self.spec.quota:
            return 1 << 62
        return self.spec.quota - self._hub.index.totals(self.spec.prefix).bytes

    def _decided(self, offers: Sequence[Offer]) -> Dict[int, Outcome]:
        """The offers, by their place, that are not even looked at: for want of a right, a legal name, or room."""
        decided: Dict[int, Outcome] = {}
        room = min(self._room(), free_bytes(self._hub.root))
        for at, offer in enumerate(offers):
            why = self._refusal(offer)
            growth = 0 if why else size_of(offer.wanted) - size_of(offer.expected)
            if growth > room:
                why = "there is no room for it: it is beyond the quota, or the file system is full"
            elif not why:
                room -= growth
                continue
            held = self._shown(offer.path)
            leads = _is_folder(held) and _is_folder(offer.wanted) and self._place(offer) is Place.ABOVE
            decided[at] = Outcome(offer.path, Decision.ALREADY if leads else Decision.REFUSED, 0, b"", held, why)
        return decided

    def _place(self, offer: Offer) -> Place:
        return place_of(offer.path, self.spec.prefix)

    def _refusal(self, offer: Offer) -> str:
        path, wanted = offer.path, offer.wanted
        if not path or is_reserved(path.partition(b"/")[0]):
            return "is not a name that a client can use"
        place, request = self._place(offer), request_of(offer.expected, wanted)
        if place is Place.OUTSIDE:
            return "is outside what this client may see"
        if judge_request(request, place, *self.spec.rights) is Permission.DENIED:
            return f"this client may not {request.value} here"
        if isinstance(wanted, Entry) and wanted.kind is Kind.SPECIAL:
            return "is neither a file, a directory nor a link"
        if isinstance(wanted, Entry) and wanted.kind is Kind.FILE and not any(wanted.digest or b""):
            return "is offered without a digest"
        return ""

    def fetch(self, paths: Sequence[TreePath], signatures: Sequence[Optional[Signature]]) -> Iterator[Item]:
        """The contents of the hub's files at ``paths``, in their order."""
        reader = Reader(locate_in_tree(self._folders))
        self._folders.forget()
        for path, signature in zip(paths, signatures):
            held = self._hub.index.known(path).held
            if not may(self.spec.rights, Request.READ, path, self.spec.prefix):
                yield Trouble(path, "is not for this client to read")
            elif not isinstance(held, Entry) or held.kind is not Kind.FILE:
                yield Trouble(path, "is no file on the hub any more; run again")
            else:
                yield from reader.items((Want(held, b"", signature),))

    def acknowledge(self, revision: int) -> None:
        """Note that this client has everything up to ``revision``."""
        index = self._hub.index
        index.begin()
        try:
            index.acknowledge(self.spec.client, min(revision, index.revision), time.time_ns())
            self._hub.run(_recorded(index.connection))
        finally:
            index.forget()

    def close(self) -> None:
        """End the session; what it staged is removed. May be called twice."""
        self._folders.forget()
        self._hub.close()


def _recorded(connection: object) -> Acts:
    yield Record(connection)


def _kept(offer: Offer) -> Offer:
    """The offer with what a hub keeps of an entry: no owner, and no bits of a mode beyond the permissions."""
    expected, wanted = _plain(offer.expected, offer.path), _plain(offer.wanted, offer.path)
    is_kept = expected is offer.expected and wanted is offer.wanted
    return offer if is_kept else Offer(offer.path, expected, wanted)


def _is_folder(held: Held) -> bool:
    return isinstance(held, Entry) and held.kind is Kind.DIRECTORY


def _plain(what: Held, path: TreePath) -> Held:
    if not isinstance(what, Entry):
        return what
    mode = 0o777 if what.kind is Kind.LINK else what.mode & MODE_MASK
    if (what.path, what.mode, what.uid, what.gid) == (path, mode, NOT_RECORDED, NOT_RECORDED):
        return what
    return what._replace(path=path, mode=mode, uid=NOT_RECORDED, gid=NOT_RECORDED)
