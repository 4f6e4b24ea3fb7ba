# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that really folds: an NTFS that ignores case. Needs root, lowntfs-3g and the right to mount with FUSE.

It lists every name in small letters, whatever it was called when it was made.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from typing import Any, Dict, Iterator, List

import pytest
from copia.core.folding import Folding
from copia.core.verdicts import Policy
from copia.disk.operations import run
from copia.disk.perform import perform
from copia.disk.probe import probe_folding, seen_folding
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.faults.test_kill import KillAfter, Killed
from tests.lines import far_sync
from tests.pairs import ANY, sync
from tests.trees import contents, grow

IGNORES_CASE = Folding.ASCII | Folding.CASE


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder on which names fold."""
    image, place = tmp_path / "image", tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or not (shutil.which("mkntfs") and shutil.which("lowntfs-3g")):
        pytest.skip("needs root, mkntfs and lowntfs-3g (package ntfs-3g)")
    with image.open("wb") as stream:
        stream.truncate(8 << 20)
    subprocess.run(["mkntfs", "-q", "-F", str(image)], check=True, capture_output=True)
    command = ["lowntfs-3g", "-o", "ignore_case,permissions", str(image), str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount with FUSE")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def planted(root: pathlib.Path, words: str, when: int = 1_700_000_000) -> pathlib.Path:
    """A tree whose times are whole seconds: NTFS counts in hundreds of nanoseconds."""
    top = grow(root, words)
    for path in [*top.rglob("*"), top]:
        os.utime(path, (when, when), follow_symlinks=False)
    return top


def copied(source: pathlib.Path, target: pathlib.Path, *, check: bool = False, delete: bool = True, **how: Any) -> Any:
    spec = TargetSpec(os.fsencode(target), delete=delete, limit=ANY, check=check, durable=False, patience=0)
    return mirror(SourceSpec(os.fsencode(source)), spec, **how)


def told(report: Any) -> List[str]:
    return [f"{problem.path.decode()} {problem.what}" for problem in report.problems]


def changes(report: Any) -> Dict[bytes, str]:
    return {change.path: change.change for change in report.changes}


def probed(root: pathlib.Path) -> Folding:
    descriptor = os.open(root, os.O_RDONLY)
    try:
        found: Folding = run(probe_folding(descriptor), perform)
        return found
    finally:
        os.close(descriptor)


def seen(root: pathlib.Path) -> Folding:
    descriptor = os.open(root, os.O_RDONLY)
    try:
        return seen_folding(descriptor)
    finally:
        os.close(descriptor)


def test_a_side_that_folds_is_found_and_nothing_is_left(disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for root, wanted in ((disk, IGNORES_CASE), (tmp_path, Folding.NONE)):
        before = sorted(os.listdir(root)), os.stat(root).st_mtime_ns
        assert probed(root) == wanted
        assert (sorted(os.listdir(root)), os.stat(root).st_mtime_ns) == before


def test_without_writing_the_names_at_the_top_tell(disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert seen(planted(disk / "empty", "")) == Folding.NONE
    assert seen(planted(disk / "plain", "readme=1")) == Folding.ASCII
    assert seen(planted(disk / "more", "readme=1 caf\u00e9=2")) == IGNORES_CASE
    assert seen(planted(tmp_path / "elsewhere", "readme=1 Readme=2 caf\u00e9=2")) == Folding.NONE


def test_two_names_that_are_one_there_are_left_alone_and_named(disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    source = planted(tmp_path / "new", "README=one Readme=other- d/x=1 D/y=2 fine=3 e/A=1 e/a=2 e/b=3")
    report = copied(source, disk / "there")
    assert [line.split(",")[0] for line in told(report)] == [
        "D and d are one name on the destination",
        "README and Readme are one name on the destination",
        "e/A and a are one name on the destination",
    ]
    assert contents(disk / "there") == {b"fine": b"3", b"e/b": b"3"}
    (source / "Readme").unlink()
    (source / "e" / "A").rename(source / "e" / "AA")
    shutil.rmtree(source / "D")
    assert not told(copied(source, disk / "there"))
    assert contents(disk / "there") == {
        b"fine": b"3",
        b"readme": b"one",
        b"e/b": b"3",
        b"e/a": b"2",
        b"e/aa": b"1",
        b"d/x": b"1",
    }


def test_what_collides_is_not_removed(disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    source = planted(tmp_path / "new", "README=one-of-them Readme=other d/x=1")
    target = planted(disk / "there", "readme=kept d/z/x=1 gone=1")
    grow(source, "d/Z/x=1 d/z/X=1")
    report = copied(source, target)
    assert [line.split(" ")[0] for line in told(report)] == ["README", "d/Z"]
    assert contents(target) == {b"readme": b"kept", b"d/x": b"1", b"d/z/x": b"1"}


@pytest.mark.parametrize("delete", [True, False], ids=["delete", "keep"])
def test_a_rename_by_case_alone_loses_nothing(disk: pathlib.Path, tmp_path: pathlib.Path, delete: bool) -> None:
    source, target = planted(tmp_path / "new", "Dir/File=1 Dir/other=2 b=3"), disk / "there"
    copied(source, target)
    (source / "Dir" / "File").rename(source / "Dir" / "FILE")
    (source / "Dir").rename(source / "DIR")
    planted(source, "")
    for check in (True, False):
        report = copied(source, target, check=check, delete=delete)
        assert not told(report) and not changes(report)
    assert contents(target) == {b"dir/file": b"1", b"dir/other": b"2", b"b": b"3"}
    (source / "DIR" / "other").unlink()
    planted(source, "DIR/FILE=edited", 1_700_000_100)
    removed = {b"DIR/other": "remove"} if delete else {}
    assert changes(copied(source, target, delete=delete)) == {b"DIR/FILE": "update", **removed}
    assert (target / "DIR" / "FILE").read_text() == "edited"
    assert os.path.lexists(target / "dir" / "other") is not delete


def test_a_run_that_dies_while_it_looks_leaves_nothing_for_good(tmp_path: pathlib.Path) -> None:
    source, target = planted(tmp_path / "new", "a=1 A=2"), tmp_path / "there"
    for count in range(8):
        with pytest.raises(Killed):
            copied(source, target, carry_out=KillAfter(count, after=True))
        assert not told(copied(source, target))
        assert sorted(os.listdir(target)) == ["A", "a"]
        shutil.rmtree(target)


@pytest.fixture(params=[sync, far_sync], ids=["here", "there"])
def pair(request: pytest.FixtureRequest, disk: pathlib.Path, tmp_path: pathlib.Path) -> Any:
    """``right`` folds; it is on this host, or behind a conversation."""
    (tmp_path / "left").mkdir()
    (disk / "right").mkdir()
    (tmp_path / "right").symlink_to(disk / "right")
    return lambda **options: request.param(tmp_path, **options)


def test_both_ways_names_that_are_one_are_left_alone(pair: Any, disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    planted(tmp_path / "left", "README=one Readme=other- d/x=1 D/y=2 fine=3")
    planted(disk / "right", "more=1")
    for _run in range(2):
        report = pair()
        assert [line.split(" are one name on ")[0] for line in told(report)] == ["D and d", "README and Readme"]
        assert contents(disk / "right") == {b"fine": b"3", b"more": b"1"}
        assert set(contents(tmp_path / "left")) == {b"README", b"Readme", b"d/x", b"D/y", b"fine", b"more"}
    (tmp_path / "left" / "README").unlink()
    (tmp_path / "left" / "D" / "y").rename(tmp_path / "left" / "d" / "y")
    (tmp_path / "left" / "D").rmdir()
    assert not told(pair())
    assert contents(disk / "right") == {b"fine": b"3", b"more": b"1", b"readme": b"other-", b"d/x": b"1", b"d/y": b"2"}


def test_both_ways_a_rename_by_case_alone_is_none(pair: Any, disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Through FUSE a root has no identity, so there is no base: what is new on one side goes to the other."""
    planted(tmp_path / "left", "Dir/File=1 Dir/other=2")
    pair()
    (tmp_path / "left" / "Dir" / "File").rename(tmp_path / "left" / "Dir" / "FILE")
    (tmp_path / "left" / "Dir").rename(tmp_path / "left" / "DIR")
    planted(tmp_path / "left", "")
    for check in (True, False):
        report = pair(check=check)
        assert not told(report) and not report.changed
    assert contents(disk / "right") == {b"dir/file": b"1", b"dir/other": b"2"}
    planted(disk / "right", "dir/file=edited-there dir/third=3", 1_700_000_100)
    assert not told(pair(policy=Policy.NEWEST))
    assert contents(tmp_path / "left") == {b"DIR/FILE": b"edited-there", b"DIR/other": b"2", b"DIR/third": b"3"}
