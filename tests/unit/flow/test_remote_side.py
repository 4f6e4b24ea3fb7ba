# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A two-way sync with one tree behind a conversation: the same as with both on one host."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any

import pytest
from copia.core.errors import Braked, Busy, InputError, RemoteProtocolError
from copia.disk.root import lock_root, open_source
from copia.flow.grant import Grant
from copia.flow.jobs import jobs_for
from copia.flow.mirror_jobs import LIMITS

from tests.lines import Line, far_sync
from tests.pairs import equal, sync
from tests.trees import age, contents, grow, harvest

SCENARIOS = {
    "new here and there": ("", "a=1 d/b=2:600 l->a", "c=3 e/"),
    "edits on both sides": ("a=1 b=2 c=3", "a=edited-here", "b=edited-there"),
    "a conflict": ("a=base", "a=ours-is-long", "a=theirs"),
    "a directory against a file": ("a=1", "x/y=1", "x=file"),
    "odd names": ("a=1", "-rf=1 $(x)=2", ".hidden=3"),
}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    return tmp_path


def near_and_far(folder: pathlib.Path, base: str, left: str, right: str) -> "tuple[pathlib.Path, pathlib.Path]":
    """The same pair twice, each agreed on ``base`` and then edited."""
    age(grow(folder / "near/left", base))
    grow(folder / "near/right", "")
    shutil.copytree(folder / "near", folder / "far", symlinks=True)
    assert not [*sync(folder / "near").problems, *far_sync(folder / "far").problems]
    for pair in ("near", "far"):
        age(grow(folder / pair / "left", left), 100)
        age(grow(folder / pair / "right", right), 200)
    return folder / "near", folder / "far"


def told(report: Any) -> Any:
    changes = [[(c.path, c.change, c.reason) for c in side.changes] for side in report.sides]
    return changes, [(c.path, c.kind, c.winner, c.kept_as) for c in report.conflicts], report.base


@pytest.mark.parametrize("name", SCENARIOS)
def test_far_is_as_near(tmp_path: pathlib.Path, name: str) -> None:
    near, far = near_and_far(tmp_path, *SCENARIOS[name])
    assert told(sync(near, check=True)) == told(far_sync(far, check=True))
    before = harvest(far / "right")
    assert told(sync(near)) == told(far_sync(far))
    assert harvest(far / "right") != before
    assert equal(near) and equal(far) and contents(near / "left") == contents(far / "left")
    assert not far_sync(far).changed and not sync(near).changed


def test_removals_and_renames_travel(folder: pathlib.Path) -> None:
    age(grow(folder / "left", "a=1 b=2 c=3 d/e=4"))
    (folder / "left" / "big").write_bytes(os.urandom(200_000))
    age(folder / "left")
    far_sync(folder)
    (folder / "left" / "a").unlink()
    (folder / "right" / "b").unlink()
    (folder / "left" / "big").rename(folder / "left" / "bigger")
    (folder / "right" / "c").rename(folder / "right" / "cc")
    report = far_sync(folder)
    assert [(c.path, c.change) for c in report.sides[1].changes] == [(b"a", "remove"), (b"bigger", "move")]
    assert equal(folder) and set(contents(folder / "left")) == {b"cc", b"d/e", b"bigger"}


def test_an_edit_of_a_large_file_sends_little_both_ways(folder: pathlib.Path) -> None:
    content = os.urandom(600_000)
    for name in ("x", "y"):
        (folder / "left" / name).write_bytes(content)
    age(folder / "left")
    far_sync(folder)
    for side, name in (("left", "x"), ("right", "y")):
        (folder / side / name).write_bytes(content[:300_000] + b"inserted" + content[300_000:])
    report = far_sync(folder)
    assert [(side.bytes_literal < 20_000, side.bytes_matched > 580_000) for side in report.sides] == [(True, True)] * 2
    assert equal(folder)


def test_what_stops_a_run_there_stops_it_here(folder: pathlib.Path) -> None:
    age(grow(folder / "left", "a=1 b=2"))
    far_sync(folder)
    held = open_source(os.fsencode(folder / "right"))
    lock_root(held, b"right", patience=0)
    with pytest.raises(Busy, match="another run"):
        far_sync(folder)
    os.close(held)
    for name in ("a", "b"):
        (folder / "right" / name).unlink()
    with pytest.raises(Braked, match="root_emptied: far:"):
        far_sync(folder)
    shutil.rmtree(folder / "right")
    with pytest.raises(Braked, match="root_missing: far:"):
        far_sync(folder)
    assert set(contents(folder / "left")) == {b"a", b"b"}
    assert far_sync(folder, force=True).changed and equal(folder)


def test_the_base_of_a_tree_here_is_not_that_of_one_there(folder: pathlib.Path) -> None:
    """A root of a host that was cloned has the identity of the original."""
    age(grow(folder / "left", "a=1"))
    sync(folder)
    assert far_sync(folder).base == "none"
    assert far_sync(folder).base == sync(folder).base == "trusted"


def test_a_tree_that_may_not_be_changed_is_looked_at(folder: pathlib.Path) -> None:
    age(grow(folder / "left", "a=1"))
    jobs = {"jobs": jobs_for(Grant((os.fsencode(folder / "right"),), writes=False))}
    assert far_sync(folder, jobs, check=True).changed
    with pytest.raises(InputError, match="read-only"):
        far_sync(folder, jobs)
    assert not contents(folder / "right")


@pytest.mark.parametrize(
    ("asks", "reason"),
    [
        (["scan"], "before it is open"),
        (["open", "sweep"], "only looked at"),
        (["open", "open"], "opened twice"),
        (["open", "steal"], "does not know"),
    ],
)
def test_a_side_refuses_what_is_out_of_order(folder: pathlib.Path, asks: Any, reason: str) -> None:
    how = {"durable": False, "patience": 0, "check": True, "preserve": []}
    terms = {"path": os.fsencode(folder / "right"), **how}
    with Line("side", terms, LIMITS) as talk, pytest.raises((RemoteProtocolError, InputError), match=reason):
        talk.accepted()
        for ask in asks:
            talk.ask(ask)
            talk.answer()
