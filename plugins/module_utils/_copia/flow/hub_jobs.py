# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as a job of ``copia serve``, and the client's end of it with the methods of a session in this process.

What a forced command says of its client holds; what the client says of itself (a root, a name) is then not read.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from itertools import chain
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Deque,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from ..core.errors import InputError, RemoteProtocolError
from ..core.hub_words import Answer, Dismissed, HubFacts, Mark, NewsPage, Offer, Offered, Receipt
from ..core.parcel import Item
from ..core.paths import TreePath
from ..core.rights import ALL_RIGHTS, READ_ONLY
from ..core.signature import Signature, pack_signature, unpack_signature
from ..wire import hub_messages as say
from ..wire.fields import field, number, only
from ..wire.frames import Limits
from ..wire.pack import decode_pack, encode_pack
from .grant import Grant
from .talk import Message, Part, Reply, Talk

if TYPE_CHECKING:
    from ..link.ssh import SshOptions
    from .hub import HubSpec

LIMITS = Limits(message=say.BLOB_MOST)
"""Nothing but a blob is gathered before it is read."""
_NAME_MOST = 64


class HubJob:
    """One client's session."""

    limits = LIMITS
    facts: Mapping[str, Any] = {}

    def __init__(self, terms: Mapping[str, Any], grant: Grant, spec: "Optional[HubSpec]" = None) -> None:
        """Open the hub that ``spec`` says; without one, the root that the terms name and the grant holds.

        :raises CopiaError: when the terms are damaged, or the hub can't be opened.
        """
        from .hub import HubSession, HubSpec

        only(terms, ("root", "client"))
        root, client = field(terms, "root", bytes), client_name(field(terms, "client", str))
        if spec is None:
            rights = ALL_RIGHTS if grant.writes else READ_ONLY
            spec = HubSpec(grant.to_read(root), client, rights)
        self._hub = HubSession(spec)

    def answer(self, ask: Message, talk: Talk) -> Reply:
        """``facts``, ``news``, ``offer``, ``put``, ``fetch``, ``acknowledge``."""
        told = say.Incoming(ask.parts)
        if ask.name == "facts":
            only(ask.fields, ())
            return Reply({}, _parts(say.pieces("facts", say.encode_facts(self._hub.facts()))))
        if ask.name == "news":
            only(ask.fields, ("hub_id", "revision", "stamp"))
            return Reply({}, _pages(self._hub.news(say.parse_mark(ask.fields))))
        if ask.name == "offer":
            offers = say.decode_offers(told.blob("offers").data)
            told.close()
            return Reply({}, _answers(self._hub.offer(offers)))
        if ask.name == "put":
            return self._put(told)
        if ask.name == "fetch":
            paths, signatures = _wants(told)
            return Reply({}, _parts(say.stream("pack", encode_pack(self._hub.fetch(paths, signatures), talk.codec))))
        if ask.name == "acknowledge":
            self._hub.acknowledge(number(ask.fields, "revision"))
            return Reply({})
        raise RemoteProtocolError(f"a hub is asked {ask.name!r}, which it does not answer")

    def _put(self, told: say.Incoming) -> Reply:
        offers = say.decode_offers(told.blob("offers").data)
        receipt = self._hub.put(offers, decode_pack(told.raw("pack")))
        told.close()
        return Reply({}, _parts(say.pieces("receipt", say.encode_receipt(receipt))))

    def close(self) -> None:
        """End the session."""
        self._hub.close()


