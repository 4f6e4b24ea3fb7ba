# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation byte by byte: what the page docs/formats/wire.md says, and what is refused."""

from __future__ import annotations

import pathlib
from typing import Dict, List

import pytest
from copia.core.errors import CopiaError, LocalProtocolError, RemoteProtocolError, Unreachable
from copia.wire import gate
from copia.wire.conversation import (
    HEADERS,
    RULES,
    WINDOW,
    After,
    Conversation,
    Hello,
    Role,
    State,
    agreed_codec,
    agreed_version,
    hello_header,
    parse_hello,
)
from copia.wire.frames import HEAD, NEED_MORE, PROLOGUE, Frame, FrameReader, Kind, Limits
from hypothesis import given, settings
from hypothesis import strategies as st

PAGE = (pathlib.Path(__file__).resolve().parents[3] / "docs" / "formats" / "wire.md").read_text()
HELLO = hello_header(Hello("0.3.0", ("zlib", "none")))
GREETING = (
    b"COPIA1"
    b"\x01\x00\x00\x00\x2b\x00\x00\x00\x00"
    b"\xa3\x65build\x65" + b"0.3.0" + b"\x66codecs\x82\x64zlib\x64none\x68versions\x82\x01\x01"
)


def rows(title: str) -> List[Dict[str, str]]:
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    head, _rule, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, cells)) for cells in body]


def frame(kind: int, header: bytes, raw: bytes = b"") -> bytes:
    return HEAD.pack(kind, len(header), len(raw)) + header + raw


def ends() -> "tuple[Conversation, Conversation]":
    return Conversation(Role.CLIENT, Limits()), Conversation(Role.SERVER, Limits())


def pass_on(data: bytes, to: Conversation) -> List[Frame]:
    to.receive(data)
    found = []
    while True:
        heard = to.next_frame()
        if not isinstance(heard, Frame):
            return found
        found.append(heard)


def opened() -> "tuple[Conversation, Conversation]":
    client, server = ends()
    pass_on(server.say(Kind.HELLO, HELLO), client)
    pass_on(client.say(Kind.HELLO, HELLO), server)
    pass_on(client.say(Kind.OPEN, {"job": "j", "terms": {}}), server)
    pass_on(server.say(Kind.ACCEPT, {"facts": {}}), client)
    return client, server


def test_the_rules_are_the_table_of_the_page() -> None:
    assert [
        (rule.who.value, rule.state.value, rule.says.name, rule.after.value, rule.then.value) for rule in RULES
    ] == [
        (row["who"], row["in state"], row["says"], row["only after"], row["is then"])
        for row in rows("Who may say what when")
    ]


def test_the_kinds_are_those_of_the_page() -> None:
    assert [(str(int(kind)), kind.name) for kind in Kind] == [(row["kind"], row["name"]) for row in rows("Kinds")]
    for row in rows("Kinds"):
        keys = [word for word in row["header"].split("`")[1::2] if word in HEADERS[Kind[row["name"]]]]
        assert sorted(keys) == sorted(HEADERS[Kind[row["name"]]])


def test_golden_bytes() -> None:
    client, server = ends()
    assert client.say(Kind.HELLO, HELLO) == GREETING
    pass_on(server.say(Kind.HELLO, HELLO), client)
    assert client.say(Kind.OPEN, {"job": "j", "terms": {}}) == frame(2, b"\xa2\x63job\x61j\x65terms\xa0")
    assert client.say(Kind.ASK, {"ask": "a", "fields": {}}) == frame(4, b"\xa2\x63ask\x61a\x66fields\xa0")
    assert client.say(Kind.PART, {"fields": {}}, b"raw") == b"\x06\0\0\0\x09\0\0\0\x03\xa1\x66fields\xa0raw"
    assert client.say(Kind.END, {}) == frame(7, b"\xa0")
    assert client.say(Kind.PULSE, {}) == frame(9, b"\xa0")
    assert client.say(Kind.REFUSE, {"fault": "busy", "what": "w"}) == frame(8, b"\xa2\x64what\x61w\x65fault\x64busy")


