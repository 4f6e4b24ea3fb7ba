# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of a hub that is killed at any operation, or whose link is cut at any byte: the next run finishes.

``COPIA_CUT_STEP=1`` tries every byte; without it every 151st is tried.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any, Dict, Optional, Set

import pytest
from copia.core.brakes import Limit
from copia.core.errors import CopiaError
from copia.core.hub_plan import Direction
from copia.core.hub_report import HubReport
from copia.flow.hub_jobs import LIMITS, RemoteHub
from copia.flow.hub_sync import hub_sync
from copia.flow.pair import PairSpec

from tests.faults.test_cut import put_back
from tests.faults.test_kill import KillAfter, Killed
from tests.hubs import open_hub
from tests.lines import Line
from tests.trees import Found, age, contents, grow, harvest

STEP = int(os.environ.get("COPIA_CUT_STEP", "151"))
OWED = {b"same", b"edited here", b"edited there", b"ours", b"theirs", b"made here", b"made there"}


def spec(folder: pathlib.Path, client: str = "here") -> PairSpec:
    rules: Dict[str, Any] = {"limit": Limit(100, True), "durable": False, "patience": 0, "force": True}
    state = os.fsencode(folder / f"state-{client}")
    return PairSpec(os.fsencode(folder / client), b"hub", direction=Direction.BOTH, state=state, **rules)


def run(folder: pathlib.Path, client: str = "here", carry_out: Any = None) -> HubReport:
    """A run of a client with the real hub, which outlives it."""
    hub = open_hub(folder / "hub", client)
    try:
        return hub_sync(spec(folder, client), hub, b"hub:/srv", carry_out=carry_out)
    finally:
        hub.close()


def write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def ground(folder: pathlib.Path) -> None:
    """Two clients and a hub that agreed once; then they went apart, and the other client was faster."""
    shutil.rmtree(folder, ignore_errors=True)
    age(grow(folder / "here", "keep=same a=old1 b=old2 both=old3 gone=old4 d/gone=old5"))
    (folder / "there").mkdir()
    (folder / "hub").mkdir()
    for client in ("here", "there", "here"):
        run(folder, client)
    for client, edits in (
        ("there", {"b": "edited there", "both": "theirs", "n/there": "made there"}),
        ("here", {"a": "edited here", "both": "ours", "m/here": "made here"}),
    ):
        for path, text in edits.items():
            write(folder / client / path, text)
        age(folder / client, 60)
    (folder / "there" / "d" / "gone").unlink()
    (folder / "here" / "gone").unlink()
    run(folder, "there")


def harvested(folder: pathlib.Path) -> Dict[str, Found]:
    """All that a run of the client ``here`` may change."""
    return {name: harvest(folder / name) for name in ("here", "hub", "state-here")}


def again(folder: pathlib.Path, before: Dict[str, Found]) -> None:
    """Everything as it was; the trees themselves stay the ones that they are."""
    for name, tree in before.items():
        put_back(folder / name, tree)


def all_contents(folder: pathlib.Path) -> Set[bytes]:
    return {*contents(folder / "here").values(), *hub_files(folder).values()}


def hub_files(folder: pathlib.Path) -> Dict[bytes, bytes]:
    return {path: text for path, text in contents(folder / "hub").items() if not path.startswith(b".copia")}


def assert_the_next_run_finishes(folder: pathlib.Path) -> None:
    """Both are the same, nothing owed is gone, and there is the one conflict copy that somebody made."""
    assert not run(folder).pair.problems
    found = contents(folder / "here")
    assert found == hub_files(folder)
    assert set(found.values()) == OWED
    copies = [path for path in found if b".conflict-" in path]
    assert [path.split(b".conflict-")[0] for path in copies] == [b"both"]
    assert len(found) == len(OWED)
    idle = run(folder)
    assert (idle.sent, idle.received, idle.pair.conflicts) == (0, 0, ())


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    folder = tmp_path / "run"
    ground(folder)
    before = harvested(folder)
    killed = True
    count = 0
    while killed:
        again(folder, before)
        try:
            run(folder, carry_out=KillAfter(count, after=after))
            killed = False
        except Killed:
            assert all_contents(folder) >= OWED, count
        assert_the_next_run_finishes(folder)
        count += 1
    assert count > 20


def cut(folder: pathlib.Path, most: Dict[str, Optional[int]]) -> bool:
    """Whether a run over this line came to its end."""
    terms = {"root": os.fsencode(folder / "hub"), "client": "here"}
    try:
        with Line("hub", terms, LIMITS, **most) as talk:
            hub_sync(spec(folder), RemoteHub(talk), b"hub:/srv")
    except CopiaError:
        return False
    return True


@pytest.mark.parametrize("direction", ["most_there", "most_back"])
def test_a_cut_at_any_byte_owes_nobody_anything(tmp_path: pathlib.Path, direction: str) -> None:
    ground(tmp_path / "run")
    before = harvested(tmp_path / "run")
    whole = False
    tried = 0
    while not whole:
        again(tmp_path / "run", before)
        whole = cut(tmp_path / "run", {direction: tried * STEP})
        assert all_contents(tmp_path / "run") >= OWED, tried
        assert_the_next_run_finishes(tmp_path / "run")
        tried += 1
    assert tried * STEP > 500
