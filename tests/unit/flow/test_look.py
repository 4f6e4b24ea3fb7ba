# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree that is looked at while its hub is on its way: the same as ever, only sooner."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List

import pytest
from copia.core.entries import Entry, Kind
from copia.core.errors import Busy, Unreachable
from copia.core.hub_plan import Direction
from copia.core.selection import Rules
from copia.disk.root import lock_root, open_source
from copia.flow.hub_door import Reach, sync_with
from copia.flow.hub_jobs import LIMITS, RemoteHub
from copia.flow.hub_sync import hub_sync
from copia.flow.local_side import LocalSide
from copia.flow.pair import PairSpec
from copia.link.ssh import SshOptions

from tests.calls import calls_of
from tests.checkout import ROOT
from tests.hubs import tree
from tests.lines import Line
from tests.trees import age, grow


def files_of(side: LocalSide) -> List[Entry]:
    return [what for _path, what in side.scan(Rules()).manifest() if isinstance(what, Entry) and what.kind is Kind.FILE]


def looked(folder: pathlib.Path, *, digests: bool = True) -> LocalSide:
    side = LocalSide(os.fsencode(folder), patience=0)
    side.look_ahead(Rules(), digests=digests)
    side.open()
    side.lock()
    return side


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    age(grow(tmp_path / "here", "a=1 d/b=2 d/e/c=3 l->a empty/"))
    return tmp_path / "here"


def test_what_was_found_ahead_is_what_a_run_finds_and_no_file_is_read_again(folder: pathlib.Path) -> None:
    sides = [LocalSide(os.fsencode(folder)), looked(folder)]
    sides[0].open()
    listed: List[List[Entry]] = []
    found: List[Dict[Any, bytes]] = []
    reads = []
    for side in sides:
        files = files_of(side)
        listed.append(files)
        reads.append(calls_of("locate", lambda side=side, files=files: found.append(side.digests_of(files))))
        side.close()
    assert listed[0] == listed[1] and found[0] == found[1] and len(found[0]) == 3
    assert reads[0] > 0 == reads[1]


def test_a_file_that_is_asked_for_as_it_is_now_is_read_now(folder: pathlib.Path) -> None:
    side = looked(folder)
    before = side.digests_of(files_of(side)[:1])
    side.close()
    side = looked(folder)
    (first, *others) = files_of(side)
    side._look.digests_of([])  # type: ignore[union-attr]
    (folder / "a").write_text("later")
    age(folder, 60)
    found = (folder / "a").stat()
    now = first._replace(size=found.st_size, mtime_ns=found.st_mtime_ns)
    after = side.digests_of([now, *others])
    side.close()
    assert len(after) == 3 and after[first.path] != before[first.path]


def test_a_listing_is_handed_out_once_and_who_asks_again_gets_a_new_one(folder: pathlib.Path) -> None:
    """What was gone through must not look like a tree without anything in it."""
    side = looked(folder)
    found = side.scan(Rules())
    assert len(found.manifest()) == 7
    (folder / "later").write_text("4")
    assert len(side.scan(Rules()).manifest()) == 8
    with pytest.raises(RuntimeError):
        found.manifest()
    side.close()


def test_without_digests_they_are_made_when_they_are_asked_for(folder: pathlib.Path) -> None:
    side = looked(folder, digests=False)
    assert len(side.digests_of(files_of(side))) == 3
    side.close()


def test_a_root_that_another_run_holds_is_left_to_the_run_itself(folder: pathlib.Path) -> None:
    other = open_source(os.fsencode(folder))
    lock_root(other, os.fsencode(folder), patience=0)
    side = LocalSide(os.fsencode(folder), patience=0)
    side.look_ahead(Rules(), digests=True)
    side.open()
    with pytest.raises(Busy):
        side.lock()
    os.close(other)
    side.lock()
    assert len(files_of(side)) == 3
    side.close()


def test_a_root_that_is_not_there_is_none(tmp_path: pathlib.Path) -> None:
    side = LocalSide(os.fsencode(tmp_path / "none"))
    side.look_ahead(Rules(), digests=True)
    assert side.kind() is None
    side.close()


def test_a_run_that_ends_early_holds_its_root_no_longer(folder: pathlib.Path) -> None:
    side = looked(folder)
    side.close()
    other = open_source(os.fsencode(folder))
    lock_root(other, os.fsencode(folder), patience=0)
    os.close(other)


def stand_in(folder: pathlib.Path, words: str) -> SshOptions:
    """An ssh that runs the command here."""
    (folder / "lib").mkdir()
    (folder / "lib/copia").symlink_to(ROOT / "plugins/module_utils/_copia")
    program = folder / "ssh"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={folder}/lib exec {words}\n")
    program.chmod(0o755)
    return SshOptions(program=str(program))


