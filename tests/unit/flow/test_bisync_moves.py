# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renames in a two-way sync: moved where the evidence is clear, else copied."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync

from tests.pairs import agreed, equal, pair_spec, sync
from tests.trees import contents


def test_a_rename_is_a_move_and_nothing_is_carried(folder: pathlib.Path) -> None:
    agreed(folder, "a=one:600 d/x=two d/y=three keep=four")
    inodes = {name: os.stat(folder / "right" / name).st_ino for name in ("a", "d/x", "d/y")}
    (folder / "left" / "a").rename(folder / "left" / "b")
    (folder / "left" / "d").rename(folder / "left" / "e")
    (folder / "left" / "b").chmod(0o640)
    before = sync(folder, check=True)
    report = sync(folder)
    assert [(c.path, c.change) for c in report.sides[1].changes] == [
        (b"b", "move"),
        (b"d", "remove"),
        (b"e", "make"),
        (b"e/x", "move"),
        (b"e/y", "move"),
    ]
    assert before.sides[1].changes == report.sides[1].changes
    assert not report.problems and report.sides[1].bytes_literal == 0 and report.sides[1].moved == 3
    assert equal(folder)
    for old, new in (("a", "b"), ("d/x", "e/x"), ("d/y", "e/y")):
        assert os.stat(folder / "right" / new).st_ino == inodes[old]
    assert not sync(folder).changed


@pytest.mark.parametrize(
    "rename",
    [
        pytest.param(lambda left, right: (left / "b").write_text("same content"), id="it came twice"),
        pytest.param(lambda left, right: (left / "same").unlink(), id="it went twice"),
        pytest.param(lambda left, right: (right / "a").write_text("edited"), id="it was edited there"),
        pytest.param(lambda left, right: (right / "z").write_text("other"), id="the new path is taken there"),
    ],
)
def test_what_is_not_clearly_a_rename_is_carried(folder: pathlib.Path, rename: Any) -> None:
    agreed(folder, "a=same-content same=same-content keep=1")
    rename(folder / "left", folder / "right")
    (folder / "left" / "a").rename(folder / "left" / "z")
    (folder / "left" / "b").write_text("same-content") if (folder / "left" / "b").exists() else None
    report = sync(folder)
    assert not report.problems and report.sides[1].moved == 0 and equal(folder)
    assert b"same-content" in contents(folder / "right").values()


def test_an_edit_of_the_file_that_is_about_to_be_moved_is_kept(folder: pathlib.Path) -> None:
    agreed(folder, "a=one keep=two")
    (folder / "left" / "a").rename(folder / "left" / "b")

    def edit_first(operation: Any) -> Any:
        if isinstance(operation, op.MoveNew) and operation.to_name == b"b":
            (folder / "right" / "a").write_text("edited")
        return perform(operation)

    report = bisync(pair_spec(folder), carry_out=edit_first)
    assert [problem.path for problem in report.problems] == [b"b"]
    assert contents(folder / "right") == {b"a": b"edited", b"keep": b"two"}
    sync(folder)
    assert equal(folder) and sorted(contents(folder / "left").values()) == [b"edited", b"one", b"two"]


def test_a_diff_shows_the_texts_before_anything_is_changed(folder: pathlib.Path) -> None:
    agreed(folder, "a=old both=base gone=1 keep=2")
    for side, names in (("left", ("a", "both", "new")), ("right", ("both",))):
        for name in names:
            (folder / side / name).write_text(f"{name} of {side}")
    shown = []
    for check in (True, False):
        report = sync(folder, check=check, text_limit=1000)
        shown.append([[(it.before, it.after) for it in side.texts] for side in report.sides])
    assert shown[0] == shown[1]
    left, right = shown[0]
    assert (b"old", b"a of left") in right and (b"", b"new of left") in right
    contested = sorted(after for _before, after in [*left, *right] if after.startswith(b"both"))
    assert contested == [b"both of left", b"both of right"]
    assert not any(side.texts for side in sync(folder).sides)
