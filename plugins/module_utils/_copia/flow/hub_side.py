# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as one side of a two-way sync: what it has is what it told, and what it is to have is offered to it.

Rules
1. Its tree is what it told (``hub_told``).
2. A plan becomes offers. The hub answers those that are worth asking first, gets the contents, and says what became of
   each: only that is reported.
   Where nobody else made a revision between its news and ours, its tree is known as of ours.
3. What it does not commit because it changed meanwhile is a conflict, and nothing is agreed on there.

RACE: others change the hub between its news and our offers. The worst outcome is a conflict copy.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..core.cas import Decision
from ..core.conflicts import Conflict
from ..core.entries import Entry, Kind, Problem
from ..core.errors import RemoteProtocolError
from ..core.hub_plan import (
    Next,
    as_sent,
    asked_first,
    brings_nothing,
    judge_answer,
    offer_of,
    portions,
    request_for,
    selected,
    steps_of,
    without,
)
from ..core.hub_words import Answer, Dismissed, Held, Hub, Offered, Outcome, wants_content
from ..core.parcel import Begin, Item, Same, Small, Trouble, Wants
from ..core.paths import TreePath, split
from ..core.report import Report
from ..core.seen import Seen
from ..core.selection import Rules, selector
from ..core.signature import Signature
from ..core.steps import MirrorPlan, PutFile, PutLink, Remove, SetAttributes, Step
from ..core.verdicts import Where
from ..disk.state import IDENTITY
from ..disk.sums import digest_of_pieces
from .contents import next_files, wants_of
from .hub_told import Told
from .sides import Considers, LetsGo, Places, Scanned, TurnsPages

if TYPE_CHECKING:
    from ..disk.operations import Perform

_UNREAD = "could not be read, or changed while it was read"


class Place(NamedTuple):
    """Where a hub is for a client: what people call it, the one way of writing its place, and the tree that is kept
    in sync with it (its real path).
    """

    name: str
    place: bytes
    tree: bytes


