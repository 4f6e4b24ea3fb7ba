# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run replaces or removes is found in the backup, under its path."""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
from typing import Any, Dict

import pytest
from copia.core.backup import parse_place
from copia.core.errors import InputError
from copia.core.verdicts import Policy
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.grant import Grant
from copia.flow.jobs import jobs_for
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.lines import far_sync, pull, push
from tests.pairs import ANY, sync
from tests.trees import age, contents, grow, harvest

OLD = "keep=same edit=old1:600 sub/edit=old2 gone/x=1 gone/y=2:640 tofile/z=3 todir=4 l->keep tolink=5"
NEW = "keep=same edit=new-content sub/edit=new-too tofile=10 todir/inside=11 l->edit tolink->keep"
DISPLACED = {
    b"edit": b"old1",
    b"sub/edit": b"old2",
    b"gone/x": b"1",
    b"gone/y": b"2",
    b"tofile/z": b"3",
    b"todir": b"4",
    b"tolink": b"5",
}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """An old state at ``there``, a new one at ``new``."""
    age(grow(tmp_path / "there", OLD), 7200)
    age(grow(tmp_path / "new", NEW), 3600)
    return tmp_path


def spec(folder: pathlib.Path, backup: Any, **how: Any) -> TargetSpec:
    rules: Dict[str, Any] = {"delete": True, "limit": ANY, "durable": False, "patience": 0, **how}
    return TargetSpec(os.fsencode(folder / "there"), backup=parse_place(os.fsencode(backup)), **rules)


def mirrored(folder: pathlib.Path, backup: Any, carry_out: Any = None, **how: Any) -> Any:
    return mirror(SourceSpec(os.fsencode(folder / "new")), spec(folder, backup, **how), carry_out=carry_out)


def there(folder: pathlib.Path) -> Dict[bytes, Any]:
    """The destination without the backup in it."""
    return {path: what for path, what in harvest(folder / "there").items() if path.split(b"/")[0] != b"old"}


@pytest.mark.parametrize("where", ["old", "old/of/today", "./old/", "/"], ids=["below", "deep", "dotted", "absolute"])
def test_what_is_displaced_is_kept_under_its_path(folder: pathlib.Path, where: str) -> None:
    place = str(folder / "kept/of/today") if where == "/" else where
    before = harvest(folder / "there")
    report = mirrored(folder, place)
    assert not report.problems
    assert there(folder) == harvest(folder / "new")
    kept = folder / "kept/of/today" if where == "/" else folder / "there" / where
    found = harvest(kept)
    assert contents(kept) == DISPLACED
    assert found[b"l"][:2] == ("link", b"keep")
    assert {path: what for path, what in found.items() if what[0] != "directory"} == {
        path: before[path] for path in (*DISPLACED, b"l")
    }
    assert found[b"gone"] == before[b"gone"] and found[b"sub"] == before[b"sub"]
    assert not mirrored(folder, place).changed
    assert harvest(kept) == found


def test_the_same_over_a_conversation(folder: pathlib.Path) -> None:
    assert not push(folder / "new", folder / "there", delete=True, limit=ANY, backup=b"old", durable=False).problems
    assert contents(folder / "there/old") == DISPLACED
    grow(folder / "new", "edit=newer")
    place = os.fsencode(folder / "elsewhere")
    assert not pull(folder / "new", folder / "there", delete=True, limit=ANY, backup=place, durable=False).problems
    assert contents(folder / "elsewhere")[b"edit"] == b"new-content"


def test_a_place_outside_of_what_is_served_is_refused(folder: pathlib.Path) -> None:
    line = {"jobs": jobs_for(Grant((os.fsencode(folder / "there"),)))}
    with pytest.raises(InputError, match="outside of what is served"):
        push(folder / "new", folder / "there", line, delete=True, limit=ANY, backup=os.fsencode(folder / "out"))
    assert not os.path.lexists(folder / "out")
    assert not push(folder / "new", folder / "there", line, delete=True, limit=ANY, backup=b"old").problems


def test_a_taken_name_gets_a_number_and_nothing_is_overwritten(folder: pathlib.Path) -> None:
    grow(folder / "there", "old/edit=mine old/sub=a-file old/gone/x/inside=1")
    long = "n" * 252 + "\u00e9"
    grow(folder / "there", f"{long}=first old/{long}=taken")
    assert not mirrored(folder, "old").problems
    kept = contents(folder / "there/old")
    assert kept.pop(os.fsencode(long)) == b"taken" and kept.pop(os.fsencode("n" * 252 + ".1")) == b"first"
    untouched = {path: content for path, content in DISPLACED.items() if path[:1] == b"t" or path == b"gone/y"}
    assert kept == {
        **untouched,
        b"edit": b"mine",
        b"edit.1": b"old1",
        b"sub": b"a-file",
        b"sub.1/edit": b"old2",
        b"gone/x/inside": b"1",
        b"gone/x.1": b"1",
    }


