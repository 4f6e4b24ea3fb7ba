# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hard links both ways: what is one file on either side and ends equal is one file on both, and nothing else is."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any

import pytest
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync

from tests.lines import far_sync
from tests.links import LINKS, both, groups, link, rests, told
from tests.pairs import pair_spec, sync
from tests.trees import age, contents, grow

EACH_WAY = pytest.mark.parametrize("bring", [sync, far_sync], ids=["here", "over a wire"])


@pytest.fixture
def folder(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> pathlib.Path:
    """Two sides that agree on a file with three names, a large one with two, and one with one."""
    left = grow(tmp_path / "left", "a=one b/c=two e/ plain=4 big=" + "x" * 200_000)
    link(left, "a", "b/a2", "e/a3")
    link(left, "big", "b/big2")
    age(left)
    grow(tmp_path / "right", "")
    bring = request.getfixturevalue("bring") if "bring" in request.fixturenames else sync
    bring(tmp_path, preserve=LINKS)
    return tmp_path


@EACH_WAY
def test_what_is_one_file_is_carried_once(tmp_path: pathlib.Path, bring: Any) -> None:
    left = grow(tmp_path / "left", "a=one b/ big=" + "x" * 200_000)
    right = grow(tmp_path / "right", "z=three y/")
    link(left, "a", "b/a2")
    link(left, "big", "b/big2")
    link(right, "z", "y/z2", "y/z3")
    said, done = bring(tmp_path, preserve=LINKS, check=True), bring(tmp_path, preserve=LINKS)
    assert told(said) == told(done)
    assert sum(side.bytes_literal for side in done.sides) == 200_000 + len("onethree")
    assert both(tmp_path) == {frozenset(names) for names in (("a", "b/a2"), ("big", "b/big2"), ("z", "y/z2", "y/z3"))}
    assert rests(tmp_path, bring)


@EACH_WAY
def test_without_the_word_names_are_files_of_their_own(tmp_path: pathlib.Path, bring: Any) -> None:
    link(grow(tmp_path / "left", "a=one"), "a", "b", "c")
    link(grow(tmp_path / "right", "c=one d=one"), "c", "d")
    for path in (tmp_path / "left/a", tmp_path / "right/c"):
        os.utime(path, ns=(10**18, 10**18))
    assert not bring(tmp_path).problems
    assert groups(tmp_path / "right") == {frozenset(names) for names in ("a", "b", "cd")}
    assert {(reason, change) for _side, _path, change, reason in told(bring(tmp_path, preserve=LINKS))} == {
        ("linked", "update")
    }
    assert both(tmp_path) == {frozenset("abcd")} and rests(tmp_path, bring)


@EACH_WAY
def test_an_edit_in_place_is_one_of_all_names(folder: pathlib.Path, bring: Any) -> None:
    before = both(folder)
    (folder / "right/e/a3").write_text("edited")
    report = bring(folder, preserve=LINKS)
    assert told(report) == [(0, name, "update", "content") for name in (b"a", b"b/a2", b"e/a3")]
    assert report.sides[0].bytes_literal == len("edited") and both(folder) == before and rests(folder, bring)
    (folder / "left/a").chmod(0o600)
    os.utime(folder / "left/big", ns=(10**18, 10**18))
    report = bring(folder, preserve=LINKS)
    assert told(report) == [(1, name, "update", "mode") for name in (b"a", b"b/a2", b"e/a3")]
    assert both(folder) == before and rests(folder, bring)


@EACH_WAY
def test_an_edit_by_rename_parts_its_name(folder: pathlib.Path, bring: Any) -> None:
    grow(folder / "left", "draft=edited")
    (folder / "left/draft").rename(folder / "left/b/a2")
    assert told(bring(folder, preserve=LINKS)) == [(1, b"b/a2", "update", "content")]
    assert {frozenset({"a", "e/a3"}), frozenset({"b/a2"})} <= both(folder)
    assert (folder / "right/a").read_text() == "one" and rests(folder, bring)


@EACH_WAY
def test_a_link_that_is_new_and_one_that_was_taken_apart(folder: pathlib.Path, bring: Any) -> None:
    link(folder / "right", "a", "plain", "new")
    shutil.copy2(folder / "left/big", folder / "left/copy")
    (folder / "left/copy").rename(folder / "left/big")
    report = bring(folder, preserve=LINKS)
    assert (0, b"big", "update", "linked") in told(report) or (0, b"b/big2", "update", "linked") in told(report)
    assert report.sides[0].bytes_literal == report.sides[1].bytes_literal == 0
    assert both(folder) == {
        frozenset({"a", "b/a2", "e/a3", "plain", "new"}),
        frozenset({"big", "b/big2"}),
        frozenset({"b/c"}),
    }
    assert rests(folder, bring)


@EACH_WAY
def test_two_new_contents_of_one_side_stay_two_files(folder: pathlib.Path, bring: Any) -> None:
    for name in ("a", "b/a2"):
        (folder / "left" / name).unlink()
        grow(folder / "left", f"{name}=rewritten")
    bring(folder, preserve=LINKS)
    assert {frozenset({"a"}), frozenset({"b/a2"}), frozenset({"e/a3"})} <= both(folder) and rests(folder, bring)


@EACH_WAY
def test_permissions_of_one_name_reach_no_other(folder: pathlib.Path, bring: Any) -> None:
    """One side made a file of its own of a name; the other has to."""
    shutil.copy2(folder / "left/b/a2", folder / "left/copy")
    (folder / "left/copy").chmod(0o640)
    (folder / "left/copy").rename(folder / "left/b/a2")
    said, done = bring(folder, preserve=LINKS, check=True), bring(folder, preserve=LINKS)
    assert told(said) == told(done) == [(1, b"b/a2", "update", "linked"), (1, b"b/a2", "update", "mode")]
    assert {frozenset({"a", "e/a3"}), frozenset({"b/a2"})} <= both(folder)
    assert [(folder / "right" / name).stat().st_mode & 0o777 for name in ("a", "b/a2", "e/a3")] == [
        (folder / "left/a").stat().st_mode & 0o777,
        0o640,
        (folder / "left/a").stat().st_mode & 0o777,
    ]
    assert rests(folder, bring)


@EACH_WAY
def test_a_rename_carries_nothing(folder: pathlib.Path, bring: Any) -> None:
    (folder / "right/big").rename(folder / "right/e/bigger")
    (folder / "right/plain").rename(folder / "right/e/plainer")
    report = bring(folder, preserve=LINKS)
    assert told(report) == [
        (0, b"big", "remove", "extra"),
        (0, b"e/bigger", "make", "absent"),
        (0, b"e/plainer", "move", "renamed"),
    ]
    assert report.sides[0].bytes_literal == 0
    assert frozenset({"b/big2", "e/bigger"}) in both(folder) and rests(folder, bring)


@EACH_WAY
def test_copies_of_a_conflict_are_files_of_their_own(folder: pathlib.Path, bring: Any) -> None:
    (folder / "left/a").write_text("mine")
    (folder / "right/b/a2").write_text("yours")
    report = bring(folder, preserve=LINKS)
    assert [conflict.path for conflict in report.conflicts] == [b"a", b"b/a2", b"e/a3"]
    names = {str(os.fsdecode(conflict.kept_as)) for conflict in report.conflicts}
    assert len(names) == 3 and {frozenset({name}) for name in names} <= both(folder)
    assert frozenset({"a", "b/a2", "e/a3"}) in both(folder)
    assert {b"mine", b"yours"} <= set(contents(folder / "left").values()) and rests(folder, bring)


def test_a_copy_that_failed_holds_its_links_back(folder: pathlib.Path) -> None:
    (folder / "left/a").write_text("mine")
    (folder / "right/b/a2").write_text("yours")
    before = {**contents(folder / "left"), **contents(folder / "right")}

    def carry_out(operation: op.Operation) -> Any:
        if isinstance(operation, op.MoveNew) and operation.to_name.startswith(b"a.conflict-"):
            raise OSError(5, "Input/output error")
        return perform(operation)

    report = bisync(pair_spec(folder, preserve=LINKS), carry_out=carry_out)
    assert {b"a", b"b/a2", b"e/a3"} <= {problem.path for problem in report.problems}
    assert set(before.values()) <= {*contents(folder / "left").values(), *contents(folder / "right").values()}
    report = sync(folder, preserve=LINKS)
    assert not report.problems and frozenset({"a", "b/a2", "e/a3"}) in both(folder)
    assert {b"mine", b"yours"} <= set(contents(folder / "left").values()) and rests(folder)


def test_a_name_that_is_edited_while_it_is_linked_keeps_the_edit(tmp_path: pathlib.Path) -> None:
    link(grow(tmp_path / "left", "a=same"), "a", "b")
    right = grow(tmp_path / "right", "a=same b=same")
    for path in (tmp_path / "left/a", right / "a", right / "b"):
        os.utime(path, ns=(10**18, 10**18))
    assert not sync(tmp_path).changed
    waiting = ["an edit that races"]

    def carry_out(operation: op.Operation) -> Any:
        if waiting and isinstance(operation, op.Exchange) and operation.to_name == b"b":
            (right / "b").write_text(waiting.pop())
        return perform(operation)

    report = bisync(pair_spec(tmp_path, preserve=LINKS), carry_out=carry_out)
    assert [problem.path for problem in report.problems] == [b"b"]
    assert (right / "b").read_text() == "an edit that races" and (right / "a").read_text() == "same"
    assert not sync(tmp_path, preserve=LINKS).problems
    assert both(tmp_path) == {frozenset("a"), frozenset("b")}
    assert (tmp_path / "left/b").read_text() == "an edit that races" and rests(tmp_path)


def test_displaced_versions_of_linked_files_are_kept(folder: pathlib.Path) -> None:
    (folder / "left/a").write_text("edited")
    assert not sync(folder, preserve=LINKS, backup=b".old").problems
    for name in ("a", "b/a2", "e/a3"):
        assert (folder / "right/.old" / name).read_text() == "one"
        assert (folder / "right" / name).read_text() == "edited"
