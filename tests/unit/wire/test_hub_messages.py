# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of a hub are byte by byte what docs/formats/hub-messages.md shows; damaged ones are refused."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.errors import CopiaError, RemoteProtocolError
from copia.core.hub_words import Answer, ClientSeen, Held, HubFacts, NewsPage, Offer, Outcome, Receipt, Row
from copia.core.paths import TreePath
from copia.wire import gate
from copia.wire import hub_messages as say
from hypothesis import given, settings
from hypothesis import strategies as st

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "formats" / "hub-messages.md"
HUB = bytes(range(16))
STAMP = bytes(range(16, 32))
OLD = Entry(TreePath(b"d/a"), Kind.FILE, 3, 10**18, 0o644, b"\x11" * 32)
NEW = Entry(TreePath(b"d/a"), Kind.FILE, 4, 10**18 + 1, 0o600, b"\x22" * 32)
LINK = Entry(TreePath(b"l"), Kind.LINK, 0, 10**18, 0o777, target=b"d/a")
GONE = TreePath(b"x")


class Example(NamedTuple):
    """A message, and the two functions that it goes through."""

    message: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


EXAMPLES: Dict[str, Example] = {
    "facts": Example(
        HubFacts(HUB, 7, 2, 7, 1, 1000, (ClientSeen("web1", 5, 10**18),), 3), say.encode_facts, say.decode_facts
    ),
    "page": Example(
        NewsPage((Row(NEW.path, NEW, 6), Row(LINK.path, LINK, 3), Row(GONE, ABSENT, 7)), 7, False, True, STAMP),
        say.encode_page,
        say.decode_page,
    ),
    "offers": Example(
        (Offer(OLD.path, OLD, NEW), Offer(LINK.path, ABSENT, LINK), Offer(GONE, OLD._replace(path=GONE), ABSENT)),
        say.encode_offers,
        say.decode_offers,
    ),
    "answers": Example(
        [Answer(NEW.path, Decision.STALE, OLD), Answer(GONE, Decision.REFUSED, ABSENT, None, "no right to delete")],
        say.encode_answers,
        say.decode_answers,
    ),
    "receipt": Example(
        Receipt(
            (
                Outcome(NEW.path, Decision.STALE, 6, b"d/a.conflict-22", OLD),
                Outcome(LINK.path, Decision.COMMIT, 7, b"", LINK),
                Outcome(GONE, Decision.REFUSED, 0, b"", ABSENT, "no right to delete"),
            ),
            7,
            STAMP,
        ),
        say.encode_receipt,
        say.decode_receipt,
    ),
    "paths": Example([NEW.path, LINK.path], say.encode_paths, say.decode_paths),
}
NAMES = list(EXAMPLES)


