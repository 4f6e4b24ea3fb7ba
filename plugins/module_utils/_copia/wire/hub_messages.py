# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a hub session as messages, and back (``docs/formats/hub-messages.md``).

A message is a sequence of *blobs*: pieces of bytes, each labelled with what it is of, the last one of a blob marked.
What paths hold travels as the packed rows of every listing; what came from outside is checked before anybody sees it.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..core.cas import Decision
from ..core.entries import ABSENT, Entry, Kind, Presence, Unknown
from ..core.errors import RemoteProtocolError
from ..core.hub_words import Answer, ClientSeen, Held, HubFacts, Mark, NewsPage, Offer, Outcome, Receipt, Row
from ..core.manifest import Rows, pack_rows, parse_rows
from ..core.paths import TreePath, parse_paths
from . import gate
from .fields import field, line, list_of, number

OFFERS_MOST = 8192
"""Offers, or paths to fetch, of one ask."""
BLOB_MOST = 16 << 20
"""Bytes of a blob that is gathered before it is read."""
_PIECE = 1 << 18
_DECISIONS = tuple(Decision)
_NO_DIGEST = bytes(32)
_ID = 16
_COUNTS = ("revision", "files", "bytes", "conflicts", "quota", "oldest")


class Piece(NamedTuple):
    """A part of a message: ``fields`` and raw bytes."""

    fields: Mapping[str, Any]
    raw: bytes


class Blob(NamedTuple):
    """Bytes, and which one of its kind they are."""

    of: str
    at: int
    data: bytes


def pieces(of: str, data: bytes, at: int = 0) -> Iterator[Piece]:
    """The pieces of one blob; an empty one has one, too."""
    for start in range(0, len(data) or 1, _PIECE):
        end = start + _PIECE
        yield Piece({"of": of, "at": at, "end": end >= len(data)}, data[start:end])


def stream(of: str, raw: Iterable[bytes]) -> Iterator[Piece]:
    """The pieces of a blob whose length nobody knows."""
    for data in raw:
        for start in range(0, len(data), _PIECE):
            yield Piece({"of": of, "at": 0, "end": False}, data[start : start + _PIECE])
    yield Piece({"of": of, "at": 0, "end": True}, b"")


class Incoming:
    """The blobs of a message, in the order in which they come.

    Everything here raises ``RemoteProtocolError`` when something else comes, or more than is allowed.
    """

    def __init__(self, parts: Iterable[Tuple[Mapping[str, Any], bytes]]) -> None:
        self._parts = iter(parts)
        self._next: Optional[Piece] = None

    def _peek(self) -> Optional[Piece]:
        if self._next is None:
            for fields, raw in self._parts:
                if set(fields) != {"of", "at", "end"}:
                    raise RemoteProtocolError("a part of a hub's message has another header than the format says")
                self._next = Piece(fields, raw)
                break
        return self._next

    def has(self, of: str) -> bool:
        """Whether the next blob is of that kind."""
        piece = self._peek()
        return piece is not None and field(piece.fields, "of", str) == of

    def blob(self, of: str, most: int = BLOB_MOST) -> Blob:
        """The next blob, whole; it has at most ``most`` bytes."""
        gathered: List[bytes] = []
        piece = self._peek()
        at = number(piece.fields, "at") if piece is not None else 0
        for raw in self.raw(of, at):
            most -= len(raw)
            if most < 0:
                raise RemoteProtocolError(f"a hub's message has more {of} than is allowed")
            gathered.append(raw)
        return Blob(of, at, b"".join(gathered))

    def raw(self, of: str, at: int = 0) -> Iterator[bytes]:
        """The bytes of the next blob, as they come."""
        while True:
            piece = self._peek()
            if piece is None or not self.has(of) or number(piece.fields, "at") != at:
                raise RemoteProtocolError(f"a hub's message lacks {of}")
            self._next = None
            yield piece.raw
            if field(piece.fields, "end", bool):
                return

    def close(self) -> None:
        """Nothing more may come."""
        if self._peek() is not None:
            raise RemoteProtocolError("a hub's message has more than the format says")


def _encode_held(held: Sequence[Tuple[TreePath, Held]]) -> List[bytes]:
    rows: List[Tuple[bytes, Presence]] = []
    for path, what in held:
        if isinstance(what, Entry) and what.kind is Kind.FILE and what.digest is None:
            what = what._replace(digest=_NO_DIGEST)
        rows.append((path, what))
    return list(pack_rows(rows)[:4])


