# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of many files: BLAKE3 of what is as listed, nothing for the rest, on both twins."""

from __future__ import annotations

import os
import pathlib

import pytest
from blake3 import blake3
from copia.core.entries import Entry, Kind
from copia.core.parcel import SMALL_LIMIT
from copia.core.paths import parse_path
from copia.disk.folders import Folders
from copia.disk.many import MOST_BYTES, MOST_HERE, in_parts
from copia.disk.read import hash_files, locate_in_tree, locate_single
from copia.disk.scan import Scan

from tests.trees import contents, grow
from tests.twins import EACH_TWIN, choose

pytestmark = EACH_TWIN


@pytest.fixture(autouse=True)
def _twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, request.getfixturevalue("kind"))


def listed(root: int) -> "list[Entry]":
    return [entry for _path, entry in Scan().tree(root) if isinstance(entry, Entry) and entry.kind is Kind.FILE]


def test_every_file_has_the_digest_of_its_content(tmp_path: pathlib.Path, kind: str) -> None:
    grow(tmp_path, " ".join(f"d{number % 50}/f{number}=text{number}" for number in range(200)))
    grow(tmp_path, " ".join(f"many/f{number}=text{number}" for number in range(MOST_HERE + 3)))
    for size in (0, 1, SMALL_LIMIT - 1, SMALL_LIMIT, SMALL_LIMIT + 1, 3_000_000):
        (tmp_path / f"size{size}").write_bytes(os.urandom(size))
    root = os.open(tmp_path, os.O_RDONLY)
    folders = Folders(root)
    found = hash_files(locate_in_tree(folders), iter(listed(root)))
    folders.forget()
    os.close(root)
    assert found == {path: blake3(data).digest() for path, data in contents(tmp_path).items()}


def test_files_are_read_in_parts_that_fit_into_memory(kind: str) -> None:
    def sizes(*entries: int) -> "list[list[int]]":
        files = [Entry(parse_path(b"%d" % number), Kind.FILE, size, 1, 0o644) for number, size in enumerate(entries)]
        return [[entry.size for entry in part] for part in in_parts(files)]

    most = MOST_BYTES
    assert sizes() == []
    assert sizes(most + 1, 1, most - 1, 1) == [[most + 1], [1, most - 1], [1]]
    assert [len(part) for part in sizes(*[0] * (2 * MOST_HERE + 1))] == [MOST_HERE, MOST_HERE, 1]


def test_what_is_not_as_listed_has_none(tmp_path: pathlib.Path, kind: str) -> None:
    grow(tmp_path, "a=1 gone=2 longer=3 later=4 link=5 pipe=6 d/x=7 z=8")
    root = os.open(tmp_path, os.O_RDONLY)
    entries = listed(root)
    for name in ("gone", "link", "pipe"):
        (tmp_path / name).unlink()
    (tmp_path / "longer").write_text("33")
    os.utime(tmp_path / "later", ns=(1, 1))
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "d").rename(tmp_path / "away")
    found = hash_files(locate_in_tree(Folders(root)), iter(entries))
    os.close(root)
    assert found == {b"a": blake3(b"1").digest(), b"z": blake3(b"8").digest()}


def test_a_single_file_is_hashed_under_the_name_it_is_listed_as(tmp_path: pathlib.Path, kind: str) -> None:
    grow(tmp_path, "there=text")
    parent = os.open(tmp_path, os.O_RDONLY)
    (_path, entry) = next(iter(Scan().single(parent, b"there", b"listed")))
    assert isinstance(entry, Entry)
    found = hash_files(locate_single(parent, b"there"), iter([entry]))
    os.close(parent)
    assert found == {b"listed": blake3(b"text").digest()}