def test_bytes_may_come_one_by_one() -> None:
    reader = FrameReader(Limits())
    found = []
    for place in range(len(GREETING)):
        assert reader.next_frame() is NEED_MORE
        reader.receive(GREETING[place : place + 1])
    found.append(reader.next_frame())
    assert found == [Frame(Kind.HELLO, HELLO)] and reader.is_between_frames


def test_an_exchange_to_its_end() -> None:
    client, server = opened()
    said = client.say(Kind.ASK, {"ask": "a", "fields": {}}) + client.say(Kind.PART, {"fields": {}}, b"x")
    assert [heard.kind for heard in pass_on(said + client.say(Kind.END, {}), server)] == [Kind.ASK, Kind.PART, Kind.END]
    assert (client.owes, server.owes) == (1, 1)
    said = server.say(Kind.ANSWER, {"fields": {}}) + server.say(Kind.END, {})
    assert [heard.kind for heard in pass_on(said, client)] == [Kind.ANSWER, Kind.END]
    assert (client.owes, server.owes) == (0, 0)
    client.hang_up()
    server.hang_up()


@pytest.mark.parametrize("who", Role)
@pytest.mark.parametrize("kind", Kind)
def test_nobody_says_what_no_row_allows(who: Role, kind: Kind) -> None:
    for state in State:
        rule = next((rule for rule in RULES if (rule.who, rule.state, rule.says) == (who, state, kind)), None)
        always = kind in (Kind.REFUSE, Kind.PULSE) and state not in (State.NEW, State.OVER)
        speaker = Conversation(who, Limits())
        speaker._states[who] = state
        header = {name: type_() for name, type_ in HEADERS[kind].items()}
        if always or (rule and rule.after is After.NOTHING):
            assert speaker.say(kind, header)
        else:
            with pytest.raises(LocalProtocolError, match=kind.name):
                speaker.say(kind, header)


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    client, server = opened()
    with pytest.raises(LocalProtocolError, match="ANSWER"):
        server.say(Kind.ANSWER, {"fields": {}})
    with pytest.raises(RemoteProtocolError, match="ANSWER"):
        pass_on(frame(5, b"\xa1\x66fields\xa0"), client)


def test_more_asks_than_the_window_are_refused() -> None:
    client, server = opened()
    for _number in range(WINDOW):
        pass_on(client.say(Kind.ASK, {"ask": "a", "fields": {}}) + client.say(Kind.END, {}), server)
    with pytest.raises(LocalProtocolError, match="256 asks"):
        client.say(Kind.ASK, {"ask": "a", "fields": {}})
    with pytest.raises(RemoteProtocolError, match="256 asks"):
        pass_on(frame(4, b"\xa2\x63ask\x61a\x66fields\xa0"), server)