def _decode_held(columns: List[bytes], most: int = OFFERS_MOST) -> List[Tuple[TreePath, Held]]:
    rows = Rows(*columns)
    found: List[Tuple[TreePath, Held]] = []
    for path, what in parse_rows(rows):
        if isinstance(what, Unknown):
            raise RemoteProtocolError("a hub's message has an entry that nobody could look at")
        if isinstance(what, Entry) and what.kind is Kind.FILE and what.digest in (None, _NO_DIGEST):
            what = what._replace(digest=None)
        found.append((path, what if isinstance(what, Entry) else ABSENT))
    if len(found) > most:
        raise RemoteProtocolError(f"a hub's message has {len(found)} rows, at most {most} are allowed")
    return found


def _columns(body: Mapping[str, Any], key: str) -> List[bytes]:
    return list_of(body, key, bytes, 4)


def _body(data: bytes, *keys: str) -> Dict[str, Any]:
    body = gate.decode(data)
    if not isinstance(body, dict) or set(body) != set(keys):
        raise RemoteProtocolError("a hub's message has other fields than the format says")
    return body


def _numbers(body: Mapping[str, Any], key: str, count: int) -> List[int]:
    found = list_of(body, key, int, count)
    if any(not 0 <= each < 1 << 63 for each in found):
        raise RemoteProtocolError(f"a hub's message has {key} out of range")
    return found


def _decisions(body: Mapping[str, Any], count: int) -> List[Decision]:
    numbers = _numbers(body, "decisions", count)
    if any(each >= len(_DECISIONS) for each in numbers):
        raise RemoteProtocolError("a hub's message has a decision that this side does not know")
    return [_DECISIONS[each] for each in numbers]


def encode_offers(offers: Sequence[Offer]) -> bytes:
    """Offers."""
    expected = _encode_held([(offer.path, offer.expected) for offer in offers])
    wanted = _encode_held([(offer.path, offer.wanted) for offer in offers])
    return gate.encode({"expected": expected, "wanted": wanted})


def decode_offers(data: bytes) -> Tuple[Offer, ...]:
    """Offers.

    :raises RemoteProtocolError: when they are damaged.
    """
    body = _body(data, "expected", "wanted")
    expected, wanted = (_decode_held(_columns(body, key)) for key in ("expected", "wanted"))
    if [path for path, _held in expected] != [path for path, _held in wanted]:
        raise RemoteProtocolError("a hub's message expects at other paths than it wants")
    return tuple(Offer(path, was, to_be) for (path, was), (_path, to_be) in zip(expected, wanted))


def encode_answers(answers: Sequence[Answer]) -> bytes:
    """Answers; their signatures travel beside."""
    return gate.encode(
        {
            "decisions": [_DECISIONS.index(answer.decision) for answer in answers],
            "held": _encode_held([(answer.path, answer.held) for answer in answers]),
            "whys": [answer.why for answer in answers],
        }
    )


def decode_answers(data: bytes) -> List[Answer]:
    """Answers, still without signatures.

    :raises RemoteProtocolError: when they are damaged.
    """
    body = _body(data, "decisions", "held", "whys")
    held = _decode_held(_columns(body, "held"))
    rows = zip(held, _decisions(body, len(held)), list_of(body, "whys", str, len(held)))
    return [Answer(path, decision, what, None, why) for (path, what), decision, why in rows]


def encode_receipt(receipt: Receipt) -> bytes:
    """A receipt."""
    outcomes = receipt.outcomes
    return gate.encode(
        {
            "revision": receipt.revision,
            "stamp": receipt.stamp,
            "decisions": [_DECISIONS.index(outcome.decision) for outcome in outcomes],
            "revisions": [outcome.revision for outcome in outcomes],
            "kept_as": [outcome.kept_as for outcome in outcomes],
            "held": _encode_held([(outcome.path, outcome.held) for outcome in outcomes]),
            "whys": [outcome.why for outcome in outcomes],
        }
    )


