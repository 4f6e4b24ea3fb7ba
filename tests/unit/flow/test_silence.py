# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silence: who says nothing for as long as a server is patient is dropped; who is only busy pulses, and is not."""

from __future__ import annotations

import os
import pathlib
import threading
from typing import Any, Dict, Mapping

import pytest
from copia.core.errors import Unreachable
from copia.flow.grant import Grant
from copia.flow.hub_jobs import LIMITS, RemoteHub
from copia.flow.jobs import jobs_for
from copia.flow.serve import server_pipe
from copia.flow.talk import Message, Reply, Talk
from copia.link.pipe import Pipe
from copia.wire.conversation import PATIENCE, PULSE_AFTER, Conversation, Role
from copia.wire.frames import Kind, Limits

from tests.hubs import file, new, put, tree
from tests.lines import Line

SHORT, NEVER = 0.4, 3600.0


def terms(root: pathlib.Path) -> Dict[str, Any]:
    root.mkdir(exist_ok=True)
    return {"root": os.fsencode(root), "client": "a"}


def test_a_client_that_says_nothing_is_dropped_with_one_clear_line(tmp_path: pathlib.Path) -> None:
    line = Line("hub", terms(tmp_path / "hub"), LIMITS, patience=SHORT, pulse_after=NEVER)
    with line as talk:
        hub = RemoteHub(talk)
        put(hub, *new(file("a", "one")))
        with pytest.raises(Unreachable, match=r"^the other side has said nothing for 0\.4 s$"):
            talk.answer()
    assert line.status == 1
    assert tree(tmp_path / "hub") == {"a": "one"}
    assert not [path for path in (tmp_path / "hub/.copia/hub").iterdir() if path.is_dir()], "its stage is swept"


def test_a_client_that_never_greets_is_dropped_too() -> None:
    line = Line("hub", {}, LIMITS, patience=SHORT)
    try:
        with pytest.raises(Unreachable, match="said nothing"):
            while True:
                line.talk._hear(Kind.HELLO)
    finally:
        line.close()
    assert line.status == 1


def test_a_client_that_scans_and_hashes_for_long_keeps_its_line(tmp_path: pathlib.Path) -> None:
    with Line("hub", terms(tmp_path / "hub"), LIMITS, patience=SHORT, pulse_after=SHORT / 8) as talk:
        hub = RemoteHub(talk)
        hashing = threading.Event()
        assert not hashing.wait(3 * SHORT)
        assert put(hub, *new(file("a", "one")))[0].held == file("a", "one")


class Slow:
    """A job that takes its time: what a hub does that reads a large file, or waits for its lock."""

    limits = Limits()
    facts: Mapping[str, Any] = {}

    def answer(self, ask: Message, talk: Talk) -> Reply:
        assert ask.name == "hash"
        assert not threading.Event().wait(3 * SHORT)
        return Reply({"done": True})

    def close(self) -> None:
        pass


def test_a_server_that_is_busy_for_long_is_waited_for() -> None:
    jobs = {"slow": lambda terms: Slow()}
    with Line("slow", {}, Limits(), jobs=jobs, patience=SHORT, pulse_after=SHORT / 8) as talk:
        talk.accepted()
        for _again in range(2):
            talk.ask("hash")
            assert talk.answer().fields == {"done": True}


class Watched(Dict[Any, Any]):
    """Notes what is written into it."""

    written = 0

    def __setitem__(self, key: Any, value: Any) -> None:
        self.written += 1
        super().__setitem__(key, value)


def test_a_pulse_writes_nothing_that_the_other_thread_writes() -> None:
    """It is said while another thread says the rest: what it read before could undo what was said meanwhile."""
    conversation = Conversation(Role.CLIENT, Limits())
    conversation.say(Kind.HELLO, {"build": "x", "codecs": [], "versions": [1, 1]})
    states = conversation._states = Watched(conversation._states)
    conversation.say(Kind.PULSE, {})
    assert states.written == 0
    conversation.say(Kind.REFUSE, {"fault": "failed", "what": "x"})
    assert states.written == 1


def test_who_has_refused_does_not_pulse() -> None:
    line = Line("hub", {}, LIMITS, jobs=jobs_for(Grant()))
    try:
        line.talk.greet()
        line.talk._say(Kind.OPEN, {"job": "hub", "terms": {}})
        line.talk.refuse(Unreachable("no more"))
        line.talk.pulse()
    finally:
        line.close()


def test_the_page_and_the_servers_of_the_command_say_the_same(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs/formats/wire.md").read_text()
    assert f"silent for {PULSE_AFTER:.0f} seconds" in page and f"nothing for {PATIENCE:.0f} seconds" in page
    incoming, outgoing = os.pipe()
    pipe = server_pipe(incoming, outgoing)
    assert isinstance(pipe, Pipe) and pipe._patience == PATIENCE > 4 * PULSE_AFTER
    pipe.close()
    assert Conversation(Role.CLIENT, Limits()).owes == 0
