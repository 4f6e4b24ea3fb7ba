# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link is cut at any byte, in either direction: both sides stay good, and the next run finishes.

``COPIA_CUT_STEP=1`` tries every byte; without it every seventh is tried, which every frame has.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any, Dict

import pytest
from copia.core.errors import CopiaError

from tests.lines import far_sync, pull, push
from tests.pairs import equal
from tests.trees import Found, age, contents, grow, harvest

STEP = int(os.environ.get("COPIA_CUT_STEP", "7"))
CUTS = ("most_there", "most_back")


@pytest.mark.parametrize("direction", CUTS)
@pytest.mark.parametrize("go", [push, pull])
def test_a_cut_at_any_byte_leaves_both_sides_good(tmp_path: pathlib.Path, go: Any, direction: str) -> None:
    """Each file is old or new, nothing of ours is left, and the next run finishes."""
    new = grow(tmp_path / "new", "a=one b/c=two l->a")
    (new / "a").write_bytes(os.urandom(40))
    age(new)
    source = harvest(new)
    old = b"old"
    for most in range(0, 100_000, STEP):
        there = grow(tmp_path / f"there-{most}", "a=old")
        try:
            go(new, there, {direction: most}, durable=False)
        except CopiaError:
            found = contents(there)
            assert found[b"a"] in (old, source[b"a"][1])
            assert not [path for path in harvest(there) if path.startswith(b".copia")]
            if most % (8 * STEP) == 0:
                go(new, there)
                assert harvest(there) == source
        else:
            assert harvest(there) == source
            break
        assert harvest(new) == source
    else:
        pytest.fail("no cut was late enough")


@pytest.mark.parametrize("direction", CUTS)
def test_a_two_way_sync_that_is_cut_at_any_byte_owes_nobody_anything(tmp_path: pathlib.Path, direction: str) -> None:
    """Every content that a user made is on one of the sides, and the next run brings them together."""
    grow(tmp_path / "right", "")
    age(grow(tmp_path / "left", "a=1 gone=2 both=3"))
    far_sync(tmp_path)
    (tmp_path / "left" / "gone").unlink()
    age(grow(tmp_path / "left", "a=edited both=ours"), 100)
    age(grow(tmp_path / "right", "d/new=4 both=theirs"), 200)
    before = [harvest(tmp_path / name) for name in ("left", "right", "state")]
    owed = {b"edited", b"ours", b"theirs", b"4"}
    for most in range(0, 100_000, STEP):
        for name, tree in zip(("left", "right", "state"), before):
            put_back(tmp_path / name, tree)
        whole = _run_cut(tmp_path, {direction: most})
        assert owed <= {*contents(tmp_path / "left").values(), *contents(tmp_path / "right").values()}
        assert not [path for side in ("left", "right") for path in harvest(tmp_path / side) if b".copia" in path]
        if whole or most % (8 * STEP) == 0:
            far_sync(tmp_path)
            assert equal(tmp_path) and owed <= set(contents(tmp_path / "left").values())
            assert b"gone" not in contents(tmp_path / "right")
        if whole:
            return
    pytest.fail("no cut was late enough")


def _run_cut(folder: pathlib.Path, line: Dict[str, Any]) -> bool:
    """Whether the run came to its end."""
    try:
        far_sync(folder, line)
    except CopiaError:
        return False
    return True


def put_back(root: pathlib.Path, tree: Found) -> None:
    """Make what is below ``root`` as it was; the root itself stays the one that it is."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, (kind, content, _mode, when) in sorted(tree.items()):
        path = root / os.fsdecode(name)
        path.mkdir() if kind == "directory" else path.write_bytes(content)
        os.utime(path, ns=(when, when))