def decode_receipt(data: bytes) -> Receipt:
    """A receipt.

    :raises RemoteProtocolError: when it is damaged.
    """
    body = _body(data, "revision", "stamp", "decisions", "revisions", "kept_as", "held", "whys")
    held = _decode_held(_columns(body, "held"))
    count = len(held)
    kept = parse_paths(list_of(body, "kept_as", bytes, count))
    columns = zip(held, _decisions(body, count), _numbers(body, "revisions", count), kept)
    whys = list_of(body, "whys", str, count)
    outcomes = (
        Outcome(path, decision, revision, copy, what, why)
        for ((path, what), decision, revision, copy), why in zip(columns, whys)
    )
    return Receipt(tuple(outcomes), number(body, "revision"), parse_id(field(body, "stamp", bytes)))


def encode_page(page: NewsPage) -> bytes:
    """A page of news."""
    return gate.encode(
        {
            "held": _encode_held([(row.path, row.held) for row in page.rows]),
            "revisions": [row.revision for row in page.rows],
            "revision": page.revision,
            "stamp": page.stamp,
            "is_full": page.is_full,
            "is_last": page.is_last,
        }
    )


def decode_page(data: bytes) -> NewsPage:
    """A page of news.

    :raises RemoteProtocolError: when it is damaged.
    """
    body = _body(data, "held", "revisions", "revision", "stamp", "is_full", "is_last")
    held = _decode_held(_columns(body, "held"))
    revisions = _numbers(body, "revisions", len(held))
    rows = tuple(Row(path, what, revision) for (path, what), revision in zip(held, revisions))
    is_full, is_last = field(body, "is_full", bool), field(body, "is_last", bool)
    return NewsPage(rows, number(body, "revision"), is_full, is_last, parse_id(field(body, "stamp", bytes)))


def encode_facts(facts: HubFacts) -> bytes:
    """The facts of a hub."""
    numbers = {name: getattr(facts, name) for name in _COUNTS}
    clients = [[seen.name, seen.revision, seen.when_ns] for seen in facts.clients]
    return gate.encode({"hub_id": facts.hub_id, **numbers, "clients": clients})


def decode_facts(data: bytes) -> HubFacts:
    """The facts of a hub.

    :raises RemoteProtocolError: when they are damaged.
    """
    body = _body(data, "hub_id", "clients", *_COUNTS)
    clients: List[ClientSeen] = []
    for row in list_of(body, "clients", list):
        if len(row) != 3:
            raise RemoteProtocolError("a hub's message has a client in another form")
        seen = dict(zip(("name", "revision", "when_ns"), row))
        clients.append(ClientSeen(line(seen, "name"), number(seen, "revision"), number(seen, "when_ns")))
    revision, files, size, conflicts, quota, oldest = (number(body, name) for name in _COUNTS)
    hub_id = parse_id(field(body, "hub_id", bytes))
    return HubFacts(hub_id, revision, files, size, conflicts, quota, tuple(clients), oldest)


def mark_fields(since: Optional[Mark]) -> Dict[str, Any]:
    """A mark, or none, as the fields of an ask."""
    hub_id, revision, stamp = since or Mark(b"", 0)
    return {"hub_id": hub_id, "revision": revision, "stamp": stamp}


def parse_mark(fields: Mapping[str, Any]) -> Optional[Mark]:
    """The inverse.

    :raises RemoteProtocolError: when it is damaged.
    """
    hub_id, revision = field(fields, "hub_id", bytes), number(fields, "revision")
    stamp = parse_id(field(fields, "stamp", bytes))
    return Mark(parse_id(hub_id), revision, stamp) if hub_id else None


def parse_id(raw: bytes) -> bytes:
    """A hub's id, or a revision's stamp.

    :raises RemoteProtocolError: when it is none.
    """
    if len(raw) != _ID:
        raise RemoteProtocolError(f"an id of a hub has {len(raw)} bytes, expected {_ID}")
    return raw


def encode_paths(paths: Sequence[TreePath]) -> bytes:
    """Paths."""
    return gate.encode({"paths": list(paths)})


def decode_paths(data: bytes) -> List[TreePath]:
    """Paths.

    :raises RemoteProtocolError: when they are damaged, or too many.
    """
    paths = list_of(_body(data, "paths"), "paths", bytes)
    if len(paths) > OFFERS_MOST:
        raise RemoteProtocolError(f"{len(paths)} paths are asked for at once, at most {OFFERS_MOST} are allowed")
    return parse_paths(paths)
