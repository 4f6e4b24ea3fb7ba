# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A side of a two-way sync as a job of ``copia serve``: one ask for each thing that the story asks of a tree."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from ..core.accounts import in_plan
from ..core.errors import InputError, RemoteProtocolError
from ..core.parcel import Listing
from ..core.preserve import parse_preserve
from ..core.selection import Rules
from ..core.steps import MirrorPlan
from ..disk.accounts import accounts_in, ids_here
from ..wire.fields import field, list_of, number, only
from ..wire.frames import Limits
from ..wire.messages import encode_listing
from ..wire.reports import encode_report
from ..wire.side_messages import (
    decode_asked,
    decode_entries,
    decode_orders,
    encode_digests,
    encode_signatures,
)
from .grant import Grant
from .local_side import LocalSide
from .pump import packing, unpacking
from .sides import Places
from .talk import Message, Reply, Talk, in_parts, pieces_in_parts

LIMITS = Limits()
_CHANGING = ("make", "sweep", "copy_aside", "apply")


class SideJob:
    """A tree of this host, held for the whole conversation."""

    limits = LIMITS

    def __init__(self, terms: Mapping[str, Any], grant: Grant) -> None:
        """Name the root; nothing is opened yet.

        :raises CopiaError: when the terms are damaged, or the grant does not hold it.
        """
        only(terms, ("path", "durable", "patience", "check", "preserve", "backup"))
        self._check = field(terms, "check", bool)
        path = field(terms, "path", bytes)
        path = grant.to_read(path) if self._check else grant.to_write(path)
        patience = number(terms, "patience", 86400)
        self._keeps = parse_preserve(list_of(terms, "preserve", str))
        how: Dict[str, Any] = {"durable": field(terms, "durable", bool), "preserve": self._keeps}
        how["backup"] = grant.place(terms, is_written=not self._check)
        self._side = LocalSide(path, patience=float(patience), **how)
        self._is_open = self._is_held = False
        self.facts: Dict[str, Any] = {"place": self._side.place}
        self._answers: Mapping[str, Callable[[Message, Talk], Reply]] = {
            "kind": self._kind,
            "make": self._make,
            "open": self._open,
            "lock": self._lock,
            "identity": self._identity,
            "sweep": self._sweep,
            "scan": self._scan,
            "folding": self._folding,
            "digests": self._digests,
            "signatures": self._signatures,
            "read": self._read,
            "copy_aside": self._copy_aside,
            "apply": self._apply,
        }

    def answer(self, ask: Message, talk: Talk) -> Reply:
        """What ``flow/sides.py`` says of the ask."""
        if ask.name not in self._answers:
            raise RemoteProtocolError(f"a side is asked {ask.name!r}, which it does not know")
        if ask.name not in ("kind", "make", "open") and not self._is_open:
            raise RemoteProtocolError(f"a side is asked {ask.name!r} before it is open")
        if ask.name in _CHANGING and self._check:
            raise InputError(f"{self._side.name} is only looked at in this conversation; nothing can be changed")
        if ask.name in ("sweep", "copy_aside", "apply") and not self._is_held:
            raise RemoteProtocolError(f"a side is asked {ask.name!r} before it is locked")
        return self._answers[ask.name](ask, talk)

    def close(self) -> None:
        """Let go of the lock."""
        self._side.close()

    def _kind(self, _ask: Message, _talk: Talk) -> Reply:
        return Reply({"kind": self._side.kind() or ""})

    def _make(self, _ask: Message, _talk: Talk) -> Reply:
        try:
            self._side.make()
        except OSError as error:
            raise InputError(f"{self._side.name} cannot be made: {error.strerror}") from error
        return Reply({})

    def _open(self, _ask: Message, _talk: Talk) -> Reply:
        if self._is_open:
            raise RemoteProtocolError("a side is opened twice")
        self._side.open()
        self._is_open = True
        return Reply({"lock_key": self._side.lock_key})

    def _lock(self, _ask: Message, _talk: Talk) -> Reply:
        self._side.lock()
        self._is_held = True
        return Reply({})

    def _identity(self, _ask: Message, _talk: Talk) -> Reply:
        return Reply({"identity": self._side.identity() or b""})

    def _sweep(self, _ask: Message, _talk: Talk) -> Reply:
        return Reply({"has_edits": self._side.sweep()})

    def _scan(self, ask: Message, _talk: Talk) -> Reply:
        rules = Rules(tuple(list_of(ask.fields, "exclude", str)), tuple(list_of(ask.fields, "include", str)))
        found = self._side.scan(rules)
        manifest = found.manifest()
        accounts = accounts_in(manifest, self._keeps)
        return Reply({}, in_parts(encode_listing(Listing(manifest, True, tuple(found.seen.problems), accounts))))

    def _folding(self, _ask: Message, _talk: Talk) -> Reply:
        return Reply({"folding": int(self._side.folding(may_write=self._is_held and not self._check))})

    def _digests(self, ask: Message, talk: Talk) -> Reply:
        entries = decode_entries(talk.gather(ask))
        return Reply({}, in_parts(encode_digests(entries, self._side.digests_of(entries))))

    def _signatures(self, ask: Message, talk: Talk) -> Reply:
        entries = decode_entries(talk.gather(ask))
        return Reply({}, in_parts(encode_signatures(self._side.signatures_of(entries))))

    def _read(self, ask: Message, talk: Talk) -> Reply:
        wants, at = decode_asked(talk.gather(ask))
        return Reply({}, pieces_in_parts(packing(self._side.read(wants, at), talk.codec)))

    def _copy_aside(self, ask: Message, talk: Talk) -> Reply:
        plan, at = _orders(talk.gather(ask))
        return Reply({}, in_parts(encode_report(self._side.copy_aside(plan, at))))

    def _apply(self, ask: Message, _talk: Talk) -> Reply:
        pieces = ask.raw()
        plan, _at = _orders(first_bytes(pieces, number(ask.fields, "orders", LIMITS.message)))
        return Reply({}, in_parts(encode_report(self._side.apply(plan, unpacking(pieces)))))


def _orders(data: bytes) -> Tuple[MirrorPlan, Places]:
    """A plan with the ids of this host, and where the content for it is."""
    plan, at, accounts = decode_orders(data)
    return in_plan(plan, ids_here(accounts)), at


def first_bytes(pieces: Iterator[bytes], size: int) -> bytes:
    """The first ``size`` bytes of pieces that are cut there.

    :raises RemoteProtocolError: when they are not.
    """
    gathered = []
    while size > 0:
        piece = next(pieces, b"")
        if not 0 < len(piece) <= size:
            raise RemoteProtocolError("a message is not cut where it says")
        gathered.append(piece)
        size -= len(piece)
    return b"".join(gathered)