def shown(name: str) -> bytes:
    """The bytes that the page shows below a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {name}\n")[1].split("\n#")[0]
    return bytes.fromhex("".join(re.findall(r"^    ((?:[0-9a-f]{2} ?)+)$", section, re.MULTILINE)))


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_byte_by_byte_what_the_page_shows(name: str) -> None:
    message, encode, decode = EXAMPLES[name]
    assert encode(message) == shown(name)
    assert decode(shown(name)) == message


def test_the_page_shows_each_blob_that_is_a_map() -> None:
    table = PAGE.read_text(encoding="utf-8").split("| blob | keys |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_part_of_a_message_is_one_and_nothing_may_stand_behind_it(name: str) -> None:
    message, encode, decode = EXAMPLES[name]
    data = encode(message)
    for end in range(len(data)):
        with pytest.raises(RemoteProtocolError):
            decode(data[:end])
    for behind in (b"\0", b"\xa0", data):
        with pytest.raises(RemoteProtocolError):
            decode(data + behind)


@pytest.mark.parametrize("name", NAMES)
def test_a_field_more_or_less_or_of_another_type_is_refused(name: str) -> None:
    message, encode, decode = EXAMPLES[name]
    body = gate.decode(encode(message))
    wrong: List[Any] = [{**body, "more": 1}, [body], None]
    for key in body:
        wrong.append({other: body[other] for other in body if other != key})
        wrong.extend({**body, key: value} for value in (None, "x", -1, 1 << 63, [None], {}, [[]] * 3, b"short"))
    for each in wrong:
        with pytest.raises(RemoteProtocolError):
            decode(gate.encode(each))
            pytest.fail(repr(each))


def damaged(data: bytes, how: str, place: int, value: int) -> bytes:
    """The bytes with one of them flipped, or some cut out, or one more."""
    at = place % len(data)
    if how == "flipped":
        return data[:at] + bytes([data[at] ^ value]) + data[at + 1 :]
    if how == "cut":
        return data[:at] + data[at + value :]
    return data[:at] + bytes([value]) + data[at:]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.lists(
        st.tuples(st.sampled_from(["flipped", "cut", "put in"]), st.integers(0, 999), st.integers(1, 255)), max_size=4
    ),
)
def test_damage_never_does_worse_than_a_refusal(name: str, damages: List[Tuple[str, int, int]]) -> None:
    """And what is not refused is a message: it goes out and in again."""
    message, encode, decode = EXAMPLES[name]
    data = encode(message)
    for how, place, value in damages:
        data = damaged(data or b"\0", how, place, value)
    try:
        found = decode(data)
    except CopiaError as error:
        assert "\n" not in str(error)
        return
    assert decode(encode(found)) == found


PART = st.text("abcXYZ \n\u00e9", min_size=1, max_size=6).map(str.encode) | st.binary(min_size=1, max_size=6).map(
    lambda raw: b"n" + raw.replace(b"/", b"").replace(b"\0", b"")
)
PATHS = st.lists(PART, min_size=1, max_size=3).map(lambda parts: TreePath(b"/".join(parts)))
TIMES = st.integers(-(1 << 62), 1 << 62)
SIZES = st.integers(0, 1 << 62)
DIGESTS = st.none() | st.binary(min_size=32, max_size=32).filter(any)
FILE = (SIZES, TIMES, st.integers(0, 0o7777), DIGESTS)
NUMBERS = st.integers(0, (1 << 63) - 1)
WHYS = st.text(max_size=9)


def held_at(path: TreePath) -> "st.SearchStrategy[Held]":
    """What that path may hold."""
    made = st.builds(lambda size, when, mode, digest: Entry(path, Kind.FILE, size, when, mode, digest), *FILE)
    return st.one_of(
        st.just(ABSENT),
        made,
        made.map(lambda entry: entry._replace(kind=Kind.DIRECTORY, size=0, digest=None)),
        st.builds(lambda when, to: Entry(path, Kind.LINK, 0, when, 0o777, target=to), TIMES, PATHS),
    )


def each(build: Callable[..., Any], *others: Any) -> Any:
    """A list of what ``build`` makes of a path, what it holds, and the others."""
    row = PATHS.flatmap(lambda path: st.tuples(st.just(path), held_at(path), held_at(path), *others))
    return st.lists(row.map(lambda values: build(*values)), max_size=5)


IDS = st.binary(min_size=16, max_size=16)
MESSAGES = {
    "facts": st.builds(
        HubFacts,
        IDS,
        *[NUMBERS] * 5,
        st.lists(st.builds(ClientSeen, st.sampled_from(["a", "web-1", "x" * 64]), NUMBERS, NUMBERS)).map(tuple),
        NUMBERS,
    ),
    "page": st.builds(
        NewsPage,
        each(lambda path, held, _other, at: Row(path, held, at), NUMBERS).map(tuple),
        NUMBERS,
        st.booleans(),
        st.booleans(),
        IDS,
    ),
    "offers": each(Offer).map(tuple),
    "answers": each(
        lambda path, held, _other, decision, why: Answer(path, decision, held, None, why),
        st.sampled_from(list(Decision)),
        WHYS,
    ),
    "receipt": st.builds(
        Receipt,
        each(
            lambda path, held, _other, decision, at, kept, why: Outcome(path, decision, at, kept, held, why),
            st.sampled_from(list(Decision)),
            NUMBERS,
            st.just(b"") | PATHS,
            WHYS,
        ).map(tuple),
        NUMBERS,
        IDS,
    ),
    "paths": st.lists(PATHS, max_size=5),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_out_comes_in(name: str) -> None:
    _message, encode, decode = EXAMPLES[name]

    @settings(max_examples=60, deadline=None)
    @given(MESSAGES[name])
    def law(message: Any) -> None:
        assert decode(encode(message)) == message

    law()


BLOBS = st.lists(st.tuples(st.sampled_from(["offers", "pack", "signature"]), st.integers(0, 3), st.binary(max_size=9)))


@given(BLOBS)
def test_blobs_come_as_they_went(blobs: List[Tuple[str, int, bytes]]) -> None:
    sent = [piece for of, at, data in blobs for piece in say.pieces(of, data, at)]
    told = say.Incoming(iter(sent))
    for of, at, data in blobs:
        assert told.has(of)
        assert told.blob(of) == (of, at, data)
    told.close()


def test_a_blob_ends_before_another_begins() -> None:
    begun: Tuple[Any, bytes] = ({"of": "offers", "at": 0, "end": False}, b"x")
    others: List[Any] = [
        [],
        [({"of": "pack", "at": 0, "end": True}, b"")],
        [({"of": "offers", "at": 1, "end": True}, b"")],
    ]
    for other in others:
        with pytest.raises(RemoteProtocolError, match="lacks offers"):
            say.Incoming(iter([begun, *other])).blob("offers")
    with pytest.raises(RemoteProtocolError, match="more offers than"):
        say.Incoming(say.pieces("offers", b"xx")).blob("offers", 1)
    with pytest.raises(RemoteProtocolError, match="more than the format"):
        say.Incoming(say.pieces("offers", b"")).close()
