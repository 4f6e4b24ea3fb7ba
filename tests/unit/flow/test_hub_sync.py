# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a client and its hub: directions, conflicts, brakes, and how others have lost files."""

from __future__ import annotations

import os
import shutil
from typing import Iterator, List

import pytest
from copia.core.brakes import Limit
from copia.core.errors import Braked, InputError
from copia.core.parcel import Item, Same
from copia.core.paths import TreePath
from copia.core.verdicts import Policy
from copia.flow.hub_sync import hub_sync
from copia.flow.pair import PairSpec

from tests.fleet import PULL, PUSH, Fleet, agreed
from tests.hub_model import ModelHub, restored
from tests.trees import grow


def test_what_one_client_has_reaches_the_other_with_modes_links_and_empty_directories(fleet: Fleet) -> None:
    fleet.grow("a", "x=1 d/y=2:600 e/ l->x d/f/z=3")
    first = fleet.sync("a")
    assert (first.sent, first.unchanged, first.pair.changed) == (4, 0, True)
    second = fleet.sync("b")
    assert fleet.texts("b") == fleet.texts("a") == fleet.hub.texts()
    assert (fleet.tree("b") / "e").is_dir() and os.stat(fleet.tree("b") / "d/y").st_mode & 0o777 == 0o600
    assert os.readlink(fleet.tree("b") / "l") == "x"
    assert second.sent == 0 and second.pair.changed
    for client in ("a", "b", "a"):
        rest = fleet.sync(client)
        assert not rest.pair.changed and not rest.pair.conflicts and rest.unchanged == 4, client
        assert not any(side.touched for side in rest.pair.sides)


def test_sent_and_received_count_the_same_files_and_links(fleet: Fleet) -> None:
    """Neither counts directories, removals or what only got other permissions."""
    fleet.grow("a", "x=1 d/y=2 e/ l->x d/f/z=3 gone=4")
    first = fleet.sync("a")
    second = fleet.sync("b")
    assert (first.sent, first.received, second.sent, second.received) == (5, 0, 0, 5)
    assert len(second.pair.sides[0].changes) == 8
    (fleet.tree("a") / "gone").unlink()
    (fleet.tree("a") / "e").rmdir()
    fleet.grow("a", "x=edited g/new=5")
    assert (fleet.sync("a").sent, fleet.sync("b").received) == (2, 2)


def test_permissions_and_times_travel_without_contents(fleet: Fleet) -> None:
    agreed(fleet, "x=one y=two")
    fleet.hub.contents[TreePath(b"x")] = b"one"
    items: List[object] = []
    real = fleet.hub._one
    fleet.hub._one = lambda offer, told: real(offer, _noted(told, items))  # type: ignore[method-assign]
    (fleet.tree("a") / "x").chmod(0o600)
    os.utime(fleet.tree("a") / "y", ns=(10**18, 10**18))
    report = fleet.sync("a")
    assert items == [Same(TreePath(b"x")), Same(TreePath(b"y"))]
    assert report.sent == 0 and not report.pair.conflicts and not report.pair.problems
    fleet.hub.calls.clear()
    assert fleet.sync("b").received == 0
    assert "fetch" not in fleet.hub.calls
    assert os.stat(fleet.tree("b") / "x").st_mode & 0o777 == 0o600
    assert os.stat(fleet.tree("b") / "y").st_mtime_ns == 10**18
    assert not fleet.sync("a").pair.changed


def test_permissions_changed_here_while_the_content_is_edited_there_are_settled_by_the_next_run(fleet: Fleet) -> None:
    agreed(fleet, "x=one")
    (fleet.tree("a") / "x").chmod(0o600)
    fleet.hub.before_put = lambda: fleet.hub.write("x", b"two")
    report = fleet.sync("a")
    assert [(c.path, c.kept_as) for c in report.pair.conflicts] == [(b"x", b"")]
    fleet.hub.before_put = lambda: None
    assert not fleet.sync("a").pair.problems
    assert fleet.texts("a") == fleet.hub.texts()
    assert fleet.texts("a")[b"x"] == b"two"
    assert not fleet.sync("a").pair.changed


def _noted(items: Iterator[Item], notes: List[object]) -> Iterator[Item]:
    for item in items:
        notes.append(item)
        yield item


