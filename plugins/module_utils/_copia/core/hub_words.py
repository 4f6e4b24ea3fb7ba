# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client and its hub tell each other, as values. The same words in one process and over a wire.

A client *offers*: "where you hold what I last agreed on with you, hold this". The hub *answers* without changing
anything, takes what is *put* (the offers again, with their content), and gives a *receipt* when all of it is on disk.
*News* are the rows that changed since a revision; the hub's revisions are one line.
"""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple, Optional, Protocol, Sequence, Tuple, Union

from ..values import dataclass
from .cas import Decision
from .entries import ABSENT, Absent, Entry, Kind
from .parcel import Item
from .paths import TreePath
from .signature import Signature

Held = Union[Entry, Absent]
"""What a path holds: an entry (of a file always with its digest), or nothing."""

REMOVED = ABSENT
"""What an offer wants that is to remove: nothing at the path."""


NO_STAMP = bytes(16)
"""The stamp of no revision."""


class Mark(NamedTuple):
    """What a client knows of a hub: which hub it is (16 bytes), and up to which revision it was told.

    ``stamp`` is what the hub called that revision: 16 random bytes that each revision gets when it is made. A hub that
    was restored from a backup and has as many revisions again calls them otherwise.
    """

    hub_id: bytes
    revision: int
    stamp: bytes = NO_STAMP


class Offer(NamedTuple):
    """At ``path`` the hub is to hold ``wanted``, if it holds ``expected`` now.

    ``expected`` is what the client last agreed on with this hub, never what a fresh listing says.
    """

    path: TreePath
    expected: Held
    wanted: Held


Offered = Tuple[Sequence[Offer], Iterator[Item]]
"""Offers that are put with one call, and the contents of the files that they want, in their order."""


class Answer(NamedTuple):
    """What the hub would do with an offer now. It may decide otherwise when the offer is put.

    ``held`` is what it holds; ``signature`` that of its own file, where the content may come as a delta against it;
    ``why`` one line for people where it is refused.
    """

    path: TreePath
    decision: Decision
    held: Held
    signature: Optional[Signature] = None
    why: str = ""


class Outcome(NamedTuple):
    """What became of an offer that was put.

    ``revision`` is the one under which the hub now holds ``held``. A stale offer's content is at ``kept_as``; that is
    empty where there was no content to keep (a removal, a directory).
    """

    path: TreePath
    decision: Decision
    revision: int
    kept_as: bytes
    held: Held
    why: str = ""


class Receipt(NamedTuple):
    """An outcome for each offer of one ``put``, in their order; all of it is on disk. ``revision`` is the hub's, and
    ``stamp`` that one's.
    """

    outcomes: Tuple[Outcome, ...]
    revision: int
    stamp: bytes = NO_STAMP


class Row(NamedTuple):
    """What the hub holds at ``path`` since ``revision``; ``held`` is absent for what was removed then."""

    path: TreePath
    held: Held
    revision: int


class NewsPage(NamedTuple):
    """Some of the news. There is always at least one page, and the last one says so.

    ``revision`` is what the client knows when it has taken all pages, and ``stamp`` that one's; the same on each.
    ``is_full`` says that the pages together list the whole tree, without what was removed: the client merges, and
    deletes nothing because of them.
    """

    rows: Tuple[Row, ...]
    revision: int
    is_full: bool
    is_last: bool
    stamp: bytes = NO_STAMP


class ClientSeen(NamedTuple):
    """How far a client is: the revision that it last acknowledged, and when (nanoseconds since the epoch)."""

    name: str
    revision: int
    when_ns: int


@dataclass(frozen=True)
class HubFacts:
    """A hub. ``hub_id`` is 16 random bytes, new when the index had to be rebuilt; ``files``, ``bytes`` and
    ``conflicts`` (conflict copies) count what it holds below the client's prefix; ``quota`` is in bytes, 0 without one;
    ``oldest`` is the first revision since which it can tell what changed.
    """

    hub_id: bytes
    revision: int
    files: int
    bytes: int
    conflicts: int
    quota: int = 0
    clients: Tuple[ClientSeen, ...] = ()
    oldest: int = 0


class Keeping(NamedTuple):
    """How much a hub keeps of what is displaced: the newest ``versions`` of each path, for ``days``, with so many
    ``bytes`` altogether (0: any).
    """

    versions: int = 0
    days: int = 30
    bytes: int = 0


class Hub(Protocol):
    """A session of one client with one hub: in this process, or over a wire."""

    def facts(self) -> HubFacts:
        """Who the hub is and what it holds."""

    def news(self, since: Optional[Mark]) -> Iterator[NewsPage]:
        """What changed since a mark; everything when there is none, or when it is of another hub or too old."""

    def offer(self, offers: Sequence[Offer]) -> Tuple[Answer, ...]:
        """An answer to each offer, in their order. Nothing changes."""

    def put(self, offers: Sequence[Offer], items: Iterator[Item]) -> Receipt:
        """Have the hub take the offers. ``items`` are the contents of the files they want, in their order: for each a
        ``Small``, a ``Begin`` to ``End`` or ``Broken``, a ``Trouble``, or a ``Same`` where only attributes are to be
        other ones. One call is one revision.
        """

    def put_all(self, batches: Iterable[Offered]) -> Iterator[Receipt]:
        """Put one batch after the other; where the hub is far, the next one is on its way while it takes the one
        before. Each is a revision of its own.
        """

    def fetch(self, paths: Sequence[TreePath], signatures: Sequence[Optional[Signature]]) -> Iterator[Item]:
        """The contents of the hub's files at ``paths``, in their order, as deltas where there is a signature of the
        client's own version.
        """

    def acknowledge(self, revision: int) -> None:
        """Note that this client has everything up to ``revision``."""

    def close(self) -> None:
        """End the session."""


class Dismissed:
    """A session with a hub elsewhere, which need not be kept waiting for its end."""

    def dismiss(self) -> None:
        """Nothing more is asked of the hub: it may end while its client still works."""
        raise NotImplementedError


def wants_content(offer: Offer) -> bool:
    """Whether an offer that is put comes with an item."""
    return isinstance(offer.wanted, Entry) and offer.wanted.kind is Kind.FILE
