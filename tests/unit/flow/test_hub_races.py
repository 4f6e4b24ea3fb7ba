# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client whose hub changes meanwhile, which dies before the answer, or whose kinds of entries change places."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from copia.core.verdicts import Policy

from tests.fleet import Fleet, agreed


def test_a_hub_that_changes_after_its_news_keeps_both_versions(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2")
    fleet.grow("a", "x=mine")
    (fleet.tree("a") / "y").unlink()

    def meanwhile() -> None:
        fleet.hub.write("x", b"raced")
        fleet.hub.write("y", b"raced too")
        fleet.hub.before_put = lambda: None

    fleet.hub.before_put = meanwhile
    report = fleet.sync("a")
    assert [(c.path, c.kind) for c in report.pair.conflicts] == [(b"x", "edit"), (b"y", "delete")]
    kept = report.pair.conflicts[0].kept_as
    assert fleet.hub.texts() == {b"x": b"raced", kept: b"mine", b"y": b"raced too"}
    assert not fleet.sync("a").pair.problems
    assert fleet.texts("a") == fleet.hub.texts()


def test_a_client_that_insists_offers_once_more_what_it_has(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.grow("a", "x=mine")
    news = fleet.hub.news

    def raced(since: Any) -> Any:
        pages = list(news(since))
        fleet.hub.write("x", b"raced")
        return iter(pages)

    fleet.hub.news = raced  # type: ignore[method-assign]
    assert not fleet.sync("a", policy=Policy.PREFER_LEFT).pair.conflicts
    assert fleet.hub.texts() == {b"x": b"mine"}


class Died(BaseException):
    """The client is gone."""


def test_a_client_that_dies_before_the_answer_finds_out_by_asking(fleet: Fleet) -> None:
    agreed(fleet, "x=1 y=2")
    fleet.grow("a", "x=mine new=3")
    (fleet.tree("a") / "y").unlink()

    def die() -> None:
        raise Died

    fleet.hub.after_put = die
    with pytest.raises(Died):
        fleet.sync("a")
    fleet.hub.after_put = lambda: None
    report = fleet.sync("a")
    assert not report.pair.conflicts and not report.sent and not report.pair.changed
    assert fleet.texts("a") == fleet.hub.texts() == {b"x": b"mine", b"new": b"3"}


def test_l15_a_file_that_cannot_be_read_is_a_problem_of_its_path(fleet: Fleet) -> None:
    agreed(fleet)
    fleet.grow("a", "good=1 bad=2 other=3")
    seen = fleet.hub.offer

    def changing(offers: Any) -> Any:
        (fleet.tree("a") / "bad").write_text("changed while it is sent")
        return seen(offers)

    fleet.hub.offer = changing  # type: ignore[method-assign]
    report = fleet.sync("a")
    assert [problem.path for problem in report.pair.problems] == [b"bad"]
    assert fleet.hub.texts() == {b"x": b"old", b"good": b"1", b"other": b"3"}
    fleet.hub.offer = seen  # type: ignore[method-assign]
    assert fleet.sync("a").sent == 1


def test_a_directory_here_against_a_file_there_brings_both_to_safety(fleet: Fleet) -> None:
    agreed(fleet, "p=old")
    (fleet.tree("a") / "p").unlink()
    fleet.grow("a", "p/in=new")
    fleet.hub.write("p", b"edited")
    report = fleet.sync("a")
    assert [(c.path, c.kind) for c in report.pair.conflicts] == [(b"p", "kind")]
    assert not report.pair.problems
    assert fleet.texts("a") == fleet.hub.texts()
    assert sorted(fleet.texts("a").values()) == [b"edited", b"new"]
    assert not fleet.sync("a").pair.changed


def test_kinds_change_places(fleet: Fleet) -> None:
    agreed(fleet, "f=1 d/a=2 d/b=3 l->f")
    (fleet.tree("a") / "f").unlink()
    shutil.rmtree(fleet.tree("a") / "d")
    (fleet.tree("a") / "l").unlink()
    fleet.grow("a", "f/in=4 d=5 l=6")
    assert not fleet.sync("a").pair.problems
    assert not fleet.sync("b").pair.problems
    assert fleet.texts("a") == fleet.texts("b") == fleet.hub.texts() == {b"f/in": b"4", b"d": b"5", b"l": b"6"}


def test_a_removal_that_the_hub_holds_against_keeps_its_directory(fleet: Fleet) -> None:
    agreed(fleet, "d/e/x=1 d/y=2 keep=3")
    shutil.rmtree(fleet.tree("a") / "d")
    offer = fleet.hub.offer

    def raced(offers: Any) -> Any:
        fleet.hub.write("d/e/x", b"raced")
        return offer(offers)

    fleet.hub.offer = raced  # type: ignore[method-assign]
    report = fleet.sync("a")
    assert [(c.path, c.kind) for c in report.pair.conflicts] == [(b"d/e/x", "delete")]
    assert not report.pair.problems
    assert fleet.hub.texts() == {b"d/e/x": b"raced", b"keep": b"3"}
    fleet.hub.offer = offer  # type: ignore[method-assign]
    assert not fleet.sync("a").pair.problems
    assert fleet.texts("a") == fleet.hub.texts()
