# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing many small files and reading many, each as one operation, with the same results by both twins; flushes."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
from typing import Iterator, List

import pytest
from copia.core.manifest import ROW
from copia.core.parcel import Item, Trouble
from copia.disk.operations import FlushEach, WriteFiles, Writes
from copia.disk.perform import perform
from copia.flow.source import Source, SourceSpec
from copia.flow.target import Target, TargetSpec

from tests.trees import contents, grow
from tests.twins import EACH_TWIN, choose

NOBODY = 0xFFFFFFFF
MTIME_NS = -1_500_000_000
pytestmark = EACH_TWIN


@pytest.fixture(autouse=True)
def _twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, request.getfixturevalue("kind"))


@pytest.fixture(name="folder")
def _folder(tmp_path: pathlib.Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def part(folder: int, files: "dict[bytes, bytes]", owner: int = NOBODY) -> Writes:
    rows = [ROW.pack(1, 0, 0o4640, owner, NOBODY, len(data), MTIME_NS) for data in files.values()]
    return Writes(folder, b"\0".join(files), b"".join(rows), b"".join(files.values()))


def test_each_file_is_made_with_its_content_and_attributes(kind: str, folder: int, tmp_path: pathlib.Path) -> None:
    files = {b"a": b"", b"\xff\n": b"x" * 200_000, b"c": b"c"}
    more = {b"m%d" % number: b"%d" % number for number in range(100)}
    perform(WriteFiles((part(folder, files, os.geteuid()), part(folder, more))))
    assert contents(tmp_path) == {**files, **more}
    found = os.lstat(tmp_path / "c")
    assert (stat.S_IMODE(found.st_mode), found.st_mtime_ns) == (0o4640, MTIME_NS)


def test_a_name_that_is_taken_ends_the_batch(kind: str, folder: int, tmp_path: pathlib.Path) -> None:
    (tmp_path / "b").symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        perform(WriteFiles((part(folder, {b"a": b"1", b"b": b"2", b"c": b"3"}),)))
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / "c").exists()


def test_what_is_open_is_flushed_and_what_cannot_be_is_raised(kind: str, folder: int, tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with open(tmp_path / "a", "rb") as stream:
        perform(FlushEach((folder, stream.fileno())))
    reading, writing = os.pipe()
    with pytest.raises(OSError) as caught:
        perform(FlushEach((folder, reading)))
    assert caught.value.errno == errno.EINVAL
    os.close(reading)
    os.close(writing)


def answered(place: pathlib.Path, spoil: "dict[str, bytes]") -> List[Item]:
    """The parcel for all of a tree, some of which became something else after it was listed."""
    source = Source(SourceSpec(os.fsencode(place)))
    target = Target(TargetSpec(os.fsencode(place.parent / "none")), is_tree=True)
    wants = target.consider(source.offer()).wants
    for name, data in spoil.items():
        (place / name).write_bytes(data)
    items = list(source.answer(wants))
    source.close()
    target.close()
    return items


def test_a_parcel_says_which_file_is_no_longer_what_was_listed(kind: str, tmp_path: pathlib.Path) -> None:
    grow(tmp_path / "src", " ".join(f"d/{number:03}={number}" for number in range(300)))
    items = answered(tmp_path / "src", {"d/007": b"another", "d/299": b""})
    assert [item.path for item in items if isinstance(item, Trouble)] == [b"d/007", b"d/299"]
    assert [item.path for item in items] == [b"d/%03d" % number for number in range(300)]
    assert all(item.what == "changed while it was read; run again" for item in items if isinstance(item, Trouble))
