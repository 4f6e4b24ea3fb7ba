# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed between any two operations leaves old or new, and the next run finishes."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from typing import Any, Dict, Set, Tuple

import pytest
from copia.core.brakes import Limit
from copia.core.errors import CopiaError
from copia.core.manifest import ROW
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.trees import age, contents, grow, harvest
from tests.twins import EACH_TWIN, choose

ANY = Limit(100, True)
OLD = "keep=same edit=old1 mode=m:600 sub/edit=old2 gone/x=1 gone/y=2 tofile/z=3 todir=4 l->keep tolink=5 fresh-no=6"
NEW = (
    "keep=same edit=new-content mode=m:644 sub/edit=new-too sub/more=7 new/a/b=8 new/a/c=9 new/empty/ tofile=10 "
    "todir/inside=11 l->edit tolink->keep"
)


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


class KillAfter:
    """Performs ``count`` operations and dies at the next, before or after it took effect."""

    def __init__(self, count: int, *, after: bool) -> None:
        self.count, self.after, self.done = count, after, 0

    def __call__(self, operation: op.Operation) -> Any:
        if self.done == self.count:
            if self.after:
                perform(operation)
            raise Killed
        self.done += 1
        return perform(operation)


def specs(folder: pathlib.Path) -> Tuple[SourceSpec, TargetSpec]:
    source, target = (os.fsencode(folder / name) for name in ("new", "there"))
    return SourceSpec(source), TargetSpec(target, delete=True, limit=ANY, patience=0)


def ground(folder: pathlib.Path) -> Tuple[Dict[bytes, Any], Dict[bytes, Any]]:
    """An old state at ``there``, a new one at ``new``; both as harvested."""
    shutil.rmtree(folder, ignore_errors=True)
    grow(folder / "there", OLD)
    grow(folder / "new", NEW)
    age(folder / "there", 7200)
    age(folder / "new", 3600)
    return harvest(folder / "there"), harvest(folder / "new")


def operations_of_a_run(folder: pathlib.Path) -> int:
    ground(folder)
    counting = KillAfter(10**9, after=False)
    mirror(*specs(folder), carry_out=counting)
    return counting.done


def ours(path: bytes) -> bool:
    return path.split(b"/")[0] == b".copia"


def content_of(found: Tuple[str, bytes, int, int]) -> Tuple[str, bytes]:
    return found[:2]


def assert_old_or_new(folder: pathlib.Path, old: Dict[bytes, Any], new: Dict[bytes, Any]) -> None:
    for path, found in harvest(folder / "there").items():
        if not ours(path):
            allowed = [content_of(state[path]) for state in (old, new) if path in state]
            assert content_of(found) in allowed, path


def assert_next_run_finishes(folder: pathlib.Path, new: Dict[bytes, Any]) -> None:
    report = mirror(*specs(folder))
    assert not report.problems
    assert harvest(folder / "there") == new


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    total = operations_of_a_run(tmp_path / "count")
    assert total > 40
    for count in range(total):
        folder = tmp_path / "run"
        old, new = ground(folder)
        with pytest.raises(Killed):
            mirror(*specs(folder), carry_out=KillAfter(count, after=after))
        assert_old_or_new(folder, old, new)
        assert_next_run_finishes(folder, new)


class KillWithin:
    """Dies within the first batch of copies, when ``count`` files of it were made."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, operation: op.Operation) -> Any:
        if not isinstance(operation, op.CopyFiles):
            return perform(operation)
        left = self.count
        for part in operation.parts:
            names, to_names = part.names.split(b"\0")[:left], part.to_names.split(b"\0")[:left]
            rows = part.rows[: ROW.size * len(names)]
            if names:
                made = part._replace(names=b"\0".join(names), to_names=b"\0".join(to_names), rows=rows)
                perform(op.CopyFiles((made,), operation.durable))
            left -= len(names)
        if left > 0:
            raise AllDone
        raise Killed


class AllDone(Killed):
    """Killed, and the batch had no more files."""


@EACH_TWIN
def test_killed_within_a_batch_of_copies(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    choose(monkeypatch, kind)
    deaths = []
    while AllDone not in deaths:
        old, new = ground(tmp_path / "run")
        with pytest.raises(Killed) as death:
            mirror(*specs(tmp_path / "run"), carry_out=KillWithin(len(deaths)))
        deaths.append(death.type)
        assert_old_or_new(tmp_path / "run", old, new)
        assert_next_run_finishes(tmp_path / "run", new)
    assert len(deaths) > 6


def test_killed_twice_in_a_row(tmp_path: pathlib.Path) -> None:
    total = operations_of_a_run(tmp_path / "count")
    for count in range(0, total, 3):
        folder = tmp_path / "run"
        old, new = ground(folder)
        for _time in range(2):
            with pytest.raises(Killed):
                mirror(*specs(folder), carry_out=KillAfter(count // 2, after=True))
        assert_old_or_new(folder, old, new)
        assert_next_run_finishes(folder, new)


class FailAt:
    """Performs operations and lets one fail with an error of the kernel."""

    def __init__(self, count: int, number: int) -> None:
        self.count, self.number, self.done = count, number, 0

    def __call__(self, operation: op.Operation) -> Any:
        self.done += 1
        if self.done - 1 == self.count:
            raise OSError(self.number, os.strerror(self.number))
        return perform(operation)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_operation_is_reported_and_nothing_is_lost(tmp_path: pathlib.Path, number: int) -> None:
    total = operations_of_a_run(tmp_path / "count")
    silent: Set[str] = set()
    for count in range(total):
        folder = tmp_path / "run"
        old, new = ground(folder)
        try:
            report = mirror(*specs(folder), carry_out=FailAt(count, number))
            if not report.problems and harvest(folder / "there") != new:
                silent.add(f"operation {count}")
        except CopiaError as error:
            assert "\n" not in str(error)
        assert_old_or_new(folder, old, new)
        assert_next_run_finishes(folder, new)
    assert not silent


def test_a_file_system_that_cannot_exchange(tmp_path: pathlib.Path) -> None:
    """What a network file system answers to RENAME_EXCHANGE and RENAME_NOREPLACE."""

    def without_exchange(operation: op.Operation) -> Any:
        if isinstance(operation, op.Exchange):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return perform(operation)

    _old, new = ground(tmp_path / "run")
    report = mirror(*specs(tmp_path / "run"), carry_out=without_exchange)
    assert not report.problems
    assert harvest(tmp_path / "run" / "there") == new


RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import tests.conftest
from copia.cli import main
sys.exit(main(["sync", "-r", "--delete", "--force", sys.argv[2], sys.argv[3]]))
"""


def test_kill_9_of_a_real_process_at_any_moment(tmp_path: pathlib.Path) -> None:
    """Some hundred files, some large; the process dies at moments spread over its run."""
    source, target = tmp_path / "new", tmp_path / "there"
    for number in range(300):
        grow(source, f"d{number % 7}/f{number}=new{number}")
        grow(target, f"d{number % 7}/f{number}=o{number} old{number % 3}/g{number}=x")
    (source / "big").write_bytes(os.urandom(3 << 20))
    (target / "big").write_bytes(bytes(3 << 20))
    age(source)
    age(target, 7200)
    wanted, states = harvest(source), (contents(source), contents(target))
    command = [sys.executable, "-c", RUN, str(pathlib.Path(__file__).parents[2]), str(source), str(target)]
    killed = 0
    for step in range(12):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            process.wait(timeout=0.05 + step * 0.02)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        for path, content in contents(target).items():
            assert ours(path) or content in [state.get(path) for state in states], path
    assert killed
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert harvest(target) == wanted