def test_each_run_keeps_its_own(folder: pathlib.Path) -> None:
    for number in range(3):
        grow(folder / "new", f"edit=version-{number}")
        mirrored(folder, "old")
    kept = contents(folder / "there/old")
    assert [kept[name] for name in (b"edit", b"edit.1", b"edit.2")] == [b"old1", b"version-0", b"version-1"]


def test_the_place_is_no_part_of_the_mirror(folder: pathlib.Path) -> None:
    grow(folder / "new", "old/edit=of-the-source old/more=1")
    grow(folder / "there", "d/old/kept=1")
    report = mirrored(folder, "old")
    assert not report.problems and b"old" not in {change.path for change in report.changes}
    assert contents(folder / "there/old").keys() == {*DISPLACED, b"d/old/kept"}
    grow(folder / "there", "d/e/old/kept=1 d/e/gone=1")
    mirrored(folder, "d/e/old")
    kept = contents(folder / "there/d/e/old")
    assert (kept[b"kept"], kept[b"d/e/gone"], kept[b"old/edit"]) == (b"1", b"1", b"old1")
    assert contents(folder / "there").keys() == {*contents(folder / "new"), *(b"d/e/old/" + path for path in kept)}


def test_check_mode_says_the_same_and_makes_nothing(folder: pathlib.Path) -> None:
    before = harvest(folder / "there")
    foreseen = mirrored(folder, "old", check=True)
    assert harvest(folder / "there") == before
    done = mirrored(folder, "old")
    assert [(c.path, c.change) for c in foreseen.changes] == [(c.path, c.change) for c in done.changes]


@pytest.mark.parametrize("where", ["there", "there/below", "", "new", "new/below"])
def test_a_place_around_or_within_a_tree_is_refused(folder: pathlib.Path, where: str) -> None:
    before = harvest(folder)
    with pytest.raises(InputError, match="lie within each other"):
        mirrored(folder, folder / where)
    assert harvest(folder) == before


def test_a_place_on_another_file_system_is_refused(folder: pathlib.Path) -> None:
    other = pathlib.Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == folder.stat().st_dev:
        pytest.skip("needs a /dev/shm that is another file system")
    before = harvest(folder)
    for check in (True, False):
        with pytest.raises(InputError, match=r"another file system than .*there; name a place on the same"):
            mirrored(folder, other / "copia-backup-test" / "x", check=check)
    assert harvest(folder) == before and not os.path.lexists(other / "copia-backup-test")


@pytest.mark.parametrize("inside", [False, True], ids=["the place", "a folder of it"])
def test_no_link_leads_out(folder: pathlib.Path, inside: bool) -> None:
    """A link in the place of a folder is passed by with a number; as the place itself it is refused."""
    outside = grow(folder / "outside", "edit=theirs")
    before = harvest(outside)
    if inside:
        grow(folder / "there", "old/")
        (folder / "there/old/sub").symlink_to(outside)
        assert not mirrored(folder, "old").problems
        assert contents(folder / "there/old")[b"sub.1/edit"] == b"old2"
    else:
        (folder / "there/old").symlink_to(outside)
        with pytest.raises(InputError, match="backup_dir old cannot be opened"):
            mirrored(folder, "old")
        assert contents(folder / "there")[b"edit"] == b"old1"
    assert harvest(outside) == before


def without(*kinds: Any, number: int = errno.EPERM) -> Any:
    """A kernel that refuses these operations."""

    def carry_out(operation: op.Operation) -> Any:
        if isinstance(operation, kinds):
            raise OSError(number, os.strerror(number))
        return perform(operation)

    return carry_out


@pytest.mark.parametrize(
    "carry_out",
    [
        without(op.Link),
        without(op.Exchange, number=errno.EINVAL),
        without(op.Link, op.Exchange, number=errno.EOPNOTSUPP),
    ],
    ids=["no second names", "no exchange", "neither"],
)
def test_file_systems_that_can_do_less(folder: pathlib.Path, carry_out: Any) -> None:
    assert not mirrored(folder, "old", carry_out=carry_out).problems
    assert there(folder) == harvest(folder / "new")
    assert contents(folder / "there/old") == DISPLACED