@pytest.mark.parametrize("direction", [Direction.PUSH, Direction.BOTH])
def test_a_hub_elsewhere_gets_the_tree_and_ends_well(
    tmp_path: pathlib.Path, folder: pathlib.Path, direction: Direction
) -> None:
    """Also where it is told good-bye before the run is recorded."""
    reach = Reach(stand_in(tmp_path, f"{sys.executable} -m copia serve"))
    (tmp_path / "hub").mkdir()
    spec = PairSpec(
        os.fsencode(folder),
        b"there:" + os.fsencode(tmp_path / "hub"),
        direction=direction,
        state=os.fsencode(tmp_path / "state"),
    )
    sent = [sync_with(spec, reach).sent]
    (folder / "d/b").write_text("edited")
    age(folder, 60)
    sent += [sync_with(spec, reach).sent, sync_with(spec, reach).sent]
    assert sent == [4, 1, 0]
    assert tree(tmp_path / "hub") == tree(folder) == {"a": "1", "d/b": "edited", "d/e/c": "3", "l": "->a"}
    assert {path.name for path in (tmp_path / "hub/.copia/hub").iterdir()} == {"index.sqlite"}


@pytest.mark.parametrize("direction", [Direction.PUSH, Direction.BOTH])
def test_a_hub_that_is_told_nothing_in_the_end_ends_while_its_client_records(
    tmp_path: pathlib.Path, folder: pathlib.Path, direction: Direction
) -> None:
    (tmp_path / "hub").mkdir()
    line = Line("hub", {"root": os.fsencode(tmp_path / "hub"), "client": "a"}, LIMITS)
    with line as talk:
        spec = PairSpec(os.fsencode(folder), b"there", direction=direction, state=os.fsencode(tmp_path / "state"))
        assert hub_sync(spec, RemoteHub(talk), b"hub there").sent == 4
        line._thread.join(0.2 if direction is Direction.BOTH else 30)
        assert line.status == (0 if direction is Direction.PUSH else -1)
    assert line.status == 0


def test_a_hub_that_cannot_be_reached_leaves_the_tree_free(tmp_path: pathlib.Path, folder: pathlib.Path) -> None:
    reach = Reach(stand_in(tmp_path, "false"), retries=0)
    spec = PairSpec(os.fsencode(folder), b"there:/srv", state=os.fsencode(tmp_path / "state"), patience=0)
    for _time in range(2):
        with pytest.raises(Unreachable):
            sync_with(spec, reach)
    other = open_source(os.fsencode(folder))
    lock_root(other, os.fsencode(folder), patience=0)
    os.close(other)


BARE = "import sys\ntry: import zstandard\nexcept ImportError: pass\nprint(*sys.modules, file=sys.stderr)"
"""An interpreter, and what a library that both ends try loads by itself: on 3.9 that is subprocess."""
TOLD = "import sys; from copia.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
NEEDLESS = ("subprocess", "traceback", "copia.link.child", "copia.flow.source", "copia.flow.pair")
NEEDLESS_HERE = ("sqlite3", "copia.flow.hub", "copia.flow.remote", "copia.flow.target")
NEEDLESS_ANYWHERE = ("tempfile", "shutil", "lzma", "json", "pathspec")


def test_a_push_loads_at_either_end_what_that_needs(tmp_path: pathlib.Path, folder: pathlib.Path) -> None:
    stand_in(tmp_path, f"{sys.executable} -c '{TOLD}' serve 2> {tmp_path}/told")
    (tmp_path / "hub").mkdir()
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": f"{tmp_path}/lib", "COPIA_STATE": f"{tmp_path}/s"}
    bare, client = (
        subprocess.run([sys.executable, "-c", *words], env=variables, capture_output=True, text=True, check=True)
        for words in ([BARE], [TOLD, "hub-sync", str(folder), f"there:{tmp_path}/hub"])
    )
    assert len(tree(tmp_path / "hub")) == 4
    here = set(client.stderr.split()) - set(bare.stderr.split())
    there = set((tmp_path / "told").read_text().split()) - set(bare.stderr.split())
    assert "copia.disk.hub_commit" in there and "copia.flow.hub_side" in here
    assert here.isdisjoint({*NEEDLESS_HERE, *NEEDLESS_ANYWHERE}), sorted(here & {*NEEDLESS_HERE, *NEEDLESS_ANYWHERE})
    assert there.isdisjoint({*NEEDLESS, *NEEDLESS_ANYWHERE}), sorted(there & {*NEEDLESS, *NEEDLESS_ANYWHERE})
