# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New directories of a hub: each goes into its place with everything in it, or what it holds does, name by name."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict, List

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT
from copia.core.hub_words import Offer
from copia.core.parcel import Small
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.hub import HubSession, HubSpec

from tests.hubs import change, file, folder, items_of, link, new, open_hub, put, rows, tree

EVERYTHING = [
    folder("d", mode=0o750),
    folder("d/e"),
    folder("d/empty", mode=0o500),
    file("d/a", "one"),
    file("d/b", "two" * 40_000),
    link("d/l", "a"),
    file("d/e/c", "three"),
]


class Moves:
    """Performs everything, and remembers which names came into their places, and how."""

    def __init__(self) -> None:
        self.whole: List[bytes] = []
        self.each: List[bytes] = []

    def __call__(self, operation: op.Operation) -> Any:
        answer = perform(operation)
        if isinstance(operation, op.MoveNew):
            self.whole.append(operation.to_name)
        if isinstance(operation, op.MoveEach):
            self.each.extend(name for name, number in zip(operation.to_names, answer) if number == 0)
        return answer


def seen(root: pathlib.Path, **how: Any) -> "tuple[HubSession, Moves]":
    root.mkdir(exist_ok=True)
    moves = Moves()
    return HubSession(HubSpec(os.fsencode(root), "a", **how), moves), moves


def told(root: pathlib.Path, *offers: Offer, hub: HubSession) -> Dict[str, Decision]:
    """What became of offers; and then the index says what the tree has, and nothing is left in the stage."""
    outcomes = put(hub, *offers)
    stages = [path for path in (root / ".copia/hub").iterdir() if path.is_dir()]
    assert stages and not [left for stage in stages for left in stage.iterdir()]
    assert hub.refresh() == 0
    held = {path.decode() for path, row in rows(hub).items() if row.held != ABSENT}
    assert held == {str(path.relative_to(root)) for path in root.rglob("*") if ".copia" not in path.parts}
    return {outcome.path.decode(): outcome.decision for outcome in outcomes}


def test_a_new_directory_is_moved_into_place_once_with_everything_in_it(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    hub, moves = seen(root)
    assert set(told(root, *new(*EVERYTHING), hub=hub).values()) == {Decision.COMMIT}
    assert (moves.whole, moves.each) == ([b"d"], [])
    assert tree(root) == {"d/a": "one", "d/b": "two" * 40_000, "d/l": "->a", "d/e/c": "three"}
    assert [(root / name).stat().st_mode & 0o777 for name in ("d", "d/e", "d/empty")] == [0o750, 0o755, 0o500]
    assert {row.revision for row in rows(hub).values()} == {1}
    more = new(folder("d/f"), file("d/f/g", "four"), file("d/h", "five"))
    assert set(told(root, *more, hub=hub).values()) == {Decision.COMMIT}
    assert (moves.whole, moves.each) == ([b"d", b"f"], [b"h"])
    hub.close()


def test_what_somebody_made_by_hand_meanwhile_is_kept_and_the_rest_goes_in_name_by_name(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    hub, moves = seen(root)
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "a").write_text("by hand")
    outcomes = {outcome.path.decode(): outcome for outcome in put(hub, *new(*EVERYTHING))}
    assert outcomes["d/a"].decision is Decision.STALE
    assert {outcome.decision for path, outcome in outcomes.items() if path != "d/a"} <= {
        Decision.COMMIT,
        Decision.ALREADY,
    }
    found = tree(root)
    assert found.pop("d/a") == "by hand"
    assert found.pop(outcomes["d/a"].kept_as.decode()) == "one"
    assert found == {"d/b": "two" * 40_000, "d/l": "->a", "d/e/c": "three"}
    assert b"d" not in moves.whole and b"e" not in moves.whole
    assert b"empty" in moves.whole
    hub.close()


@pytest.mark.parametrize(
    "names",
    [("a", "A"), ("\u00e4", "b"), ("a.", "b"), ("a~1", "b"), ("a:b", "c"), ("n" * 255, "b")],
    ids=["letter case", "beyond ASCII", "a dot at the end", "a tilde", "a colon", "a long name"],
)
def test_names_that_a_file_system_may_refuse_or_take_for_one_go_in_name_by_name(
    tmp_path: pathlib.Path, names: "tuple[str, str]"
) -> None:
    root = tmp_path / "hub"
    hub, moves = seen(root)
    offers = new(folder("d"), *(file(f"d/{name}", name) for name in names))
    assert set(told(root, *offers, hub=hub).values()) == {Decision.COMMIT}
    assert sorted(moves.each) == sorted(map(os.fsencode, names))
    hub.close()


def test_a_directory_in_which_something_is_expected_is_not_moved_as_a_whole(tmp_path: pathlib.Path) -> None:
    """The client is wrong: nothing is there. What it wants to replace is not committed."""
    root = tmp_path / "hub"
    hub, moves = seen(root)
    old, edited = file("d/a", "old"), file("d/a", "edited")
    outcomes = put(hub, *new(folder("d")), change(old, edited), *new(file("d/b", "two")))
    assert [outcome.decision for outcome in outcomes] == [Decision.COMMIT, Decision.STALE, Decision.COMMIT]
    assert tree(root) == {outcomes[1].kept_as.decode(): "edited", "d/b": "two"}
    assert moves.each == [b"b"]
    hub.close()


def test_a_path_that_is_offered_twice_is_decided_offer_by_offer(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    hub, moves = seen(root)
    offers = [*new(folder("d")), change(file("d/x", "one"), ABSENT), *new(file("d/x", "one"))]
    told(root, *offers, hub=hub)
    assert tree(root) == {"d/x": "one"} and moves.each == [b"x"]
    hub.close()


def test_content_that_is_damaged_is_refused_and_the_rest_of_its_directory_is_there(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    hub, moves = seen(root)
    offers = new(*EVERYTHING)
    items = (i._replace(data=b"eno") if isinstance(i, Small) and i.path == b"d/a" else i for i in items_of(offers))
    outcomes = {outcome.path.decode(): outcome.decision for outcome in hub.put(offers, items).outcomes}
    assert outcomes.pop("d/a") is Decision.REFUSED
    assert set(outcomes.values()) == {Decision.COMMIT} and moves.whole == [b"d"]
    assert set(tree(root)) == {"d/b", "d/l", "d/e/c"} and hub.refresh() == 0
    hub.close()


def test_a_directory_for_which_there_is_no_room_any_more_is_filled_as_far_as_it_goes(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    other = open_hub(root, "b")

    def meanwhile(operation: op.Operation) -> Any:
        if isinstance(operation, op.WriteFiles) and not tree(root):
            put(other, *new(file("x", "z" * 10)))
        return perform(operation)

    hub = HubSession(HubSpec(os.fsencode(root), "a", quota=30), meanwhile)
    outcomes = told(root, *new(folder("d"), *(file(f"d/{number}", "y" * 10) for number in range(3))), hub=hub)
    assert list(outcomes.values()) == [Decision.COMMIT, Decision.COMMIT, Decision.COMMIT, Decision.REFUSED]
    assert hub.facts().bytes == 30
    other.close()
    hub.close()


def test_children_before_their_directory_are_as_good(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    hub, _moves = seen(root)
    decisions = told(root, *new(*reversed(EVERYTHING)), hub=hub)
    assert Decision.STALE not in decisions.values() and Decision.REFUSED not in decisions.values()
    assert tree(root) == {"d/a": "one", "d/b": "two" * 40_000, "d/l": "->a", "d/e/c": "three"}
    hub.close()
