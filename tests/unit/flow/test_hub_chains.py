# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker of histories finds what it has to find, and a hub whose kernel lies is caught by it."""

from __future__ import annotations

import pathlib
from typing import Dict, List, Set, Tuple

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT, Entry
from copia.core.hub_words import Held, Offer
from copia.disk import hub_offers
from copia.flow.hub import HubSession

from tests.chains import NOTHING, Done, broken
from tests.hubs import file, open_hub, put, text_of, tree

GOOD = [
    Done("a", NOTHING, "1", "commit", 1, 1),
    Done("a", "1", "2", "commit", 2, 1),
    Done("a", "1", "3", "stale", 2, 1),
    Done("a", "2", "4", "already", 3, 2),
    Done("b", NOTHING, "5", "commit", 4, 1),
]
CURRENT, KEPT = {"a": "4", "b": "5"}, {"3"}


def test_a_line_is_a_line() -> None:
    assert not list(broken(GOOD, CURRENT, KEPT))


def test_a_commit_whose_answer_was_lost_is_on_the_line() -> None:
    history = [*GOOD[:1], GOOD[1]._replace(decision="stale", attempts=2), *GOOD[2:]]
    assert not list(broken(history, CURRENT, KEPT))


@pytest.mark.parametrize(
    ("history", "current", "kept"),
    [
        (GOOD, {"a": "2", "b": "5"}, KEPT),
        (GOOD, {"b": "5"}, KEPT),
        (GOOD, {**CURRENT, "c": "6"}, KEPT),
        (GOOD, CURRENT, set()),
        ([*GOOD, Done("a", "1", "6", "commit", 5, 1)], CURRENT, KEPT),
        ([*GOOD, Done("a", "1", "6", "commit", 5, 1)], {**CURRENT, "a": "6"}, KEPT),
        ([*GOOD[:1], GOOD[1]._replace(decision="stale"), *GOOD[2:]], CURRENT, KEPT),
        ([*GOOD[:1], GOOD[1]._replace(revision=1), *GOOD[2:]], CURRENT, KEPT),
        ([*GOOD, Done("b", "5", "7", "refused", 5, 1)], CURRENT, KEPT),
    ],
)
def test_what_is_no_line_is_named(history: List[Done], current: Dict[str, str], kept: Set[str]) -> None:
    assert list(broken(history, current, kept))


def play(root: pathlib.Path) -> List[str]:
    """Two clients take turns at one path; each expects what it last heard."""
    sessions = [open_hub(root, name) for name in "xy"]
    heard: List[Held] = [ABSENT, ABSENT]
    history: List[Done] = []
    for number in range(12):
        client = number // 2 % 2
        wanted = file("a", f"version {number}", time=10**18 + number)
        outcome, heard[client] = turn(sessions[client], heard[client], wanted)
        history.append(outcome)
    for session in sessions:
        session.close()
    found = tree(root)
    kept = {text for name, text in found.items() if ".conflict-" in name}
    return list(broken(history, {"a": found["a"]}, kept))


def turn(session: HubSession, expected: Held, wanted: Entry) -> Tuple[Done, Held]:
    (outcome,) = put(session, Offer(wanted.path, expected, wanted))
    done = Done("a", version_of(expected), version_of(wanted), outcome.decision.value, outcome.revision, 1)
    return done, outcome.held


def version_of(held: Held) -> str:
    return text_of(held).decode() if isinstance(held, Entry) else NOTHING


def test_a_hub_keeps_the_line(tmp_path: pathlib.Path) -> None:
    assert not play(tmp_path / "hub")


def test_a_hub_that_commits_what_is_stale_is_caught(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_offers, "judge_offer", lambda _expected, _wanted: Decision.COMMIT)
    assert any("lost" in sentence for sentence in play(tmp_path / "hub"))
