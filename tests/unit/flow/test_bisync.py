# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a two-way sync: conflicts, brakes, archives, and the ways in which others have lost files."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from typing import Any, List

import pytest
from copia.cli import main
from copia.core.bisync_plan import Rulebook, reconcile
from copia.core.brakes import Limit
from copia.core.errors import Braked, Busy, InputError
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.paths import TreePath
from copia.core.reconcile import compare
from copia.core.verdicts import Policy
from copia.disk.folders import open_root
from copia.disk.root import lock_root
from copia.disk.scan import Scan
from copia.values import replace

from tests.pairs import agreed, equal, sync
from tests.trees import age, contents, grow


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    return tmp_path


def conflict(folder: pathlib.Path, **options: Any) -> Any:
    agreed(folder, "a=base")
    age(grow(folder / "left", "a=ours-is-long"), 100)
    age(grow(folder / "right", "a=theirs"), 200)
    return sync(folder, **options)


def test_both_versions_of_a_conflict_survive_on_both_sides(folder: pathlib.Path) -> None:
    report = conflict(folder)
    assert [(c.path, c.kind) for c in report.conflicts] == [(b"a", "edit")]
    assert equal(folder)
    assert sorted(contents(folder / "left").values()) == [b"ours-is-long", b"theirs"]
    assert not sync(folder).changed


@pytest.mark.parametrize(
    ("policy", "winner"),
    [
        ("prefer_left", b"ours-is-long"),
        ("prefer_right", b"theirs"),
        ("newest", b"ours-is-long"),
        ("oldest", b"theirs"),
        ("largest", b"ours-is-long"),
        ("smallest", b"theirs"),
    ],
)
def test_a_policy_says_who_wins(folder: pathlib.Path, policy: str, winner: bytes) -> None:
    conflict(folder, policy=Policy(policy))
    assert contents(folder / "left") == contents(folder / "right") == {b"a": winner}


def test_with_fail_nothing_is_touched(folder: pathlib.Path) -> None:
    with pytest.raises(InputError, match="1 conflict"):
        conflict(folder, policy=Policy.FAIL)
    assert contents(folder / "left") != contents(folder / "right")


def test_a_conflict_copy_is_named_after_the_original_and_they_are_capped(folder: pathlib.Path) -> None:
    conflict(folder, max_conflicts=2)
    copy = next(name for name in contents(folder / "left") if name != b"a")
    for side, text in (("left", "x"), ("right", "y")):
        (folder / side / os.fsdecode(copy)).write_text(text)
    sync(folder, max_conflicts=2)
    names = sorted(contents(folder / "left"))
    assert len(names) == 3 and all(name.count(b".conflict-") <= 1 for name in names)
    for side in ("left", "right"):
        (folder / side / "a").write_text(f"again {side}")
    report = sync(folder, max_conflicts=2)
    assert "conflict copies" in report.problems[0].what
    assert contents(folder / "left")[b"a"] == b"again left" and contents(folder / "right")[b"a"] == b"again right"


def test_an_edit_below_a_removed_directory_keeps_it_and_counts(folder: pathlib.Path) -> None:
    agreed(folder, "d/e/a=1 d/e/b=2 d/c=3 keep=4")
    shutil.rmtree(folder / "left" / "d")
    grow(folder / "right", "d/e/a=edited")
    report = sync(folder)
    assert [(c.path, c.kind) for c in report.conflicts] == [(b"d/e/a", "delete")]
    assert equal(folder) and contents(folder / "left") == {b"d/e/a": b"edited", b"keep": b"4"}


def test_a_directory_keeps_its_name_against_a_file(folder: pathlib.Path) -> None:
    agreed(folder, "p/a=1")
    shutil.rmtree(folder / "left" / "p")
    grow(folder / "left", "p=file")
    grow(folder / "right", "p/a=edited")
    report = sync(folder)
    assert [(c.path, c.kind) for c in report.conflicts] == [(b"p", "kind"), (b"p/a", "delete")]
    assert equal(folder)
    assert sorted(contents(folder / "left").values()) == [b"edited", b"file"]


