# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that dies or fails anywhere leaves every old version at its path, or in the backup."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
from typing import Any, Dict, Set

import pytest
from copia.core.errors import CopiaError, InputError
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync
from copia.flow.mirror import mirror
from copia.values import replace

from tests.faults.test_full_disk import small_disk
from tests.faults.test_kill import FailAt, KillAfter, Killed, ground, specs
from tests.pairs import agreed, pair_spec
from tests.trees import age, contents, grow, harvest

__all__ = ["small_disk"]
DISPLACED = {b"edit": b"old1", b"sub/edit": b"old2", b"gone/x": b"1", b"gone/y": b"2", b"tofile/z": b"3"}
DISPLACED.update({b"todir": b"4", b"tolink": b"5", b"fresh-no": b"6"})


def run(folder: pathlib.Path, carry_out: Any = None) -> Any:
    source, target = specs(folder)
    return mirror(source, replace(target, backup=b"old"), carry_out=carry_out)


def kept(folder: pathlib.Path) -> Dict[bytes, bytes]:
    return contents(folder / "old")


def tree(folder: pathlib.Path) -> Dict[bytes, Any]:
    return {path: what for path, what in harvest(folder).items() if path.split(b"/")[0] not in (b"old", b".copia")}


def assert_every_old_version_is_somewhere(folder: pathlib.Path) -> None:
    there, aside = contents(folder / "there"), kept(folder / "there")
    for path, content in DISPLACED.items():
        assert content == there.get(path) or content == aside.get(path), path


def total(folder: pathlib.Path, carry_out: Any) -> int:
    ground(folder)
    counting = KillAfter(10**9, after=False)
    run(folder, through(carry_out, counting))
    return counting.done


def through(refuses: Any, performer: Any) -> Any:
    return (lambda operation: refuses(operation, performer)) if refuses else performer


def no_second_names(operation: op.Operation, performer: Any) -> Any:
    if isinstance(operation, op.Link):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))
    return performer(operation)


def no_exchange(operation: op.Operation, performer: Any) -> Any:
    if isinstance(operation, op.Exchange):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return performer(operation)


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize(
    "refuses", [None, no_second_names, no_exchange], ids=["plain", "no second names", "no exchange"]
)
def test_killed_at_every_operation(tmp_path: pathlib.Path, refuses: Any, after: bool) -> None:
    folder = tmp_path / "run"
    for count in range(total(tmp_path / "count", refuses)):
        _old, new = ground(folder)
        with pytest.raises(Killed):
            run(folder, through(refuses, KillAfter(count, after=after)))
        assert_every_old_version_is_somewhere(folder)
        assert not run(folder).problems
        assert tree(folder / "there") == new
        aside = kept(folder / "there")
        assert {path: aside.get(path) for path in DISPLACED} == DISPLACED
        assert aside.keys() == DISPLACED.keys()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_operation_loses_nothing(tmp_path: pathlib.Path, number: int) -> None:
    folder, silent = tmp_path / "run", set()  # type: pathlib.Path, Set[int]
    for count in range(total(tmp_path / "count", None)):
        _old, new = ground(folder)
        try:
            report = run(folder, FailAt(count, number))
            if not report.problems and tree(folder / "there") != new:
                silent.add(count)
        except CopiaError as error:
            assert "\n" not in str(error)
        assert_every_old_version_is_somewhere(folder)
        assert not run(folder).problems
        assert tree(folder / "there") == new
        assert_every_old_version_is_somewhere(folder)
    assert not silent


def test_the_names_of_the_backup_are_flushed_before_success_is_said(tmp_path: pathlib.Path) -> None:
    """After the last version went there, each folder of it is flushed."""
    ground(tmp_path / "run")
    came: Dict[int, int] = {}
    flushed: Dict[int, int] = {}
    made: Set[int] = set()
    clock = 0

    def watch(operation: op.Operation) -> Any:
        nonlocal clock
        clock += 1
        answer = perform(operation)
        if isinstance(operation, (op.Link, op.MoveNew, op.MakeFolder)):
            parent = operation.parent if isinstance(operation, op.MakeFolder) else operation.to_parent
            if b"/there/old" in os.fsencode(os.readlink(f"/proc/self/fd/{parent}")):
                came[os.fstat(parent).st_ino] = clock
        if isinstance(operation, op.MakeFolder) and operation.name == b"old":
            made.add(os.fstat(operation.parent).st_ino)
        if isinstance(operation, op.FlushEach):
            flushed.update((os.fstat(descriptor).st_ino, clock) for descriptor in operation.descriptors)
        if isinstance(operation, op.Flush):
            flushed[os.fstat(operation.descriptor).st_ino] = clock
        return answer

    source, target = specs(tmp_path / "run")
    mirror(source, replace(target, backup=b"old", durable=True), carry_out=watch)
    assert len(came) == 4 and made <= flushed.keys()
    assert all(flushed[folder] > last for folder, last in came.items())


def test_a_two_way_sync_that_is_killed_anywhere(tmp_path: pathlib.Path) -> None:
    def edited(folder: pathlib.Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        grow(folder / "right", "")
        agreed(folder, "a=1 b=2 d/c=3")
        age(grow(folder / "left", "a=edited-here"), 100)
        (folder / "left/b").unlink()
        (folder / "right/d/c").unlink()

    def both_ways(folder: pathlib.Path, carry_out: Any = None) -> None:
        assert not bisync(pair_spec(folder, backup=b".old"), carry_out=carry_out).problems

    edited(tmp_path / "count")
    counting = KillAfter(10**9, after=False)
    both_ways(tmp_path / "count", counting)
    assert counting.done > 20
    folder = tmp_path / "run"
    for count in range(counting.done):
        edited(folder)
        with pytest.raises(Killed):
            both_ways(folder, KillAfter(count, after=True))
        left, right = contents(folder / "left"), contents(folder / "right")
        assert b"3" in (left.get(b"d/c"), left.get(b".old/d/c"))
        assert all(was in (right.get(path), right.get(b".old/" + path)) for path, was in ((b"a", b"1"), (b"b", b"2")))
        both_ways(folder)
        assert contents(folder / "left/.old") == {b"d/c": b"3"}
        assert contents(folder / "right/.old") == {b"a": b"1", b"b": b"2"}


def test_a_full_disk_leaves_no_backup_and_nothing_is_touched(tmp_path: pathlib.Path, small_disk: pathlib.Path) -> None:
    grow(tmp_path / "new", "edit=changed")
    (tmp_path / "new" / "big").write_bytes(os.urandom(4_000_000))
    (small_disk / "run").mkdir()
    (small_disk / "run" / "new").symlink_to(tmp_path / "new")
    age(grow(small_disk / "run" / "there", "edit=old gone=1"))
    before = harvest(small_disk / "run" / "there")
    with pytest.raises(InputError, match="No space left on device; nothing in the destination was replaced"):
        run(small_disk / "run")
    assert harvest(small_disk / "run" / "there") == before
    (tmp_path / "new" / "big").unlink()
    assert not run(small_disk / "run").problems
    assert kept(small_disk / "run" / "there") == {b"edit": b"old", b"gone": b"1"}
