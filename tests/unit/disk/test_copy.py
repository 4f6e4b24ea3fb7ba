# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying files on one host, as one operation: what it makes, what it says of files that are not as listed."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
import threading
from typing import Any, Iterator, List, Optional, Tuple

import pytest
from copia.core.manifest import ROW
from copia.core.steps import MirrorPlan
from copia.disk.operations import CHANGED, Copies, CopyFiles
from copia.disk.perform import perform
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.trees import age, contents, grow
from tests.twins import EACH_TWIN, choose

NOBODY = 0xFFFFFFFF
SIZES = (0, 1, 4096, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, (1 << 20), 3_000_001)


@pytest.fixture(autouse=True)
def _twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, request.getfixturevalue("kind"))


pytestmark = EACH_TWIN


class Bench:
    """Two folders, and the batch that copies from one to the other."""

    def __init__(self, new: pathlib.Path, there: pathlib.Path) -> None:
        self.new, self.there = new, there
        self._open = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in (new, there)]

    def row(self, name: bytes, **but: int) -> bytes:
        """What a listing says of a file, but for some of it."""
        found = os.lstat(os.path.join(os.fsencode(self.new), name))
        is_as = {"mode": stat.S_IMODE(found.st_mode), "size": found.st_size, "mtime_ns": found.st_mtime_ns, **but}
        return ROW.pack(1, 0, is_as["mode"], NOBODY, NOBODY, is_as["size"], is_as["mtime_ns"])

    def part(self, names: List[bytes], rows: Optional[List[bytes]] = None) -> Copies:
        """Files of the first folder, to be made in the second under the same names."""
        joined = b"\0".join(names)
        return Copies(*self._open, joined, joined, b"".join(rows or map(self.row, names)))

    def copy(self, names: List[bytes], rows: Optional[List[bytes]] = None) -> Tuple[int, ...]:
        """The answers of one part."""
        answers: List[Tuple[int, ...]] = perform(CopyFiles((self.part(names, rows),), False))
        return answers[0]

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Iterator[Bench]:
    made = Bench(grow(tmp_path / "new", ""), grow(tmp_path / "there", ""))
    yield made
    made.close()


def test_files_of_every_size_arrive_with_mode_and_time(bench: Bench, kind: str) -> None:
    names = [b"%d" % size for size in SIZES]
    for name, size in zip(names, SIZES):
        (bench.new / name.decode()).write_bytes(os.urandom(size))
    (bench.new / "1").chmod(0o640)
    os.utime(bench.new / "0", ns=(-1_500_000_001, -1_500_000_001))
    assert bench.copy(names) == (0,) * len(names)
    assert contents(bench.there) == contents(bench.new)
    for name in os.listdir(bench.new):
        left, right = (bench.new / name).stat(), (bench.there / name).stat()
        assert (left.st_mode, left.st_mtime_ns) == (right.st_mode, right.st_mtime_ns)


def test_names_are_bytes_and_many_parts_are_answered_in_order(bench: Bench, kind: str) -> None:
    names = [b"\xff\xfe", b"-rf", b"new\nline", b"y" * 255]
    for name in names:
        with open(os.path.join(os.fsencode(bench.new), name), "wb") as stream:
            stream.write(name)
    parts = tuple(bench.part([name, b"missing"], [bench.row(name), bench.row(name)]) for name in names)
    assert perform(CopyFiles(parts, True)) == [(0, errno.ENOENT)] * len(names)
    assert contents(bench.there) == contents(bench.new)


def test_what_is_not_as_listed_is_said_and_leaves_nothing(bench: Bench, kind: str) -> None:
    grow(bench.new, "a=text gone=1 d/ l->a size=123 time=456 z=last")
    os.mkfifo(bench.new / "pipe")
    big = bench.new / "big"
    big.write_bytes(bytes(1 << 20))
    names = [b"a", b"d", b"l", b"pipe", b"size", b"time", b"big", b"z"]
    rows = list(map(bench.row, names))
    rows[4], rows[5] = bench.row(b"size", size=2), bench.row(b"time", mtime_ns=5)
    rows[6] = bench.row(b"big", size=(1 << 20) + 1)
    answers = bench.copy(names, rows)
    assert answers == (0, CHANGED, errno.ELOOP, CHANGED, CHANGED, CHANGED, CHANGED, 0)
    assert contents(bench.there) == {b"a": b"text", b"z": b"last"}
    assert sorted(os.listdir(bench.there)) == ["a", "z"]


