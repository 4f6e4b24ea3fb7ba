# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub behind a conversation: the same answers as in one process, and one refusal for whatever is wrong."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict, Iterator, List, Mapping

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT
from copia.core.errors import CopiaError, InputError, RemoteProtocolError
from copia.core.hub_words import Offer
from copia.core.parcel import Data, Small
from copia.core.paths import TreePath
from copia.core.rights import READ_ONLY
from copia.flow.grant import Grant
from copia.flow.hub import HubSpec
from copia.flow.hub_jobs import LIMITS, RemoteHub, client_name
from copia.flow.jobs import forced_hub, jobs_for
from copia.flow.talk import Part

from tests.hubs import change, file, folder, link, mark_of, new, put, rows, tree
from tests.lines import Line

ONE, TWO = file("a", "one"), file("a", "two")


def terms(root: pathlib.Path, client: str = "a") -> Dict[str, Any]:
    root.mkdir(exist_ok=True)
    return {"root": os.fsencode(root), "client": client}


@pytest.fixture(name="root")
def fixture_root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "hub"


@pytest.fixture(name="hub")
def fixture_hub(root: pathlib.Path) -> Iterator[RemoteHub]:
    with Line("hub", terms(root), LIMITS) as talk:
        yield RemoteHub(talk)


def test_a_session_over_a_wire_is_a_session(root: pathlib.Path, hub: RemoteHub) -> None:
    outcomes = put(hub, *new(folder("d"), file("d/x", "x", mode=0o600), link("l", "d/x"), ONE))
    assert {outcome.decision for outcome in outcomes} == {Decision.COMMIT}
    mark = mark_of(hub)
    put(hub, change(ONE, TWO), change(file("d/x", "x"), ABSENT))
    assert tree(root) == {"a": "two", "l": "->d/x"}
    news = rows(hub, mark)
    assert (news[b"a"].held, news[b"d/x"].held) == (TWO, ABSENT)
    (stale,) = put(hub, change(ONE, file("a", "three")))
    assert (stale.decision, stale.held) == (Decision.STALE, TWO)
    assert tree(root)[stale.kept_as.decode()] == "three"
    assert [answer.decision for answer in hub.offer([change(ONE, TWO), change(TWO, ONE)])] == [
        Decision.ALREADY,
        Decision.COMMIT,
    ]
    hub.acknowledge(2)
    assert [(seen.name, seen.revision) for seen in hub.facts().clients] == [("a", 2)]


def test_many_small_files_are_one_round_trip(root: pathlib.Path, hub: RemoteHub) -> None:
    offers = new(*(file(f"d{number % 9}/{number}", str(number)) for number in range(3000)))
    assert {outcome.decision for outcome in put(hub, *offers)} == {Decision.COMMIT}
    assert hub.facts().revision == 1
    assert sum(len(page.rows) for page in hub.news(None)) == 3009
    paths = [offer.path for offer in offers]
    fetched = list(hub.fetch(paths, [None] * len(paths)))
    assert [item.path for item in fetched if isinstance(item, Small)] == paths


def test_large_files_go_as_deltas_both_ways(root: pathlib.Path, hub: RemoteHub) -> None:
    before, after = "x" * 400_000 + "tail", "x" * 400_000 + "another"
    old, wanted = file("a", before), file("a", after)
    put(hub, *new(old))
    (answer,) = hub.offer([change(old, wanted)])
    assert answer.signature is not None
    back = list(hub.fetch([TreePath(b"a")], [answer.signature]))
    assert sum(len(item.data) for item in back if isinstance(item, Data)) < 50_000

    assert put(hub, change(old, wanted))[0].decision is Decision.COMMIT
    assert tree(root)["a"] == after


