# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command's words, lines and exit status, as scripts read them."""

from __future__ import annotations

import gc
import json
import os
import pathlib
from typing import Callable, List, Tuple

import pytest
from copia.cli import main

from tests.trees import age, contents, grow

Run = Callable[..., Tuple[int, List[str], str]]


@pytest.fixture
def run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    age(grow("a", "x=1 sub/y=2 l->x"))

    def call(*words: str) -> Tuple[int, List[str], str]:
        try:
            status = main(words)
        except SystemExit as leave:
            status = int(leave.code or 0)
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err

    return call


def test_a_dry_run_names_what_it_would_do_and_does_nothing(run: Run, tmp_path: pathlib.Path) -> None:
    grow("b", "old=1 older=2 x=1 sub/y=2")
    status, lines, _err = run("sync", "a", "b", "-r", "--delete", "-n")
    assert status == 0
    assert lines[0] == "Plan: 1 to transfer, 2 unchanged (skipped), 2 to delete"
    assert lines[1:] == ["send l", "delete old", "delete older", "(dry run) nothing was modified"]
    assert b"old" in contents("b")


def test_a_run_sums_up_and_a_second_one_is_up_to_date(run: Run) -> None:
    assert run("sync", "a", "b", "-r")[1] == [
        "Plan: 3 to transfer, 0 unchanged (skipped), 0 to delete",
        "Complete: 3 sent, 0 skipped, 0 deleted, 0 failed",
    ]
    assert run("sync", "-r", "a", "b")[1] == ["Already up to date (3 files)."]


def test_one_file_goes_to_the_name_that_is_given(run: Run) -> None:
    status, lines, _err = run("sync", "a/x", "copy")
    assert (status, lines[-1]) == (0, "Complete: 1 sent, 0 skipped, 0 deleted, 0 failed")
    assert pathlib.Path("copy").read_text() == "1"


def test_exclude_matches_any_part_or_with_a_slash_the_whole_path(run: Run) -> None:
    grow("a", "target/o=1 deep/target/o=1 deep/keep=1 !odd=1 s/t/u=1 v/s/t/u=1")
    run("sync", "a", "b", "-r", "--exclude", "target/", "--exclude", "s/t", "--exclude", "!odd")
    assert set(contents("b")) == {b"x", b"sub/y", b"deep/keep", b"v/s/t/u"}


@pytest.mark.parametrize(
    "words",
    [
        ("sync", "a", "b"),
        ("sync", "a/x", "b", "-r"),
        ("sync", "a", "b", "-r", "--unknown"),
        ("sync", "a", "b", "-r", "-b", "1000"),
        ("sync", "a", "b", "-r", "-j", "0"),
        ("sync", "a"),
        (),
        ("bogus",),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2_and_touches_nothing(run: Run, words: Tuple[str, ...]) -> None:
    status, lines, err = run(*words)
    assert (status, lines) == (2, []) and err
    assert not pathlib.Path("b").exists()


def test_what_is_not_possible_is_status_1_and_one_line(run: Run) -> None:
    for words in (("sync", "nothing", "b"), ("sync", "-r", "a", "a/x"), ("sync", "-r", "a", "b", "--owner", "no-such")):
        status, lines, err = run(*words)
        assert status == 1 and not lines
        assert err.startswith("copia: ") and err.count("\n") == 1


def test_json_is_the_report_and_nothing_else(run: Run) -> None:
    status, lines, _err = run("sync", "-r", "a", "b", "--json")
    report = json.loads("\n".join(lines))
    assert status == 0 and report["changed"] and report["stats"]["made"] == 5


def test_version_and_help(run: Run) -> None:
    assert run("--version")[:2] == (0, ["copia 0.3.0"])
    assert run("--help")[0] == 0


def test_what_is_displaced_goes_where_the_words_say(run: Run) -> None:
    grow("b", "x=old gone=1")
    assert run("sync", "a", "b", "-r", "--delete", "--force", "--backup-dir", ".old")[0] == 0
    assert contents("b/.old") == {b"x": b"old", b"gone": b"1"}
    assert run("bisync", "a", "b", "--force", "--backup-dir", ".old")[0] == 0
    assert not pathlib.Path("a/.old").exists()
    status, _lines, err = run("sync", "a", "b", "-r", "--backup-dir", "")
    assert status == 1 and "backup_dir is" in err


def test_a_run_over_many_files_seldom_looks_for_circles_of_objects(run: Run) -> None:
    grow("a", " ".join(f"d{number % 10}/{number}=1" for number in range(3000)))
    before, looks = gc.get_threshold(), 0

    def seen(phase: str, _facts: object) -> None:
        nonlocal looks
        looks += phase == "start"

    gc.callbacks.append(seen)
    try:
        assert run("sync", "a", "b", "-r", "-n")[0] == 0
    finally:
        gc.callbacks.remove(seen)
        gc.set_threshold(*before)
    assert looks < 5


def test_hard_links_are_kept_both_ways(run: Run) -> None:
    os.link("a/x", "a/more")
    grow("b", "")
    assert run("bisync", "a", "b", "--preserve", "hard_links")[0] == 0
    assert pathlib.Path("b/more").samefile("b/x") and not pathlib.Path("b/more").samefile("b/sub/y")
    status, _lines, err = run("bisync", "a", "b", "--preserve", "links")
    assert status == 1 and "preserve has 'links': expected some of owner, group, acls, xattrs, hard_links" in err