def test_what_is_excluded_keeps_its_directory_from_going(folder: pathlib.Path) -> None:
    agreed(folder, "d/a=1 keep=2")
    grow(folder / "right", "d/x.tmp=mine")
    shutil.rmtree(folder / "left" / "d")
    from copia.core.selection import Rules

    report = sync(folder, rules=Rules(("*.tmp",)))
    assert not report.problems
    assert contents(folder / "right") == {b"d/x.tmp": b"mine", b"keep": b"2"}
    assert not sync(folder, rules=Rules(("*.tmp",))).changed


def test_permissions_travel_and_a_time_alone_is_no_change(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 b=2 d/")
    (folder / "left" / "a").chmod(0o600)
    os.utime(folder / "right" / "b", ns=(10**18, 10**18))
    report = sync(folder)
    assert report.applied == 1 and not report.conflicts
    assert equal(folder) and os.stat(folder / "left" / "b").st_mtime_ns == 10**18


def with_digest(block: Block, digest: bytes) -> Block:
    names = block.packed.names.split(b"\0")
    rows = [(name, what._replace(digest=digest)) for name, (_path, what) in zip(names, block.entries())]
    return Block(block.directory, pack_rows(rows))


def test_l3_what_cannot_be_read_is_not_gone(folder: pathlib.Path) -> None:
    grow(folder / "left", "d/ b=2")
    grow(folder / "right", "d/a=1 d/e/f=3 b=2")
    left, right = (Scan().tree(open_root(os.fsencode(folder / side))) for side in ("left", "right"))
    digest = bytes(32)
    base = replace(right, blocks=tuple(with_digest(block, digest) for block in right.blocks), _index={})
    known = {TreePath(b"b"): digest}

    def removed(left: Manifest) -> List[bytes]:
        plan = reconcile(compare(left, right, base), known, known, Rulebook()).plans[1]
        return sorted(step.path for step in plan.removals)

    assert removed(left) == [b"d/a", b"d/e", b"d/e/f"]
    assert removed(replace(left, unlisted=frozenset({TreePath(b"d")}))) == []


def test_l4_links_are_carried_as_links(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 l->a dead->nowhere")
    assert equal(folder) and os.readlink(folder / "right" / "dead") == "nowhere"


def test_l5_a_root_that_is_empty_missing_or_new_stops_the_run(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 b=2")
    for name in ("a", "b"):
        (folder / "left" / name).unlink()
    with pytest.raises(Braked, match="root_emptied"):
        sync(folder)
    shutil.rmtree(folder / "left")
    with pytest.raises(Braked, match="root_missing"):
        sync(folder)
    (folder / "left").mkdir()
    with pytest.raises(Braked, match="root_recreated"):
        sync(folder)
    assert contents(folder / "right") == {b"a": b"1", b"b": b"2"}
    report = sync(folder, force=True)
    assert report.base == "none" and equal(folder) and len(contents(folder / "left")) == 2


def test_too_many_removals_stop_the_run_and_force_overrides(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 b=2 c=3")
    for name in ("a", "b"):
        (folder / "right" / name).unlink()
    with pytest.raises(Braked, match="too_many_removals: 2 of 3"):
        sync(folder, limit=Limit(50, True))
    sync(folder, limit=Limit(50, True), force=True)
    assert contents(folder / "left") == {b"c": b"3"}


def test_l7_swapped_sides_and_moved_roots_are_the_same_pair(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 b=2 c=3")
    os.rename(folder / "left", folder / "elsewhere")
    (folder / "elsewhere" / "a").unlink()
    report = sync(folder, "right", "elsewhere")
    assert report.base == "trusted" and contents(folder / "right") == {b"b": b"2", b"c": b"3"}


def test_a_lost_archive_removes_nothing_and_a_damaged_one_falls_back(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 b=2 c=3")
    grow(folder / "left", "n=4")
    sync(folder)
    newest = next((folder / "state").glob("*.archive"))
    newest.write_bytes(newest.read_bytes()[:-1])
    (folder / "left" / "a").unlink()
    report = sync(folder)
    assert report.base == "old" and b"a" in contents(folder / "left")
    for path in (folder / "state").iterdir():
        path.unlink()
    (folder / "left" / "a").unlink()
    report = sync(folder)
    assert report.base == "none" and b"a" in contents(folder / "left") and equal(folder)


def test_l11_odd_names_and_kinds_that_change(folder: pathlib.Path) -> None:
    left = os.fsencode(folder / "left")
    for name in (b"\xff\xfe", b"x" * 255, "ü".encode() * 127, b"\n"):
        with open(os.path.join(left, name), "wb") as stream:
            stream.write(name)
    agreed(folder, "k=1 d/a=2")
    (folder / "left" / "k").unlink()
    shutil.rmtree(folder / "left" / "d")
    grow(folder / "left", "k/in=3 d=4")
    sync(folder)
    assert equal(folder)
    for side in ("left", "right"):
        (folder / side / ("ü" * 127)).write_text(side)
    sync(folder)
    copies = [name for name in contents(folder / "left") if b".conflict-" in name]
    assert equal(folder) and len(copies) == 1 and len(copies[0]) <= 255 and copies[0].decode("utf-8")


def test_l13_a_host_name_cannot_leave_the_directory(folder: pathlib.Path) -> None:
    report = conflict(folder, host="../../etc/ä")
    assert report.conflicts[0].kept_as.startswith(b"a.conflict-..-..-etc---")
    assert equal(folder)


def test_l17_an_edit_of_the_same_size_in_the_same_instant_is_seen(folder: pathlib.Path) -> None:
    grow(folder / "left", "a=one")
    sync(folder)
    for text in ("two", "six", "ten"):
        (folder / "left" / "a").write_text(text)
        sync(folder)
        assert contents(folder / "right") == {b"a": text.encode()}


def test_conflicts_side_by_side_in_one_directory_are_all_settled_in_one_run(folder: pathlib.Path) -> None:
    agreed(folder, "d/a=base d/b=base d/c=base e=base")
    for side in ("left", "right"):
        for name in ("d/a", "d/b", "d/c", "d/new", "e"):
            (folder / side / name).write_text(f"{name} of {side}")
    report = sync(folder)
    assert [conflict.path for conflict in report.conflicts] == [b"d/a", b"d/b", b"d/c", b"d/new", b"e"]
    assert equal(folder) and len(contents(folder / "left")) == 10
    again = sync(folder)
    assert not again.conflicts and not again.changed


def test_a_second_run_at_once_is_told_that_it_is_busy(folder: pathlib.Path) -> None:
    held = open_root(os.fsencode(folder / "right"))
    lock_root(held, b"right", patience=0)
    with pytest.raises(Busy):
        sync(folder)
    os.close(held)
    assert not sync(folder).changed


def test_the_command(folder: pathlib.Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("COPIA_STATE", str(folder / "state"))
    grow(folder / "left", "a=1 b=ours")
    grow(folder / "right", "b=theirs")
    sides = [str(folder / "left"), str(folder / "right")]
    assert main(["bisync", *sides, "-n"]) == 1
    assert "(dry run) nothing was modified" in capsys.readouterr().out and not (folder / "state").exists()
    assert main(["bisync", *sides, "-v"]) == 1
    assert "Bidirectional sync complete: 4 applied, 1 conflict(s) preserved.\n" in capsys.readouterr().out
    assert main(["bisync", *sides, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["base"] == "trusted"
    with pytest.raises(SystemExit):
        main(["bisync", "host:/path", sides[0]])
    assert "name that one as B" in capsys.readouterr().err