def test_a_forced_command_decides_and_the_client_does_not(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with Line("hub", terms(root), LIMITS) as talk:
        put(RemoteHub(talk), *new(ONE))
    jobs = forced_hub(HubSpec(os.fsencode(root), "forced", READ_ONLY))
    with Line("hub", terms(tmp_path / "elsewhere", "boss"), LIMITS, jobs=jobs) as talk:
        hub = RemoteHub(talk)
        assert put(hub, change(ONE, TWO))[0].decision is Decision.REFUSED
        hub.acknowledge(1)
        assert [seen.name for seen in hub.facts().clients] == ["forced"]
    assert not list((tmp_path / "elsewhere").iterdir())
    with Line("target", {}, LIMITS, jobs=jobs) as talk, pytest.raises(InputError, match="serves no job"):
        talk.accepted()


def test_a_grant_holds_for_hubs_too(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "other").mkdir()
    for grant, fits in ((Grant((os.fsencode(tmp_path / "other"),)), False), (Grant((os.fsencode(tmp_path),)), True)):
        with Line("hub", terms(root), LIMITS, jobs=jobs_for(grant)) as talk:
            if fits:
                assert RemoteHub(talk).facts().files == 0
            else:
                with pytest.raises(InputError, match="outside"):
                    RemoteHub(talk)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "..\n", "x" * 65, "ä"])
def test_names_of_clients_are_strict(name: str) -> None:
    with pytest.raises(InputError, match="no name of a client"):
        client_name(name)


def raw_ask(talk: Any, name: str, fields: Mapping[str, Any], parts: List[Part]) -> None:
    talk.accepted()
    talk.ask(name, fields, parts)
    talk.answer()


HOSTILE = [
    ("dance", {}, []),
    ("news", {"hub_id": b"short", "revision": 0}, []),
    ("news", {"hub_id": b"", "revision": -1}, []),
    ("news", {"hub_id": b"", "revision": 0, "more": 1}, []),
    ("acknowledge", {"revision": True}, []),
    ("offer", {}, []),
    ("offer", {}, [Part({"of": "offers", "at": 0, "end": True}, b"\xff")]),
    ("offer", {}, [Part({"of": "offers", "at": 0, "end": False}, b"")]),
    ("offer", {}, [Part({"of": "offers"}, b"")]),
    ("offer", {}, [Part({"of": "offers", "at": 0, "end": False}, b"x" * (1 << 20))] * 17),
    ("put", {}, [Part({"of": "pack", "at": 0, "end": True}, b"")]),
    ("fetch", {}, [Part({"of": "paths", "at": 0, "end": True}, b"\xa1\x65paths\x81\x43../")]),
    ("fetch", {}, [Part({"of": "paths", "at": 0, "end": True}, b"\xa1\x65paths\x81\x46.Copia")]),
]


@pytest.mark.parametrize(("name", "fields", "parts"), HOSTILE)
def test_a_hostile_client_gets_one_refusal_and_the_hub_lives(
    root: pathlib.Path, name: str, fields: Mapping[str, Any], parts: List[Part]
) -> None:
    line = Line("hub", terms(root), LIMITS)
    with line as talk, pytest.raises(RemoteProtocolError):
        raw_ask(talk, name, fields, parts)
    assert line.status == 1
    with Line("hub", terms(root), LIMITS) as talk:
        assert put(RemoteHub(talk), *new(ONE))[0].decision is Decision.COMMIT


def test_cut_anywhere_it_is_all_or_nothing_and_the_next_run_finds_out(root: pathlib.Path) -> None:
    """The client's bytes end at every 37th byte of a put: half a batch is never committed."""
    offers: List[Offer] = new(file("b/x", "x" * 300), file("b/y", "y" * 300))
    most = 0
    while not root.exists() or "b/y" not in tree(root):
        line = Line("hub", terms(root), LIMITS, most_there=most)
        try:
            with line as talk:
                put(RemoteHub(talk), *offers)
        except CopiaError:
            pass
        assert set(tree(root)) in (set(), {"b/x", "b/y"})
        most += 37
    assert most > 500