class RemoteHub(Dismissed):
    """A hub at the other end of a talk in which ``hub`` is opened."""

    def __init__(self, talk: Talk) -> None:
        """Wait until the hub is there.

        :raises CopiaError: when it refuses.
        """
        self._talk = talk
        talk.accepted()

    def facts(self) -> HubFacts:
        """Who the hub is and what it holds."""
        return say.decode_facts(self._ask("facts", {}, ()).blob("facts").data)

    def news(self, since: Optional[Mark]) -> Iterator[NewsPage]:
        """What changed since a mark."""
        told = self._ask("news", say.mark_fields(since), ())
        while True:
            page = say.decode_page(told.blob("page").data)
            yield page
            if page.is_last:
                return

    def offer(self, offers: Sequence[Offer]) -> Tuple[Answer, ...]:
        """An answer to each offer."""
        told = self._ask("offer", {}, say.pieces("offers", say.encode_offers(offers)))
        answers = say.decode_answers(told.blob("answers").data)
        _check(offers, [answer.path for answer in answers])
        while told.has("signature"):
            blob = told.blob("signature", 1 << 30)
            if blob.at >= len(answers):
                raise RemoteProtocolError("a hub signs what nobody offered")
            answers[blob.at] = answers[blob.at]._replace(signature=unpack_signature(blob.data))
        return tuple(answers)

    def put(self, offers: Sequence[Offer], items: Iterator[Item]) -> Receipt:
        """Have the hub take the offers."""
        self._send(offers, items)
        return self._receipt(offers)

    def put_all(self, batches: Iterable[Offered]) -> Iterator[Receipt]:
        """Put one batch after the other; each is sent before the hub has answered the one before."""
        waiting: Deque[Sequence[Offer]] = deque()
        for offers, items in batches:
            self._send(offers, items)
            waiting.append(offers)
            if len(waiting) > 1:
                yield self._receipt(waiting.popleft())
        while waiting:
            yield self._receipt(waiting.popleft())

    def _send(self, offers: Sequence[Offer], items: Iterator[Item]) -> None:
        offered = say.pieces("offers", say.encode_offers(offers))
        contents = say.stream("pack", encode_pack(items, self._talk.codec))
        self._talk.ask("put", {}, _parts(chain(offered, contents)))

    def _receipt(self, offers: Sequence[Offer]) -> Receipt:
        receipt = say.decode_receipt(say.Incoming(self._talk.answer().parts).blob("receipt").data)
        _check(offers, [outcome.path for outcome in receipt.outcomes])
        return receipt

    def fetch(self, paths: Sequence[TreePath], signatures: Sequence[Optional[Signature]]) -> Iterator[Item]:
        """The contents of the hub's files at ``paths``; all that is wanted is asked for before the first one comes."""
        for start in range(0, len(paths), say.OFFERS_MOST):
            end = start + say.OFFERS_MOST
            told = self._ask("fetch", {}, _asked(paths[start:end], signatures[start:end]))
            yield from decode_pack(told.raw("pack"))

    def acknowledge(self, revision: int) -> None:
        """Note that this client has everything up to ``revision``."""
        self._ask("acknowledge", {"revision": revision}, ())

    def dismiss(self) -> None:
        """Say good-bye."""
        self._talk.say_goodbye()

    def close(self) -> None:
        """The talk is closed by who opened it."""

    def _ask(self, name: str, fields: Dict[str, Any], pieces: "Iterator[say.Piece] | Tuple[()]") -> say.Incoming:
        self._talk.ask(name, fields, _parts(pieces))
        return say.Incoming(self._talk.answer().parts)


@contextmanager
def remote_hub(
    host: str, root: bytes, client: str, options: "SshOptions", meanwhile: Callable[[], None]
) -> Iterator[RemoteHub]:
    """A session with the hub at ``root`` of ``host``, over ssh. A forced command there may say another root and name.
    ``meanwhile`` is called when ssh is on its way.

    :raises CopiaError: what went wrong on the way or there, with the host's name before it.
    """
    from .calling import conversation

    terms = {"root": root, "client": client_name(client)}
    with conversation(host, options, "hub", terms, LIMITS, meanwhile) as talk:
        yield RemoteHub(talk)


def client_name(name: str) -> str:
    """A strict name: letters, digits, ``.``, ``_`` and ``-``, at most 64 of them.

    :raises InputError: when it is another.
    """
    if not 0 < len(name) <= _NAME_MOST or not all(c.isascii() and (c.isalnum() or c in "._-") for c in name):
        raise InputError(f"{name!r} is no name of a client: expected up to {_NAME_MOST} letters, digits, '.', '_', '-'")
    return name


def _parts(pieces: "Iterable[say.Piece]") -> Iterator[Part]:
    return (Part(*piece) for piece in pieces)


def _pages(pages: Iterator[NewsPage]) -> Iterator[Part]:
    for page in pages:
        yield from _parts(say.pieces("page", say.encode_page(page)))


def _answers(answers: Sequence[Answer]) -> Iterator[Part]:
    yield from _parts(say.pieces("answers", say.encode_answers(answers)))
    for at, answer in enumerate(answers):
        if answer.signature is not None:
            yield from _parts(say.pieces("signature", pack_signature(answer.signature), at))


def _asked(paths: Sequence[TreePath], signatures: Sequence[Optional[Signature]]) -> Iterator[say.Piece]:
    yield from say.pieces("paths", say.encode_paths(paths))
    for at, signature in enumerate(signatures):
        if signature is not None:
            yield from say.pieces("signature", pack_signature(signature), at)


def _wants(told: say.Incoming) -> Tuple[List[TreePath], List[Optional[Signature]]]:
    paths = say.decode_paths(told.blob("paths").data)
    signatures: List[Optional[Signature]] = [None] * len(paths)
    left = 4 * say.BLOB_MOST
    while told.has("signature"):
        blob = told.blob("signature", left)
        left -= len(blob.data)
        if blob.at >= len(paths):
            raise RemoteProtocolError("a signature is of no path that is asked for")
        signatures[blob.at] = unpack_signature(blob.data)
    told.close()
    return paths, signatures


def _check(offers: Sequence[Offer], answered: List[TreePath]) -> None:
    if [offer.path for offer in offers] != answered:
        raise RemoteProtocolError("a hub answers other offers than it was made")
