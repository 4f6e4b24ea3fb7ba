# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A two-way sync that is killed, and one that others race with: nothing owed to a user is gone."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any, Set

import pytest
from copia.core.brakes import Limit
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync
from copia.flow.pair import PairSpec

from tests.faults.test_kill import KillAfter, Killed
from tests.trees import age, contents, grow, harvest

EDITORS = """
import ctypes, os, sys
roots, drafts, number, most = sys.argv[1:3], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
exchange = ctypes.CDLL(None).renameat2
draft = os.path.join(drafts, f"draft-{number}")
with open(os.path.join(drafts, f"displaced-{number}"), "w") as displaced:
    for step in range(most):
        path = os.path.join(roots[step % 2], f"{number}-{step % 7}")
        with open(draft, "w") as stream:
            stream.write(f"edit {number} {step}")
        while os.path.exists(draft):
            try:
                os.link(draft, path)
            except FileExistsError:
                if exchange(-100, draft.encode(), -100, path.encode(), 2):
                    continue
                with open(draft) as stream:
                    displaced.write(stream.read() + "\\n")
            os.unlink(draft)
"""


def spec(folder: pathlib.Path, **options: Any) -> PairSpec:
    left, right = (os.fsencode(folder / name) for name in ("left", "right"))
    rules = {"limit": Limit(100, True), "force": True, "state": os.fsencode(folder / "state"), "max_conflicts": 10**6}
    return PairSpec(left, right, **{"durable": False, **rules, **options})


def ground(folder: pathlib.Path) -> Set[bytes]:
    """Two trees that agreed once and then went apart in every way; the answer is what is owed."""
    shutil.rmtree(folder, ignore_errors=True)
    grow(folder / "left", "keep=same edit=old1 both=old2 gone/x=old3 tofile/z=old4 todir=old5 l->keep kind=old6")
    grow(folder / "left", "was/ren=moved1 ren2=moved2")
    (folder / "right").mkdir()
    bisync(spec(folder))
    left, right = folder / "left", folder / "right"
    shutil.rmtree(left / "gone")
    (left / "todir").unlink()
    (left / "kind").unlink()
    shutil.rmtree(right / "tofile")
    (left / "is").mkdir()
    (left / "was" / "ren").rename(left / "is" / "ren")
    (left / "was").rmdir()
    (right / "ren2").rename(right / "ren3")
    grow(left, "edit=new1 both=new2 todir/a=new3 kind/b=new4 new/c/d=new5 sub/x=new6")
    grow(right, "both=new7 tofile=new8 kind=new9 empty/")
    for root in (left, right):
        age(root, 60)
    return {b"new%d" % number for number in range(1, 10)} | {b"same", b"moved1", b"moved2"}


def all_contents(folder: pathlib.Path) -> Set[bytes]:
    return {text for side in ("left", "right") for text in contents(folder / side).values()}


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    ground(tmp_path / "count")
    counting = KillAfter(10**9, after=False)
    bisync(spec(tmp_path / "count"), carry_out=counting)
    assert counting.done > 60
    for count in range(counting.done):
        owed = ground(tmp_path / "run")
        with pytest.raises(Killed):
            bisync(spec(tmp_path / "run"), carry_out=KillAfter(count, after=after))
        assert owed <= all_contents(tmp_path / "run"), count
        report = bisync(spec(tmp_path / "run"))
        assert not report.problems
        assert owed <= all_contents(tmp_path / "run"), count
        assert harvest(tmp_path / "run" / "left") == harvest(tmp_path / "run" / "right")
        assert not os.path.lexists(tmp_path / "run" / "left" / ".copia")
        assert not bisync(spec(tmp_path / "run")).changed


class EditThenDie:
    """Edits what is about to come out of the tree, lets it come out, and dies."""

    def __init__(self, kind: Any, number: int) -> None:
        self.kind, self.number = kind, number

    def __call__(self, operation: op.Operation) -> Any:
        place = None
        if isinstance(operation, op.Exchange):
            place = (operation.to_parent, operation.to_name)
        elif isinstance(operation, op.MoveNew) and b"~" in operation.to_name and b"~" not in operation.from_name:
            place = (operation.from_parent, operation.from_name)
        if place is None or not isinstance(operation, self.kind):
            return perform(operation)
        self.number -= 1
        if self.number:
            return perform(operation)
        descriptor = os.open(place[1], os.O_WRONLY | os.O_TRUNC, dir_fd=place[0])
        os.write(descriptor, b"a racing edit")
        os.close(descriptor)
        perform(operation)
        raise Killed


@pytest.mark.parametrize("kind", [op.Exchange, op.MoveNew], ids=["exchanged", "taken out"])
def test_an_edit_that_came_out_of_the_tree_of_a_killed_run_is_kept(tmp_path: pathlib.Path, kind: Any) -> None:
    grow(tmp_path / "left", "a=old b=old")
    (tmp_path / "right").mkdir()
    bisync(spec(tmp_path))
    if kind is op.Exchange:
        grow(tmp_path / "left", "a=new")
    else:
        (tmp_path / "left" / "a").unlink()
    with pytest.raises(Killed):
        bisync(spec(tmp_path), carry_out=EditThenDie(kind, 1))
    bisync(spec(tmp_path))
    assert b"a racing edit" in all_contents(tmp_path)


def test_of_4000_edits_that_race_with_syncs_none_is_lost(tmp_path: pathlib.Path) -> None:
    """Editors exchange their draft with the file, so each knows which text it displaced: that one is owed no more.
    Every other of the 4,000 is looked for.
    """
    for name in ("left", "right", "drafts"):
        (tmp_path / name).mkdir()
    places = [str(tmp_path / name) for name in ("left", "right", "drafts")]
    editors = [subprocess.Popen([sys.executable, "-c", EDITORS, *places, str(number), "1000"]) for number in range(4)]
    runs = 0
    while any(editor.poll() is None for editor in editors) or not runs:
        bisync(spec(tmp_path))
        runs += 1
    assert [editor.returncode for editor in editors] == [0, 0, 0, 0]
    for _time in range(2):
        report = bisync(spec(tmp_path))
    assert not report.problems
    assert contents(tmp_path / "left") == contents(tmp_path / "right")
    found = all_contents(tmp_path)
    for log in (tmp_path / "drafts").glob("displaced-*"):
        found.update(log.read_bytes().splitlines())
    edits = {b"edit %d %d" % (number, step) for number in range(4) for step in range(1000)}
    assert edits <= found, (edits - found, runs)