def test_an_idle_run_asks_twice_and_offers_nothing(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.hub.calls.clear()
    fleet.sync("b")
    assert fleet.hub.calls == ["facts", "news"]


def test_l20_a_run_is_one_conversation_of_a_few_calls(fleet: Fleet) -> None:
    fleet.grow("a", " ".join(f"d{number % 7}/f{number}={number}" for number in range(300)))
    assert fleet.sync("a").sent == 300
    assert fleet.hub.calls == ["facts", "news", "offer", "put"]


def test_l16_news_come_in_pages(fleet: Fleet) -> None:
    agreed(fleet, " ".join(f"d{number % 7}/f{number}={number}" for number in range(100)))
    assert len(fleet.texts("b")) == 100


def test_a_push_changes_nothing_here_and_a_pull_nothing_there(fleet: Fleet) -> None:
    agreed(fleet, "x=old y=old gone=here")
    fleet.grow("a", "x=new made=1")
    (fleet.tree("a") / "gone").unlink()
    fleet.hub.write("y", b"theirs")
    fleet.sync("a", PUSH)
    assert fleet.texts("a") == {b"x": b"new", b"y": b"old", b"made": b"1"}
    assert fleet.hub.texts() == {b"x": b"new", b"y": b"theirs", b"made": b"1"}
    fleet.grow("b", "mine=2")
    fleet.sync("b", PULL)
    assert fleet.texts("b") == {b"x": b"new", b"y": b"theirs", b"made": b"1", b"mine": b"2"}
    assert b"mine" not in fleet.hub.texts()
    assert not fleet.sync("a").pair.conflicts
    assert fleet.texts("a") == fleet.hub.texts()


def test_l1_a_client_with_an_old_copy_does_not_overwrite_a_newer_one(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.grow("b", "x=newer")
    fleet.sync("b")
    assert not fleet.sync("a", PUSH).sent
    assert fleet.hub.texts() == {b"x": b"newer"}
    fleet.grow("a", "x=mine-and-longer")
    report = fleet.sync("a", PUSH)
    (conflict,) = report.pair.conflicts
    assert fleet.hub.texts() == {b"x": b"newer", conflict.kept_as: b"mine-and-longer"}
    assert fleet.texts("a") == {b"x": b"mine-and-longer"}
    again = fleet.sync("a", PUSH)
    assert len(again.pair.conflicts) == 1 and not again.sent and not again.pair.changed
    assert fleet.hub.texts() == {b"x": b"newer", conflict.kept_as: b"mine-and-longer"}
    assert not fleet.sync("a").pair.problems
    assert fleet.texts("a") == fleet.hub.texts()
    assert not fleet.sync("a").pair.conflicts


def test_both_versions_of_a_conflict_survive_everywhere(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.grow("a", "x=ours-is-long")
    fleet.grow("b", "x=theirs")
    fleet.sync("a")
    report = fleet.sync("b")
    assert [(c.path, c.kind, c.winner.word) for c in report.pair.conflicts] == [(b"x", "edit", "right")]
    fleet.sync("a")
    assert fleet.texts("a") == fleet.texts("b") == fleet.hub.texts()
    assert fleet.texts("a")[b"x"] == b"ours-is-long"
    assert sorted(fleet.texts("a").values()) == [b"ours-is-long", b"theirs"]
    for client in ("a", "b"):
        assert not fleet.sync(client).pair.changed


WINNERS = [
    ("prefer_left", b"mine"),
    ("prefer_right", b"theirs-is-long"),
    ("largest", b"theirs-is-long"),
    ("smallest", b"mine"),
]


@pytest.mark.parametrize(("policy", "winner"), WINNERS)
def test_a_policy_says_who_wins(fleet: Fleet, policy: str, winner: bytes) -> None:
    agreed(fleet)
    fleet.grow("a", "x=mine")
    fleet.hub.write("x", b"theirs-is-long")
    fleet.sync("a", policy=Policy(policy))
    assert fleet.texts("a") == fleet.hub.texts() == {b"x": winner}


def test_with_fail_nothing_is_touched(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.grow("a", "x=mine")
    fleet.hub.write("x", b"theirs")
    with pytest.raises(InputError, match="1 conflict"):
        fleet.sync("a", policy=Policy.FAIL)
    assert fleet.texts("a") != fleet.hub.texts() == {b"x": b"theirs"}


def test_a_pull_keeps_the_local_version_beside(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.grow("a", "x=mine")
    fleet.hub.write("x", b"theirs")
    report = fleet.sync("a", PULL)
    assert fleet.texts("a") == {b"x": b"theirs", report.pair.conflicts[0].kept_as: b"mine"}
    assert fleet.hub.texts() == {b"x": b"theirs"}


def test_l15_deletes_travel_and_a_client_that_was_away_neither_resurrects_nor_loses(fleet: Fleet) -> None:
    agreed(fleet, "x=1 d/y=2 d/z=3 keep=4")
    shutil.rmtree(fleet.tree("a") / "d")
    (fleet.tree("a") / "x").unlink()
    fleet.sync("a")
    assert fleet.hub.texts() == {b"keep": b"4"}
    fleet.grow("b", "d/z=edited-while-away")
    report = fleet.sync("b")
    assert [(c.path, c.kind) for c in report.pair.conflicts] == [(b"d/z", "delete")]
    assert fleet.texts("b") == fleet.hub.texts() == {b"keep": b"4", b"d/z": b"edited-while-away"}


def test_without_a_base_nothing_is_removed(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2")
    (fleet.tree("a") / "x").unlink()
    fleet.hub.write("y", None)
    shutil.rmtree(fleet.folder / "state")
    report = fleet.sync("a")
    assert report.pair.base == "none"
    assert fleet.texts("a") == fleet.hub.texts() == {b"x": b"1", b"y": b"2"}


def test_a_hub_that_went_back_is_not_the_one_that_we_agreed_with(fleet: Fleet) -> None:
    agreed(fleet, "x=1")
    early = fleet.hub.revision
    fleet.grow("a", "y=after-the-backup x=2b")
    fleet.sync("a")
    fleet.hub = restored(fleet.hub, early)
    with pytest.raises(Braked, match="root_recreated"):
        fleet.sync("a")
    report = fleet.sync("a", force=True)
    assert {b"2b", b"after-the-backup"} <= set(fleet.texts("a").values())
    assert report.pair.base == "none"


def test_a_hub_that_went_back_and_on_to_as_many_revisions_is_not_the_one_that_we_agreed_with(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2")
    early = fleet.hub.revision
    fleet.grow("a", "x=2b z=after-the-backup")
    fleet.sync("a")
    late = fleet.hub.revision
    fleet.hub = restored(fleet.hub, early)
    while fleet.hub.revision < late:
        fleet.hub.write("y", None)
    before = fleet.texts("a"), fleet.hub.texts()
    with pytest.raises(Braked, match="root_recreated"):
        fleet.sync("a")
    assert (fleet.texts("a"), fleet.hub.texts()) == before
    report = fleet.sync("a", force=True)
    assert report.pair.base == "none" and "nothing is removed" in report.pair.notes[0]
    assert {b"2b", b"2", b"after-the-backup"} <= set(fleet.texts("a").values())
    assert fleet.sync("a").pair.base == "trusted"


def test_who_was_away_for_longer_than_the_hub_remembers_merges_and_removes_nothing(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2")
    fleet.hub.write("y", None)
    fleet.hub.stamps = {fleet.hub.revision: fleet.hub.stamps[fleet.hub.revision]}
    fleet.hub.oldest = fleet.hub.revision
    report = fleet.sync("a")
    assert report.pair.base == "none" and not report.pair.conflicts
    assert fleet.texts("a") == fleet.hub.texts() == {b"x": b"1", b"y": b"2"}


def test_another_hub_at_the_place_starts_anew_and_removes_nothing(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2")
    fleet.hub = ModelHub()
    fleet.hub.id = b"another hub here"
    assert fleet.sync("a").pair.base == "none"
    assert fleet.texts("a") == fleet.hub.texts() == {b"x": b"1", b"y": b"2"}


def test_the_brakes(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2 z=3")
    for name in ("x", "y", "z"):
        (fleet.tree("a") / name).unlink()
    with pytest.raises(Braked, match="root_emptied"):
        fleet.sync("a")
    grow(fleet.tree("a"), "x=1")
    with pytest.raises(Braked, match="too_many_removals"):
        fleet.sync("a", limit=Limit(1, False))
    assert fleet.hub.texts() == {b"x": b"1", b"y": b"2", b"z": b"3"}
    for name in ("x", "y", "z"):
        fleet.hub.write(name, None)
    with pytest.raises(Braked, match="root_emptied"):
        fleet.sync("b")
    assert len(fleet.texts("b")) == 3


def test_a_tree_that_is_missing_or_another_one_is_not_synchronised(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2 z=3")
    os.rename(fleet.tree("a"), fleet.folder / "elsewhere")
    spec = PairSpec(os.fsencode(fleet.folder / "a"), b"hub", state=os.fsencode(fleet.folder / "state"))
    with pytest.raises(Braked, match="root_missing"):
        hub_sync(spec, fleet.hub, b"hub:/srv")
    fleet.grow("a", "x=another")
    with pytest.raises(Braked, match="root_recreated"):
        fleet.sync("a")
    assert fleet.hub.texts() == {b"x": b"1", b"y": b"2", b"z": b"3"}


def test_check_says_what_a_run_would_do_and_does_nothing(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2 z=3")
    fleet.grow("a", "x=edited new=5")
    fleet.hub.write("y", b"theirs")
    fleet.hub.write("z", None)
    before = (fleet.texts("a"), fleet.hub.texts(), fleet.hub.revision)
    check = fleet.sync("a", check=True)
    assert (fleet.texts("a"), fleet.hub.texts(), fleet.hub.revision) == before
    run = fleet.sync("a")
    for one, two in zip(check.pair.sides, run.pair.sides):
        assert [(c.path, c.change) for c in one.changes] == [(c.path, c.change) for c in two.changes]


def test_what_is_left_out_here_is_neither_sent_nor_fetched_nor_removed(fleet: Fleet) -> None:
    from copia.core.selection import Rules

    agreed(fleet, "x=1")
    fleet.hub.write("a.tmp", b"theirs")
    fleet.grow("a", "b.tmp=mine")
    rules = Rules(("*.tmp",))
    assert not fleet.sync("a", rules=rules).pair.changed
    assert fleet.texts("a") == {b"x": b"1", b"b.tmp": b"mine"}
    assert fleet.hub.texts() == {b"x": b"1", b"a.tmp": b"theirs"}