HOSTILE = {
    "a shell that greets": (b"Welcome!\n", "Welcome!"),
    "an unknown kind": (PROLOGUE + frame(99, b"\xa0"), "kind 99"),
    "kind 0": (PROLOGUE + frame(0, b"\xa0"), "kind 0"),
    "a huge header": (PROLOGUE + HEAD.pack(1, 1 << 31, 0), "at most 65536"),
    "raw bytes before a job": (PROLOGUE + HEAD.pack(6, 1, 1), "and 0 are allowed"),
    "no map": (PROLOGUE + frame(1, b"\x80"), "not a map"),
    "bytes behind the header's end": (PROLOGUE + frame(7, b"\xa0\x00"), "bytes behind its end"),
    "no header": (PROLOGUE + frame(7, b""), "cut off"),
    "another header": (PROLOGUE + frame(1, b"\xa0"), "another header"),
    "a job before a greeting": (PROLOGUE + frame(2, b"\xa2\x63job\x61j\x65terms\xa0"), "while it is new"),
    "a greeting twice": (GREETING + GREETING[6:], "while it is greeted"),
    "an answer from a client": (GREETING + frame(5, b"\xa1\x66fields\xa0"), "ANSWER"),
    "a word behind a refusal": (
        GREETING + frame(8, gate.encode({"fault": "busy", "what": ""})) + frame(9, b"\xa0"),
        "while it is over",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_client_is_refused_with_a_reason(case: str) -> None:
    data, reason = HOSTILE[case]
    with pytest.raises(RemoteProtocolError, match=reason):
        pass_on(data, Conversation(Role.SERVER, Limits()))


def test_limits_of_a_job_hold_behind_accept_only() -> None:
    client, server = ends()
    client.limits = server.limits = Limits(header=100, raw=10)
    pass_on(server.say(Kind.HELLO, HELLO), client)
    pass_on(client.say(Kind.HELLO, HELLO), server)
    opening = client.say(Kind.OPEN, {"job": "j" * 200, "terms": {}})
    early = client.say(Kind.ASK, {"ask": "a", "fields": {}}) + client.say(Kind.PART, {"fields": {}}, b"x" * 10)
    server.receive(opening + early)
    assert isinstance(server.next_frame(), Frame)
    server.say(Kind.ACCEPT, {"facts": {}})
    assert len(pass_on(b"", server)) == 2
    with pytest.raises(LocalProtocolError, match="over the limits"):
        client.say(Kind.PART, {"fields": {}}, b"x" * 11)
    with pytest.raises(RemoteProtocolError, match="at most 100 and 10"):
        pass_on(HEAD.pack(6, 1, 11), server)


@pytest.mark.parametrize("place", range(len(GREETING)))
def test_a_client_that_goes_away_in_a_greeting_is_noticed(place: int) -> None:
    server = Conversation(Role.SERVER, Limits())
    assert pass_on(GREETING[:place], server) == []
    with pytest.raises(Unreachable, match="went away"):
        server.hang_up()


def test_a_server_that_owes_an_answer_and_goes_away_is_noticed() -> None:
    client, _server = opened()
    client.say(Kind.ASK, {"ask": "a", "fields": {}})
    client.say(Kind.END, {})
    with pytest.raises(Unreachable, match="went away"):
        client.hang_up()


def test_versions_and_codecs_are_agreed_on() -> None:
    one, two = Hello("1", ("zstd", "zlib"), (1, 3)), Hello("2", ("zlib", "zstd"), (2, 5))
    assert (agreed_version(one, two), agreed_version(two, one)) == (3, 3)
    assert (agreed_codec(one, two), agreed_codec(two, one), agreed_codec(one, Hello("3", ()))) == (
        "zstd",
        "zlib",
        "none",
    )
    with pytest.raises(RemoteProtocolError, match=r"copia 1\).*copia 9\).*upgrade"):
        agreed_version(one, Hello("9", (), (4, 4)))
    with pytest.raises(RemoteProtocolError, match="control characters"):
        parse_hello({**HELLO, "build": "\x1b[31m"})


ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.builds(
        frame,
        st.integers(0, 12),
        st.one_of(
            st.binary(max_size=20),
            st.dictionaries(
                st.sampled_from(["ask", "fields", "job", "terms", "facts", "what", "fault"]),
                st.one_of(st.text(max_size=4), st.just({}), st.lists(st.integers(0, 9), max_size=2)),
                max_size=3,
            ).map(gate.encode),
        ),
        st.binary(max_size=20),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Role), st.booleans(), st.lists(ANYTHING, max_size=8), st.integers(1, 50))
def test_whatever_comes_is_frames_or_a_refusal(role: Role, greeted: bool, heard: List[bytes], cut: int) -> None:
    end = Conversation(role, Limits(raw=64))
    end.say(Kind.HELLO, HELLO)
    data = (GREETING if greeted else b"") + b"".join(heard)
    try:
        for at in range(0, len(data), cut):
            assert all(isinstance(found, Frame) for found in pass_on(data[at : at + cut], end))
        end.hang_up()
    except CopiaError:
        pass