def test_a_name_that_is_taken_ends_the_batch(bench: Bench, kind: str) -> None:
    grow(bench.new, "a=new b=new")
    grow(bench.there, "a=there")
    with pytest.raises(FileExistsError):
        bench.copy([b"a", b"b"])
    assert contents(bench.there) == {b"a": b"there"}


def test_a_file_that_grows_and_shrinks_meanwhile_is_whole_or_not_there(bench: Bench, kind: str) -> None:
    busy, size = bench.new / "busy", 2 << 20
    busy.write_bytes(bytes(size))
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            os.truncate(busy, size // 2)
            os.truncate(busy, size)

    writer = threading.Thread(target=write)
    row = bench.row(b"busy")
    writer.start()
    try:
        for _time in range(20):
            answer = bench.copy([b"busy"], [bench.row(b"busy", size=size)])
            made = bench.there / "busy"
            assert made.exists() is (answer == (0,))
            if made.exists():
                assert made.stat().st_size == size
                made.unlink()
    finally:
        done.set()
        writer.join()
    assert bench.copy([b"busy"], [row]) == (CHANGED,)
    assert not (bench.there / "busy").exists()


def test_between_two_file_systems(tmp_path: pathlib.Path, kind: str) -> None:
    other = pathlib.Path("/dev/shm")
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on a file system of its own")
    made = Bench(grow(tmp_path / "new", ""), other)
    name = b"copia-test-%d" % os.getpid()
    data = os.urandom(700_000)
    (tmp_path / "new" / name.decode()).write_bytes(data)
    try:
        assert made.copy([name]) == (0,)
        assert (other / name.decode()).read_bytes() == data
    finally:
        (other / name.decode()).unlink()
        made.close()


def test_a_mirror_copies_what_is_still_as_listed_and_names_the_rest(tmp_path: pathlib.Path, kind: str) -> None:
    new = grow(tmp_path / "new", "a=1 d/gone=2 d/grown=3 d/linked=4 d/fine=5 e/f=6 moved/g=7")
    there = grow(tmp_path / "there", "a=0 d/grown=old d/linked=")
    age(new)
    age(there, 7200)

    def meanwhile(_plan: MirrorPlan) -> None:
        (new / "d" / "gone").unlink()
        (new / "d" / "grown").write_text("longer")
        (new / "d" / "linked").unlink()
        (new / "d" / "linked").symlink_to("/etc/passwd")
        (new / "moved").rename(new / "away")

    report = mirror(SourceSpec(os.fsencode(new)), TargetSpec(os.fsencode(there)), announce=meanwhile)
    said = {problem.path: problem.what for problem in report.problems}
    assert said == {
        b"d/gone": "cannot be read: No such file or directory",
        b"d/grown": "changed while it was read; run again",
        b"d/linked": "cannot be read: Too many levels of symbolic links",
        b"moved/g": "cannot be read: No such file or directory",
    }
    expected = {b"a": b"1", b"d/fine": b"5", b"d/grown": b"old", b"d/linked": b"", b"e/f": b"6"}
    assert contents(there) == expected
    assert report.bytes_literal == 3


def test_many_files_of_one_directory_and_many_directories(tmp_path: pathlib.Path, kind: str) -> None:
    new, there = tmp_path / "new", tmp_path / "there"
    words: List[Any] = [f"many/f{number}={number}" for number in range(600)]
    words += [f"d{number}/sub/x={number}" for number in range(80)]
    grow(new, " ".join(words))
    age(new)
    report = mirror(SourceSpec(os.fsencode(new)), TargetSpec(os.fsencode(there), durable=False))
    assert not report.problems and contents(there) == contents(new)
    assert report.bytes_literal == sum(map(len, contents(new).values()))
