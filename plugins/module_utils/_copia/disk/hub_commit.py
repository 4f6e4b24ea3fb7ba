# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch of offers put into a hub: staged and verified without the lock, decided again and committed under it.

Order
1. Stage the contents, check each against the digest that its offer names, and flush them. Without the lock.
2. Under the lock, offer by offer: look at what is really there, decide, and put it in place, take it out, or keep it
   beside as a conflict copy. What is in place is what was staged; what came out is what was looked at, or it goes back.
   New things of one directory go there together, and new directories as they are (``hub_new``).
3. Flush the names, then record the rows as one new revision. Only then is anything said.

Killed anywhere, the tree holds old or new at each path, and the index says nothing that the tree does not have: what
was put and not recorded is noticed by the next session.
"""

from __future__ import annotations

import contextlib
import errno
import time
from typing import Any, Callable, Dict, Generator, Iterator, List, Optional, Sequence, Set, Tuple

from ..core.cas import Decision, Fate, Likeness, judge_stale, likeness
from ..core.conflicts import conflict_names, copies_of, copies_start
from ..core.entries import ABSENT, Absent, Entry, Kind, Presence, Unknown
from ..core.errors import RemoteProtocolError
from ..core.hub_words import Held, Keeping, Offer, Outcome, Receipt
from ..core.parcel import Begin, End, Item, Same, Small, Trouble
from ..core.paths import TreePath, join, show, split
from ..core.report import Report
from ..core.steps import MirrorPlan, PutFile
from . import operations as op
from .apply import in_words
from .flushing import flush_contents, flush_files, flush_names, written_out
from .folders import Folders
from .hub_folder import HubFolder
from .hub_look import Looking, There
from .hub_new import Arriving, new_folders, runs_of_new
from .hub_notice import is_sure, look_at
from .hub_offers import decision_on, displaced_by, has_item, plain, put_of, refused, size_of
from .hub_versions import Versions, drop
from .place import Outcome as Placed
from .place import put_in_place, take_out
from .receive import Receiving
from .stage import Stage
from .sums import digest_of_pieces

_PARENT_MODE = 0o755
_MOVED = "changed on the hub at this very moment; run again"
_NOT_SENT = "changed on the hub, and its content was not sent; run again"


class Batch:
    """One ``put``. ``decided`` are the outcomes of offers (by their place) that are not even looked at; ``room`` is how
    many bytes the client may add.
    """

    def __init__(
        self, hub: HubFolder, offers: Sequence[Offer], decided: Dict[int, Outcome], max_conflicts: int, keep: Keeping
    ) -> None:
        self.hub, self.offers, self.decided, self.max_conflicts = hub, offers, decided, max_conflicts
        self.folders = Folders(hub.root)
        self.looking = Looking(self.folders, hub.index)
        self.stage: Stage = hub.open_stage()
        self._closings: Dict[TreePath, Entry] = {}
        self._touched: Set[TreePath] = set()
        self._settled: List[TreePath] = []
        self.versions = Versions(hub, keep)
        self.room = 1 << 62
        puts = tuple(put_of(offer) for number, offer in enumerate(offers) if number not in decided and has_item(offer))
        if len({step.path for step in puts}) != len(puts):
            raise RemoteProtocolError("one batch offers two contents for one path")
        makes = new_folders(offers, decided, self._ask)
        self.arriving = Arriving(self.stage, self.folders, makes)
        self.receiving = Receiving(MirrorPlan(makes=makes, puts=puts), self.folders, Report())

    def _ask(self, paths: List[TreePath]) -> Callable[[TreePath], Held]:
        self.looking.ask(paths)
        return lambda path: self.looking.known(path).held

    def staged(self, items: Iterator[Item]) -> op.Acts:
        """Step 1.

        :raises InputError: when the file system as a whole refuses.
        :raises RemoteProtocolError: when the items are not those of the offers.
        """
        yield from self.receiving.acts(self.stage, written_out(self.hub.root, self._checked(items)))
        self.arriving.staged(step.path for step in self.receiving.plan.puts if self.stage.has(step.path))
        yield from flush_contents(self.hub.root, self.stage, self.receiving.plan.puts)

    def _checked(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items with the digests that their offers name; those of refused offers are passed over."""
        wanted = {step.path: step.wanted for step in self.receiving.plan.puts if isinstance(step, PutFile)}
        passed = {self.offers[number].path for number in self.decided}
        skipping = False
        current: Optional[Entry] = None
        for item in items:
            if isinstance(item, (Small, Begin, Same, Trouble)):
                current = wanted.get(item.path)
                skipping = current is None and item.path in passed
                if isinstance(item, Begin) and current is not None and item.length != current.size:
                    raise RemoteProtocolError(f"{show(item.path)} is announced with another size than it was offered")
            if skipping:
                continue
            if current is None or not isinstance(item, (Small, End)):
                yield item
            else:
                yield item if item.digest == current.digest else item._replace(digest=current.digest or b"")

    def committed(self) -> op.Acts:
        """Steps 2 and 3, under the lock; the answer is the receipt."""
        index = self.hub.index
        index.check_current()
        self.folders.forget()
        before = index.revision
        has_room = sum(size_of(step.wanted) for step in self.receiving.plan.puts) <= self.room
        self.looking.ask(offer.path for offer in self.offers)
        outcomes: List[Outcome] = []
        for run in runs_of_new(self.offers, self._is_new):
            yield from self._arrive(run, has_room)
            for number in run:
                offer = self.offers[number]
                if offer.path in self.arriving.arrived:
                    outcomes.append(self._committed(offer, size_of(offer.wanted), before + 1))
                else:
                    outcomes.append((yield from self._offer(number, offer, before + 1)))
        yield from self._close()
        yield from self.versions.flush()
        yield from flush_files(self.folders, self._settled)
        yield from flush_names(self.folders, self._touched)
        rows = self.looking.rows
        if rows:
            index.begin()
            try:
                index.write(((path, *row) for path, row in rows.items()), before + 1, time.time_ns())
                victims = self.versions.record(time.time_ns())
                yield op.Record(index.connection)
            finally:
                index.forget()
            yield from drop(self.hub, victims)
        after = before + 1 if rows else before
        return Receipt(tuple(outcomes), after, index.stamp(after))

    def cleared(self) -> op.Acts:
        """Remove what was staged and is not in its place."""
        self.folders.forget()
        self.versions.close()
        yield from self.arriving.cleared(step.path for step in self.receiving.plan.puts)

    def _is_new(self, number: int) -> bool:
        offer = self.offers[number]
        if number in self.decided or not has_item(offer) or not self.stage.has(offer.path):
            return False
        return isinstance(offer.expected, Absent) and isinstance(self.looking.known(offer.path).held, Absent)

    def _arrive(self, run: List[int], has_room: bool) -> "Generator[op.Operation, Any, None]":
        """Move what is new into its place, where there is room for it; ``has_room`` says that there is for all."""
        path = self.offers[run[0]].path
        if self._is_new(run[0]):
            if sum(size_of(self.offers[number].wanted) for number in run) <= self.room:
                yield from self.arriving.move([self.offers[number].path for number in run])
        elif self.arriving.is_folder(path) and has_room:
            yield from self.arriving.move_folder(path)

    def _offer(self, number: int, offer: Offer, revision: int) -> op.Acts:
        if number in self.decided:
            return self.decided[number]
        there = self.looking.at(offer.path, 0)
        if offer.path in self.receiving.failed:
            reasons = {problem.path: problem.what for problem in self.receiving.report.problems}
            return refused(offer, there, reasons[offer.path])
        decision = decision_on(offer, there)
        try:
            if decision is Decision.REFUSED:
                return refused(offer, there, there.held.reason if isinstance(there.held, Unknown) else "unknown")
            if decision is Decision.ALREADY:
                return self._already(offer, there, revision)
            if decision is Decision.COMMIT and self._growth(offer, there) > self.room:
                return refused(offer, there, "is beyond the quota")
            if decision is Decision.COMMIT:
                return (yield from self._commit(offer, there, revision))
            return (yield from self._stale(offer, there, revision))
        except OSError as error:
            yield from self.versions.unsave(offer.path)
            return refused(offer, there, in_words(error))

    def _growth(self, offer: Offer, there: There) -> int:
        return size_of(offer.wanted) - (size_of(there.held) if there.held != ABSENT else 0)

    def _already(self, offer: Offer, there: There, revision: int) -> Outcome:
        """It is there; where the index does not say so, somebody was killed before it could."""
        held: Held = there.held if isinstance(there.held, Entry) else ABSENT
        if held == there.known.held:
            return Outcome(offer.path, Decision.ALREADY, there.known.revision, b"", held)
        self._note(offer.path, held)
        return Outcome(offer.path, Decision.ALREADY, revision, b"", held)

    def _commit(self, offer: Offer, there: There, revision: int) -> op.Acts:
        displaced = displaced_by(offer, there)
        if displaced is not None:
            yield from self.versions.save(self.folders.at(split(offer.path)[0]), displaced)
        try:
            done = yield from self._act(offer, there)
        except PermissionError:
            yield from self._open_up(split(offer.path)[0])
            done = yield from self._act(offer, there)
        if done is not True:
            yield from self.versions.unsave(offer.path)
            decision, why = (Decision.STALE, "") if done is None else (Decision.REFUSED, done)
            return Outcome(offer.path, decision, there.known.revision, b"", plain(there.held), why)
        return self._committed(offer, self._growth(offer, there), revision)

    def _committed(self, offer: Offer, growth: int, revision: int) -> Outcome:
        self.room -= growth
        self._note(offer.path, offer.wanted)
        if isinstance(offer.wanted, Entry) and offer.wanted.kind is Kind.DIRECTORY:
            self._closings[offer.path] = offer.wanted
        return Outcome(offer.path, Decision.COMMIT, revision, b"", offer.wanted)

    def _act(self, offer: Offer, there: There) -> op.Acts:
        """Do it: true when it is done, ``None`` when a directory is not empty, else why it can't be done."""
        wanted, found = offer.wanted, there.found
        if not isinstance(wanted, Entry):
            return (yield from self._remove(offer.path, found))
        if wanted.kind is Kind.DIRECTORY and isinstance(found, Entry) and found.kind is Kind.DIRECTORY:
            return True
        directory, name = split(offer.path)
        yield from self._parents(directory)
        place = (self.folders.at(directory), name)
        if offer.path in self.receiving.same:
            if likeness(there.held, wanted) is not Likeness.CONTENT:
                return _NOT_SENT
            yield op.SetAttributes(*place, wanted.kind, op.attributes_of(wanted))
            self._settled.append(offer.path)
            return True
        if wanted.kind is Kind.DIRECTORY:
            yield op.MakeFolder(*self.stage.apart_for(offer.path))
        staged = self.stage.find(offer.path)
        if staged is None:
            raise RemoteProtocolError(f"nothing was staged for {show(offer.path)}")
        placed: Placed = yield from put_in_place(self.stage, staged, place, found, wanted)
        if placed is not Placed.PLACED:
            return _MOVED if wanted.kind is not Kind.DIRECTORY else None
        self.stage.drop(offer.path)
        self.folders.forget(offer.path)
        return True

    def _remove(self, path: TreePath, found: Presence) -> op.Acts:
        if not isinstance(found, Entry):
            return True
        try:
            done = yield from take_out(self.stage, self.folders, found)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return None
            raise
        self._closings.pop(path, None)
        return True if done else _MOVED

    def _stale(self, offer: Offer, there: There, revision: int) -> op.Acts:
        wanted, held = offer.wanted, plain(there.held)
        has_content = has_item(offer) and offer.path not in self.receiving.same
        if not isinstance(wanted, Entry) or not has_content:
            return Outcome(offer.path, Decision.STALE, there.known.revision, b"", held)
        digest = wanted.digest or digest_of_pieces([wanted.target])
        directory = self._nearest(split(offer.path)[0])
        beside = join(directory, split(offer.path)[1])
        found, free = self._copies(beside, digest, wanted)
        has_room = copies_of(beside, self._names(beside)) < self.max_conflicts and wanted.size <= self.room
        fate = judge_stale(has_content, found is not None, has_room and free is not None)
        if fate is Fate.REFUSE or (fate is Fate.KEEP and free is None):
            why = f"the hub has another version, and no room for one more conflict copy (at most {self.max_conflicts})"
            return refused(offer, there, why)
        name = found if found is not None else free
        if fate is Fate.KEEP and name is not None:
            place = self.stage.find(offer.path)
            if place is None:
                return refused(offer, there, _NOT_SENT)
            yield op.MoveNew(*place, self.folders.at(directory), split(name)[1])
            self.stage.drop(offer.path)
            self.room -= wanted.size
            self._note(name, wanted._replace(path=name))
        return Outcome(offer.path, Decision.STALE, there.known.revision, name or b"", held)

    def _copies(self, path: TreePath, digest: bytes, wanted: Entry) -> Tuple[Optional[TreePath], Optional[TreePath]]:
        """``(a copy of this very content, a free name)``."""
        for name in conflict_names(path, digest, b""):
            there = self.looking.at(name, 0)
            if there.held == ABSENT and not there.blocked:
                return None, name
            if likeness(there.held, wanted) in (Likeness.EQUAL, Likeness.CONTENT):
                if there.held != there.known.held:
                    self._note(name, plain(there.held))
                return name, None
        return None, None

    def _names(self, path: TreePath) -> Set[bytes]:
        """Names in the path's directory, all conflict copies of it among them."""
        directory, start = split(copies_start(path))
        pending = {split(row)[1] for row in self.looking.rows if split(row)[0] == directory}
        return pending | self.hub.index.names_from(directory, start)

    def _nearest(self, directory: TreePath) -> TreePath:
        """The nearest directory at or above ``directory`` that is there."""
        while directory:
            found = look_at(self.folders, directory)
            if isinstance(found, Entry) and found.kind is Kind.DIRECTORY:
                break
            directory = split(directory)[0]
        return directory

    def _parents(self, directory: TreePath) -> op.Acts:
        """Make the directories above a path that are not there."""
        with contextlib.suppress(OSError):
            self.folders.at(directory)
            return
        missing: List[TreePath] = []
        nearest = self._nearest(directory)
        while directory != nearest:
            missing.append(directory)
            directory = split(directory)[0]
        for path in reversed(missing):
            parent, name = split(path)
            yield op.MakeFolder(self.folders.at(parent), name, _PARENT_MODE)
            made = look_at(self.folders, path)
            self._note(path, made if isinstance(made, Entry) else ABSENT)

    def _open_up(self, directory: TreePath) -> op.Acts:
        """Give a directory of ours the right to write for as long as this takes."""
        known = self.looking.known(directory).held
        if not directory or not isinstance(known, Entry):
            return
        yield op.SetFolderAttributes(self.folders.at(directory), op.Attributes(known.mode | 0o300, known.mtime_ns))
        self._closings.setdefault(directory, known)

    def _note(self, path: TreePath, held: Held) -> None:
        sure = not isinstance(held, Entry) or held.kind is not Kind.FILE or is_sure(held.mtime_ns, time.time_ns())
        self.looking.rows.pop(path, None)
        self.looking.rows[path] = (held, sure)
        self._touched.add(split(path)[0])

    def _close(self) -> op.Acts:
        """Attributes of directories that were offered, deepest first."""
        for path in sorted(self._closings, reverse=True):
            try:
                yield op.SetFolderAttributes(self.folders.at(path), op.attributes_of(self._closings[path]))
            except (FileNotFoundError, NotADirectoryError):
                pass
