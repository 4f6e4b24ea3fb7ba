# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others at work in the tree: editors, and somebody who swaps directories for links."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

from copia.core.brakes import Limit
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.trees import age, contents, grow

ANY = Limit(100, True)

FLIPPER = """
import os, sys
root, outside = sys.argv[1:3]
os.chdir(root)
os.symlink(outside, "link")
print("ready", flush=True)
while os.getppid() == int(sys.argv[3]):
    for _number in range(100):
        try:
            os.rename("d", "aside")
            os.rename("link", "d")
            os.rename("d", "link")
            os.rename("aside", "d")
        except OSError:
            pass
"""


def test_no_access_leaves_the_root_while_a_directory_flips_to_a_link_and_back(tmp_path: pathlib.Path) -> None:
    target, outside = tmp_path / "there", grow(tmp_path / "outside", "secret=untouched sub/deep=untouched")
    grow(target, "d/sub/deep=old d/x=old")
    age(outside)
    before = contents(outside), sorted(os.listdir(outside)), os.stat(outside).st_mtime_ns
    arguments = [sys.executable, "-c", FLIPPER, str(target), str(outside), str(os.getpid())]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as flipper:
        assert flipper.stdout is not None and flipper.stdout.readline() == b"ready\n"
        for round_number in range(150):
            source = grow(
                tmp_path / f"new{round_number % 2}",
                f"d/sub/deep=new{round_number} d/x=y{round_number} d/n{round_number}=1",
            )
            age(source, 10 + round_number)
            rules = {"delete": True, "limit": ANY, "force": True, "durable": False}
            try:
                mirror(SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target), **rules))
            except Exception as error:  # the tree moves under our feet: any clear refusal will do
                assert type(error).__module__ == "copia.core.errors", error
        flipper.kill()
    assert (contents(outside), sorted(os.listdir(outside)), os.stat(outside).st_mtime_ns) == before


class EditBefore:
    """Edits the destination just before each operation of one type."""

    def __init__(self, kind: Any, edit: Any) -> None:
        self.kind, self.edit, self.edits = kind, edit, 0

    def __call__(self, operation: op.Operation) -> Any:
        if isinstance(operation, self.kind):
            self.edits += self.edit(operation)
        return perform(operation)


def test_an_edit_just_before_the_exchange_survives(tmp_path: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "a=new1 b=new2 c/d=new3")
    target = grow(tmp_path / "there", "a=old b=old c/d=old")
    age(source)
    age(target, 7200)

    edited = set()

    def edit(operation: op.Exchange) -> int:
        if operation.to_name in edited:
            return 0
        edited.add(operation.to_name)
        return write_through(operation, b"an edit")

    report = mirror(
        SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target)), carry_out=EditBefore(op.Exchange, edit)
    )
    assert {problem.path for problem in report.problems} == {b"a", b"b", b"c/d"}
    assert set(contents(target).values()) == {b"an edit"}
    assert not os.path.lexists(target / ".copia")


def write_through(operation: op.Exchange, text: bytes) -> int:
    """What an editor does that writes a file in place."""
    descriptor = os.open(operation.to_name, os.O_WRONLY | os.O_TRUNC, dir_fd=operation.to_parent)
    os.write(descriptor, text)
    os.close(descriptor)
    return 1


def test_an_edit_before_the_exchange_and_one_before_it_is_taken_back_both_survive(tmp_path: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "a=new1")
    target = grow(tmp_path / "there", "a=old")
    age(source)
    age(target, 7200)
    texts = iter((b"first edit", b"second edit"))
    racing = EditBefore(op.Exchange, lambda operation: write_through(operation, next(texts)))
    report = mirror(SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target)), carry_out=racing)
    assert [problem.path for problem in report.problems] == [b"a"]
    found = contents(target)
    assert found.pop(b"a") == b"first edit"
    assert list(found.values()) == [b"second edit"]


def test_a_file_that_appears_just_before_ours_survives(tmp_path: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "a=new1 d/b=new2")
    target = grow(tmp_path / "there", "z=1")
    age(source)

    def appear(operation: op.MoveNew) -> int:
        if operation.to_name == b"a":
            (target / "a").write_text("theirs")
        if operation.to_name == b"d":
            grow(target, "d/b=theirs d/c=theirs")
        return 1

    report = mirror(
        SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target)), carry_out=EditBefore(op.MoveNew, appear)
    )
    assert {problem.path for problem in report.problems} == {b"a", b"d/b"}
    assert contents(target) == {b"a": b"theirs", b"d/b": b"theirs", b"d/c": b"theirs", b"z": b"1"}


def test_an_edit_just_before_a_removal_survives(tmp_path: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "a=1 b=2")
    target = grow(tmp_path / "there", "a=1 b=2 extra=old")
    age(source)
    age(target)

    def edit(operation: op.MoveNew) -> int:
        if operation.from_name == b"extra":
            (target / "extra").write_text("an edit")
        return 1

    spec = TargetSpec(os.fsencode(target), delete=True)
    report = mirror(SourceSpec(os.fsencode(source)), spec, carry_out=EditBefore(op.MoveNew, edit))
    assert [problem.path for problem in report.problems] == [b"extra"]
    assert contents(target)[b"extra"] == b"an edit"
