# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing comes under its name before it has the owner and the attributes that are kept, whenever the run is killed."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Tuple

import pytest
from copia.core.preserve import Preserve
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.faults.test_kill import ANY, KillAfter, Killed
from tests.trees import age, grow, harvest

KEEPS = Preserve(owner=os.geteuid() == 0, group=os.geteuid() == 0, xattrs=True)


def specs(folder: pathlib.Path) -> Tuple[SourceSpec, TargetSpec]:
    source, target = (os.fsencode(folder / name) for name in ("new", "there"))
    return SourceSpec(source, preserve=KEEPS), TargetSpec(target, delete=True, limit=ANY, patience=0, preserve=KEEPS)


def ground(folder: pathlib.Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    there = grow(folder / "there", "edit=old drift=same:640 gone=1")
    new = grow(folder / "new", "edit=new-content drift=same:640 made/file=2 l->edit")
    for number, name in enumerate(("edit", "drift", "made", "made/file")):
        os.setxattr(new / name, "user.x", name.encode())
        if KEEPS.owner:
            os.chown(new / name, 11 + number, 21)
    os.setxattr(there / "edit", "user.old", b"")
    age(there, 7200)
    age(new)


def dress(path: pathlib.Path) -> Tuple[int, int, int, "dict[str, bytes]"]:
    seen = path.lstat()
    names = [name for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")]
    return seen.st_uid, seen.st_gid, seen.st_mode, {name: os.getxattr(path, name) for name in names}


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    folder = tmp_path / "run"
    ground(folder)
    try:
        os.setxattr(folder, "user.x", b"")
    except OSError:
        pytest.skip("the file system has no attributes")
    counting = KillAfter(10**9, after=False)
    mirror(*specs(folder), carry_out=counting)
    assert counting.done > 15
    for count in range(counting.done):
        ground(folder)
        with pytest.raises(Killed):
            mirror(*specs(folder), carry_out=KillAfter(count, after=after))
        for name in ("edit", "made/file"):
            path = folder / "there" / name
            if path.exists() and path.read_bytes() == (folder / "new" / name).read_bytes():
                assert dress(path) == dress(folder / "new" / name)
        assert not mirror(*specs(folder)).problems
        assert harvest(folder / "there") == harvest(folder / "new")
        for name in ("edit", "drift", "made", "made/file"):
            assert dress(folder / "there" / name) == dress(folder / "new" / name)
