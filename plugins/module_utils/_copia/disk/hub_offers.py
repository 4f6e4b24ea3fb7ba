# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch makes of an offer: a step, a decision, an outcome."""

from __future__ import annotations

from typing import Optional

from ..core.cas import Decision, Likeness, judge_offer, likeness
from ..core.entries import ABSENT, Entry, Kind, Presence
from ..core.errors import RemoteProtocolError
from ..core.hub_words import Held, Offer, Outcome
from ..core.steps import Put, PutFile, PutLink, Reason
from .hub_look import There


def decision_on(offer: Offer, there: There) -> Decision:
    """The decision of the kernel; what is blocked is not what anybody expects."""
    expected = likeness(there.held, offer.expected)
    return judge_offer(Likeness.OTHER if there.blocked else expected, likeness(there.held, offer.wanted))


def size_of(what: Presence) -> int:
    """The bytes that it takes of a quota."""
    return what.size if isinstance(what, Entry) and what.kind is Kind.FILE else 0


def displaced_by(offer: Offer, there: There) -> Optional[Entry]:
    """The file whose content leaves the tree when it is done what an offer wants."""
    found = there.found
    if isinstance(found, Entry) and found.kind is Kind.FILE and likeness(there.held, offer.wanted) is Likeness.OTHER:
        return found
    return None


def has_item(offer: Offer) -> bool:
    """Whether an offer that is put has something staged: a file or a link."""
    return isinstance(offer.wanted, Entry) and offer.wanted.kind is not Kind.DIRECTORY


def put_of(offer: Offer) -> Put:
    """An offer of a file or a link as a step.

    :raises RemoteProtocolError: when it is a removal.
    """
    if not isinstance(offer.wanted, Entry):
        raise RemoteProtocolError("a removal has no content")
    kind = PutFile if offer.wanted.kind is Kind.FILE else PutLink
    return kind(offer.path, offer.expected, offer.wanted, Reason.CONTENT)


def plain(held: Presence) -> Held:
    """What an outcome says of what a path holds; of what nobody could look at, nothing."""
    return held if isinstance(held, Entry) else ABSENT


def refused(offer: Offer, there: There, why: str) -> Outcome:
    """The outcome of an offer that is refused."""
    return Outcome(offer.path, Decision.REFUSED, there.known.revision, b"", plain(there.held), why)