class HubSide(Considers, LetsGo, TurnsPages):
    """The hub that ``hub`` is a session with. ``state`` is the client's state folder; ``insists`` says that the local
    version wins, so that an offer is made once more with what the hub has by now; ``is_told`` that the hub hears in the
    end how far the client is.
    """

    is_far = True

    def __init__(self, hub: Hub, where: Place, state: bytes, *, insists: bool = False, is_told: bool = True) -> None:
        self._hub, self._where, self.state = hub, where, state
        self._insists, self._is_told = insists, is_told
        self.facts = hub.facts()
        self.late: List[Conflict] = []
        self.sent = 0
        self._said = Report()
        self._rows: List[Tuple[TreePath, Held]] = []
        self._expected: Dict[TreePath, Held] = {}
        self._refused: Set[TreePath] = set()
        key = self._digest(b"tree", where.tree), self._digest(b"told", where.place)
        self._told = Told(hub, self.facts, state, key)
        self.line, self.revision, self._stamp = self._told.line, self._told.revision, self._told.stamp

    @property
    def name(self) -> str:
        """What people call it."""
        return self._where.name

    @property
    def place(self) -> bytes:
        """Where it is, in one way of writing."""
        return self._where.place

    @property
    def lock_key(self) -> bytes:
        """A hub is not locked by its clients: this comes last."""
        return b"\xff" * IDENTITY.size

    def kind(self) -> str:
        """A hub is a tree."""
        return "tree"

    def make(self) -> None:
        """A hub is there."""

    def open(self) -> None:
        """It is open."""

    def lock(self) -> None:
        """Nobody locks a hub across a conversation."""

    def identity(self) -> bytes:
        """Who the hub is: made of its id, as long as a root's identity."""
        return self._digest(b"hub")

    def sweep(self) -> bool:
        """A hub sweeps for itself."""
        return False

    def scan(self, rules: Rules) -> Scanned:
        """What the hub has, without what the rules leave out."""
        seen = Seen()
        return Scanned(selected(self._told.blocks(), selector(rules), seen), seen)

    def digests_of(self, entries: List[Entry]) -> Dict[TreePath, bytes]:
        """Those of links are made here; those of its files the hub has told."""
        found = {entry.path: digest_of_pieces([entry.target]) for entry in entries if entry.kind is Kind.LINK}
        found.update((entry.path, entry.digest) for entry in entries if entry.digest is not None)
        return found

    def signatures_of(self, entries: List[Entry]) -> Dict[TreePath, Signature]:
        """They come with the answers to offers."""
        return {}

    def read(self, wants: Wants, at: Places) -> Iterator[Item]:
        """The contents of the hub's files, in the order of ``wants``."""
        if not wants:
            return
        names = iter([want.entry.path for want in wants])
        paths = [at.get(want.entry.path, want.entry.path) for want in wants]
        for item in self._hub.fetch(paths, [want.signature for want in wants]):
            if isinstance(item, (Small, Begin, Same, Trouble)):
                item = item._replace(path=next(names, item.path))
            yield item

    def copy_aside(self, plan: MirrorPlan, at: Places) -> Report:
        """What loses its name on the hub is put there under another one; its content comes here and goes back."""
        sent, _bases = self.consider(plan)
        return self.apply(sent, self.read(wants_of(sent, {}), at))

    def consider(self, plan: MirrorPlan) -> Tuple[MirrorPlan, Dict[TreePath, Signature]]:
        """Make the offers; what the hub wants of the plan, and signatures of its own versions."""
        self._said, self._expected, self._refused = Report(), {}, set()
        files = (step for step in (*plan.puts, *plan.settles) if step.wanted.kind is Kind.FILE)
        unread = {step.path for step in files if step.wanted.digest is None}
        self._said.problems.extend(Problem(path, _UNREAD) for path in unread)
        plan = without(plan, unread)
        steps = list(steps_of(plan))
        asked = asked_first(steps, self._insists)
        dropped, bases = self._ask_about(asked)
        refused = {request_for(step) for step in asked if step.path in self._refused}
        if refused:
            known = {step.path for step in asked}
            left = (step for step in steps if step.path not in known)
            more = [step for step in left if request_for(step) in refused]
            dropped |= self._ask_about(more)[0]
        dropped |= self._kept_by_what_is_in_them(plan)
        return without(plan, dropped), bases

    def _ask_about(self, steps: List[Step]) -> Tuple[Set[TreePath], Dict[TreePath, Signature]]:
        """What the hub would do: the paths that are not to be put, and signatures of its own versions."""
        dropped: Set[TreePath] = set()
        bases: Dict[TreePath, Signature] = {}
        for part in portions(steps):
            for step, answer in zip(part, self._hub.offer([offer_of(step) for step in part])):
                if not self._heed(step, answer):
                    dropped.add(step.path)
                elif answer.signature is not None:
                    bases[step.path] = answer.signature
        return dropped, bases

    def _heed(self, step: Step, answer: Answer) -> bool:
        """Whether the step is still to be made after this answer."""
        judged = judge_answer(answer.decision, brings_nothing(step), self._insists)
        if judged is Next.PROBLEM:
            self._refused.add(step.path)
            self._said.problems.append(Problem(step.path, answer.why or "the hub refuses it"))
        elif judged is Next.CONFLICT:
            self._conflict(step, b"")
        elif judged is Next.INSIST:
            self._expected[step.path] = answer.held
        if judged in (Next.AGREED, Next.CONFLICT):
            self._rows.append((step.path, answer.held))
        return judged in (Next.PUT, Next.COPY, Next.INSIST)

    def _kept_by_what_is_in_them(self, plan: MirrorPlan) -> Set[TreePath]:
        """The directories that are not removed because something in them is not."""
        kept: Set[TreePath] = set()
        stays = {split(path)[0] for path in self._said.undone}
        for step in (*plan.clearances, *plan.removals):
            if step.path in stays:
                kept.add(step.path)
                stays.add(split(step.path)[0])
                self._said.undone.append(step.path)
        return kept

    def _conflict(self, step: Step, kept_as: bytes) -> None:
        self._said.undone.append(step.path)
        kind = "delete" if isinstance(step, Remove) else "edit"
        self.late.append(Conflict(step.path, kind, Where.RIGHT, kept_as))

    def apply(self, plan: MirrorPlan, items: Iterator[Item]) -> Report:
        """Put what is left of the plan, with the contents in ``items``; what the hub says became of it."""
        parts = list(portions(as_sent(plan)))
        for part, receipt in zip(parts, self._hub.put_all(self._batches(parts, items))):
            if len(receipt.outcomes) != len(part):
                raise RemoteProtocolError("a hub's receipt does not answer what was put")
            for step, outcome in zip(part, receipt.outcomes):
                self._take(step, outcome)
            if receipt.revision == self.revision + 1:
                self.revision, self._stamp = receipt.revision, receipt.stamp
        return self._said

    def _batches(self, parts: List[List[Step]], items: Iterator[Item]) -> Iterator[Offered]:
        for part in parts:
            offers = [offer_of(step) for step in part]
            if self._expected:
                offers = [offer._replace(expected=self._expected.get(offer.path, offer.expected)) for offer in offers]
            settled = (step for step in part if isinstance(step, SetAttributes) and step.wanted.kind is Kind.FILE)
            same = [Same(step.path) for step in settled]
            contents = next_files(items, sum(map(wants_content, offers)) - len(same))
            yield offers, chain(contents, same)

    def _take(self, step: Step, outcome: Outcome) -> None:
        self._rows.append((step.path, outcome.held))
        if outcome.decision is Decision.COMMIT:
            self._said.did(step)
            self.sent += isinstance(step, (PutFile, PutLink))
        elif outcome.decision is Decision.REFUSED:
            self._said.problems.append(Problem(step.path, outcome.why or "the hub refused it"))
        elif outcome.decision is Decision.STALE:
            self._conflict(step, outcome.kept_as)

    def turn_page(self) -> None:
        """Put aside what the hub said of a portion's paths."""
        self._told.hear(self._rows)
        self._rows = []

    def remember(self, carry_out: "Optional[Perform]" = None) -> None:
        """Keep what the hub has, for the next run.

        :raises OSError: when it can't be written.
        """
        self._told.remember(self.revision, self._stamp, carry_out)

    def acknowledge(self) -> None:
        """Tell the hub how far this side is."""
        self._hub.acknowledge(self.revision)

    def forget(self) -> None:
        """Let go of what was told. May be called twice."""
        self._told.close()

    def let_go(self) -> None:
        """A hub elsewhere may end while this side records the run."""
        if not self._is_told and isinstance(self._hub, Dismissed):
            self._hub.dismiss()

    def close(self) -> None:
        """The session belongs to who opened it."""

    def _digest(self, *what: bytes) -> bytes:
        return digest_of_pieces([b"\0".join((b"copia hub", self.facts.hub_id, *what))])[: IDENTITY.size]
