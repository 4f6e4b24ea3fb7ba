# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A two-way sync of hard links that is killed: nothing owed to a user is gone, and the next run links the rest."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Set

import pytest
from copia.flow.bisync import bisync

from tests.faults.test_kill import KillAfter, Killed
from tests.links import LINKS, both, link, rests
from tests.pairs import pair_spec, sync
from tests.trees import age, contents, grow


def apart(folder: pathlib.Path) -> Set[bytes]:
    """Two trees that agreed once and went apart in what is linked too; the answer is what is owed."""
    shutil.rmtree(folder, ignore_errors=True)
    left = grow(folder / "left", "a=1 b=1 c=1 m=22 o=333 s=4 t=4 u=4 n/")
    link(left, "a", "b", "c")
    link(left, "m", "n/m")
    link(left, "s", "t", "u")
    age(left, 7200)
    right = grow(folder / "right", "")
    sync(folder, preserve=LINKS)
    (left / "a").write_text("edited")
    (right / "m").rename(right / "n/moved")
    link(right, "o", "p", "n/q")
    link(left, "o", "r")
    shutil.copy2(left / "t", left / "new")
    (left / "new").chmod(0o600)
    (left / "new").rename(left / "t")
    grow(right, "s=mine")
    (left / "u").unlink()
    grow(left, "u=yours")
    age(left)
    age(right)
    return {b"edited", b"22", b"333", b"mine", b"yours"}


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    run = tmp_path / "run"
    apart(run)
    counting = KillAfter(10**9, after=False)
    assert not bisync(pair_spec(run, preserve=LINKS), carry_out=counting).problems
    assert counting.done > 40 and frozenset({"o", "p", "n/q", "r"}) in both(run)
    for count in range(counting.done):
        owed = apart(run)
        with pytest.raises(Killed):
            bisync(pair_spec(run, preserve=LINKS), carry_out=KillAfter(count, after=after))
        assert owed <= {*contents(run / "left").values(), *contents(run / "right").values()}, count
        assert not sync(run, preserve=LINKS).problems
        assert owed <= set(contents(run / "left").values()), count
        assert {frozenset({"a", "b", "c"}), frozenset({"o", "p", "n/q", "r"}), frozenset({"n/m", "n/moved"})} <= both(
            run
        )
        assert (run / "left/t").stat().st_mode & 0o777 == 0o600
        assert not os.path.lexists(run / "left/.copia") and rests(run), count
