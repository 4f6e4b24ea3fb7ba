# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which others have lost files, each as a run of ours; docs/spec/lessons.md lists them all."""

from __future__ import annotations

import ast
import errno
import os
import pathlib
from typing import Any, List

import pytest
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync

from tests.pairs import agreed, equal, pair_spec, sync
from tests.tables import table
from tests.trees import age, contents, grow

ROOT = pathlib.Path(__file__).resolve().parents[3]
LESSONS = table("lessons.md", "The lessons")


@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row["no"])
def test_every_lesson_of_the_page_names_tests_that_exist(row: Any) -> None:
    named = [word.strip("`") for word in row["test"].split() if "::" in word]
    assert named
    for name in named:
        file, _colons, function = name.partition("::")
        defined = ast.walk(ast.parse((ROOT / "tests" / file).read_text()))
        assert function in {node.name for node in defined if isinstance(node, ast.FunctionDef)}, name


def test_all_lessons_are_on_the_page() -> None:
    assert [row["no"] for row in LESSONS] == [f"L{number}" for number in range(1, 21)]


class Watch:
    """Performs, and remembers what; where ``refuses`` says so, the kernel's answer is an error."""

    def __init__(self, refuses: Any = lambda operation: False) -> None:
        self.seen: List[op.Operation] = []
        self._refuses = refuses

    def __call__(self, operation: op.Operation) -> Any:
        self.seen.append(operation)
        if self._refuses(operation):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return perform(operation)


def test_l2_two_runs_never_stage_under_one_name(folder: pathlib.Path) -> None:
    tokens = []
    for text in ("one", "two"):
        grow(folder / "left", f"a={text}")
        watch = Watch()
        bisync(pair_spec(folder), carry_out=watch)
        tokens += [it.name for it in watch.seen if isinstance(it, op.MakeFolder) and len(it.name) == 16]
    assert len(set(tokens)) == len(tokens) == 2


@pytest.mark.parametrize("files", [3, 300])
def test_l9_everything_is_on_disk_before_the_archive_says_so(folder: pathlib.Path, files: int) -> None:
    grow(folder / "left", " ".join(f"d/f{number}={number}" for number in range(files)))
    watch = Watch()
    bisync(pair_spec(folder, durable=True), carry_out=watch)
    recorded = next(at for at, it in enumerate(watch.seen) if getattr(it, "to_name", b"").endswith(b".archive"))
    writes = [at for at, it in enumerate(watch.seen[:recorded]) if isinstance(it, (op.WriteFiles, op.CopyFiles))]
    placed = max(at for at, it in enumerate(watch.seen[:recorded]) if isinstance(it, op.MoveNew))
    flushes = [at for at, it in enumerate(watch.seen) if isinstance(it, (op.FlushEach, op.FlushAll))]
    assert sum(len(part.names.split(b"\0")) for at in writes for part in watch.seen[at].parts) == files
    assert any(writes[-1] < at < placed for at in flushes)
    assert any(placed < at < recorded for at in flushes)
    sealed = [it for it in watch.seen[:recorded] if isinstance(it, op.SealFile)]
    assert sealed[-1].durable


@pytest.mark.parametrize(
    "refused", [(op.Exchange,), (op.MoveNew,), (op.WriteFiles, op.CopyFiles), (op.FlushEach,)], ids=str
)
def test_l10_what_the_kernel_refused_is_neither_said_nor_recorded(folder: pathlib.Path, refused: Any) -> None:
    agreed(folder, "a=old gone=1 keep=2")
    grow(folder / "left", "a=new-text b=3")
    (folder / "left" / "gone").unlink()
    watch = Watch(lambda operation: isinstance(operation, refused))
    try:
        report = bisync(pair_spec(folder, durable=True), carry_out=watch)
    except Exception as error:
        assert os.strerror(errno.EIO) in str(error)
    else:
        assert report.problems
        done = {change.path for change in report.sides[1].changes}
        assert not done & {problem.path for problem in report.problems}
    assert not sync(folder).problems
    assert equal(folder) and contents(folder / "right") == {b"a": b"new-text", b"b": b"3", b"keep": b"2"}


def test_l12_a_users_temporary_names_are_files_and_leftovers_are_not(folder: pathlib.Path) -> None:
    agreed(folder, "a=1")
    grow(folder / "left", "x.copia-tmp=mine a.copia-tmp=too")
    leftover = grow(folder / "right" / ".copia" / "0123456789abcdef", "1=half")
    assert not sync(folder).problems
    assert contents(folder / "right") == {b"a": b"1", b"x.copia-tmp": b"mine", b"a.copia-tmp": b"too"}
    assert equal(folder) and not leftover.exists()


def test_l14_the_plan_and_the_run_count_the_same(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 b=2 keep=3")
    (folder / "left" / "a").unlink()
    grow(folder / "left", "b=ours")
    grow(folder / "right", "a=edited b=theirs")
    planned, done = sync(folder, check=True), sync(folder)
    assert [(it.path, it.kind) for it in planned.conflicts] == [(b"a", "delete"), (b"b", "edit")]
    assert planned.conflicts == done.conflicts
    assert [side.changes for side in planned.sides] == [side.changes for side in done.sides]


def test_l20_an_idle_run_reads_no_file(folder: pathlib.Path) -> None:
    agreed(folder, "a=1 d/b=2 d/e/c=3")
    report = sync(folder)
    assert report.hashed == 0 and not report.changed
    grow(folder / "left", "d/b=edited")
    age(folder / "left" / "d")
    assert sync(folder).hashed <= 1


def test_l8_an_edit_between_look_and_exchange_is_put_back(folder: pathlib.Path) -> None:
    agreed(folder, "a=base keep=1")
    grow(folder / "left", "a=longer-text")

    def edit_first(operation: op.Operation) -> Any:
        if isinstance(operation, op.Exchange) and (folder / "right" / "a").read_text() == "base":
            (folder / "right" / "a").write_text("an edit")
        return perform(operation)

    report = bisync(pair_spec(folder), carry_out=edit_first)
    assert [problem.path for problem in report.problems] == [b"a"]
    assert contents(folder / "right")[b"a"] == b"an edit"
    sync(folder)
    assert equal(folder) and sorted(contents(folder / "left").values()) == [b"1", b"an edit", b"longer-text"]