def test_a_place_through_another_mount_is_refused(folder: pathlib.Path) -> None:
    """A bind mount has the same device number, and yet the kernel refuses to link across."""
    place = folder / "there" / "old"
    place.mkdir()
    (folder / "real").mkdir()
    command = ["mount", "--bind", str(folder / "real"), str(place)]
    if os.geteuid() or subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs root and the right to mount")
    before = contents(folder)
    try:
        with pytest.raises(InputError, match="old is on another file system or mount"):
            mirrored(folder, "old")
        assert contents(folder) == before
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_kernel_that_refuses_to_link_across_loses_nothing(folder: pathlib.Path) -> None:
    before = contents(folder / "there")
    report = mirrored(folder, "old", carry_out=without(op.Link, number=errno.EXDEV))
    assert {b"edit", b"sub/edit"} <= {problem.path for problem in report.problems}
    assert any("another file system" in problem.what for problem in report.problems)
    after = contents(folder / "there")
    assert {before[path] for path in before} <= {*after.values()}


class EditsBefore:
    """Somebody writes to a file just before an operation takes effect."""

    def __init__(self, kind: Any, path: pathlib.Path) -> None:
        self.kind, self.path, self.done = kind, path, False

    def __call__(self, operation: op.Operation) -> Any:
        if isinstance(operation, self.kind) and not self.done and operation.from_name == self.name:
            self.done = True
            self.path.write_text("raced with the run")
        return perform(operation)

    @property
    def name(self) -> bytes:
        return os.fsencode(self.path.name)


@pytest.mark.parametrize(("kind", "path"), [(op.Link, "edit"), (op.MoveNew, "gone/y")], ids=["replaced", "removed"])
def test_an_edit_that_races_with_the_run_stays_in_the_tree(folder: pathlib.Path, kind: Any, path: str) -> None:
    racing = EditsBefore(kind, folder / "there" / path)
    report = mirrored(folder, "old", carry_out=racing)
    assert racing.done
    assert os.fsencode(path) in {problem.path for problem in report.problems}
    assert (folder / "there" / path).read_text() == "raced with the run"
    assert os.stat(folder / "there" / path).st_nlink == 1
    assert os.fsencode(path) not in contents(folder / "there/old")


def test_a_version_that_looks_like_the_one_that_was_kept_is_kept_too(folder: pathlib.Path) -> None:
    """Another program puts a file of the same size and time in its place, just before the exchange."""
    path = folder / "there" / "edit"

    def race(operation: op.Operation) -> Any:
        other = folder / "other"
        if isinstance(operation, op.Exchange) and operation.to_name == b"edit" and path.read_text() == "old1":
            other.write_text("same")
            os.utime(other, ns=(path.stat().st_mtime_ns,) * 2)
            other.rename(path)
        return perform(operation)

    assert not mirrored(folder, "old", carry_out=race).problems
    assert path.read_text() == "new-content"
    kept = contents(folder / "there/old")
    assert (kept[b"edit"], kept[b"edit.1"]) == (b"old1", b"same")


@pytest.mark.parametrize("run", [sync, far_sync], ids=["here", "there"])
@pytest.mark.parametrize("is_absolute", [False, True], ids=["below", "absolute"])
def test_both_ways_each_side_has_its_own(tmp_path: pathlib.Path, run: Any, is_absolute: bool) -> None:
    for side in ("left", "right"):
        grow(tmp_path / side, "a=1 b=2 c=3 d/e=4")
        age(tmp_path / side)
    place = os.fsencode(tmp_path / "kept") if is_absolute else b".old"
    run(tmp_path)
    grow(tmp_path / "left", "a=edited-here c=ours")
    (tmp_path / "left/b").unlink()
    grow(tmp_path / "right", "c=theirs-longer")
    (tmp_path / "right/d/e").unlink()
    report = run(tmp_path, backup=place, policy=Policy.PREFER_LEFT)
    assert not report.problems
    kept = {side: tmp_path / "kept" / side if is_absolute else tmp_path / side / ".old" for side in ("left", "right")}
    assert contents(kept["left"]) == {b"d/e": b"4"}
    assert contents(kept["right"]) == {b"a": b"1", b"b": b"2", b"c": b"theirs-longer"}
    again = run(tmp_path, backup=place)
    assert not again.changed and not again.problems
    assert contents(kept["right"]) == {b"a": b"1", b"b": b"2", b"c": b"theirs-longer"}


@pytest.mark.parametrize(("left", "right", "place"), [("x/left", "y", "x"), ("x", "y/right", "y"), ("x", "y", "y/z")])
def test_both_ways_no_place_holds_a_tree(tmp_path: pathlib.Path, left: str, right: str, place: str) -> None:
    for name in (left, right):
        grow(tmp_path / name, "a=1")
    with pytest.raises(InputError, match="lie within each other"):
        sync(tmp_path, left, right, backup=os.fsencode(tmp_path / place))
