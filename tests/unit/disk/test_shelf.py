# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put aside, or into an archive, comes back as it was, as often as it is asked for; memory does not hold it."""

from __future__ import annotations

import errno
import os
import pathlib
import tracemalloc
from typing import Iterator, List

import pytest
from blake3 import blake3
from copia.core.entries import Entry, Kind
from copia.core.errors import InputError, RemoteProtocolError
from copia.core.manifest import Block, pack_rows
from copia.core.paths import ROOT, TreePath
from copia.disk import archive
from copia.disk.archive import Archive, load, save
from copia.disk.folders import open_root
from copia.disk.operations import run
from copia.disk.perform import perform
from copia.disk.shelf import Shelf, blocks_at
from copia.disk.state import IDENTITY

IDENTITIES = (b"l" * IDENTITY.size, b"r" * IDENTITY.size)


def blocks(directories: int) -> Iterator[Block]:
    """A root, and that many directories of files in it; without any, nothing."""
    if not directories:
        return
    names = [b"d%05d" % number for number in range(directories)]
    folder = Entry(TreePath(b"-"), Kind.DIRECTORY, 0, 5, 0o755)
    yield Block(ROOT, pack_rows([(name, folder) for name in names]))
    for name in names:
        files = [(b"f%02d" % at, Entry(TreePath(b"-"), Kind.FILE, at, at, 0o644, name[-1:] * 32)) for at in range(40)]
        yield Block(TreePath(name), pack_rows(files))


def shelved(place: pathlib.Path, directories: int) -> Shelf:
    shelf = Shelf([os.fsencode(place)])
    for block in blocks(directories):
        shelf.put(block)
    return shelf


@pytest.mark.parametrize("directories", [0, 3, 700, 2000])
def test_a_shelf_gives_back_what_was_put_there_as_often_as_it_is_asked(
    tmp_path: pathlib.Path, directories: int
) -> None:
    shelf = shelved(tmp_path, directories)
    assert list(shelf) == list(shelf) == list(blocks(directories))
    assert not list(tmp_path.iterdir())
    shelf.close()
    assert not list(shelf)


def test_a_directory_without_anything_is_no_end(tmp_path: pathlib.Path) -> None:
    shelf = shelved(tmp_path, 3)
    shelf.put(Block(TreePath(b"e"), pack_rows([])))
    for block in blocks(2000):
        shelf.put(block)
    assert len(list(shelf)) == 4 + 2001
    shelf.close()


@pytest.mark.parametrize("places", [[], [b"/nonexistent", b"/proc"]])
def test_without_a_place_memory_is_the_shelf(places: List[bytes]) -> None:
    shelf = Shelf(places)
    for block in blocks(700):
        shelf.put(block)
    assert list(shelf) == list(blocks(700))


def test_a_full_disk_leaves_what_was_put_before_and_after_on_the_shelf(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    whole = os.pwrite

    def full(descriptor: int, data: bytes, at: int) -> int:
        nonlocal written
        written += 1
        if written % 2 == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(descriptor, data[: 1 << 16] if written > 1 else data, at)

    monkeypatch.setattr(os, "pwrite", full)
    shelf = shelved(tmp_path, 3000)
    assert written >= 2
    assert list(shelf) == list(blocks(3000))
    shelf.close()


def kept(folder: pathlib.Path, directories: int, epoch: int = 7) -> Archive:
    """An archive of that many directories."""
    descriptor = open_root(os.fsencode(folder))
    run(save(descriptor, IDENTITIES, blocks(directories), epoch, stamp=b"s" * 16), perform)
    found = load(descriptor, IDENTITIES)
    os.close(descriptor)
    assert found is not None
    return found


@pytest.mark.parametrize("directories", [0, 3, 2000])
def test_an_archive_gives_back_what_was_saved(tmp_path: pathlib.Path, directories: int) -> None:
    found = kept(tmp_path, directories)
    assert (found.epoch, found.stamp, found.is_old) == (7, b"s" * 16, False)
    assert list(found.blocks()) == list(found.blocks()) == list(blocks(directories))


def test_an_archive_that_is_being_read_stays_what_it_was_when_a_new_one_takes_its_place(tmp_path: pathlib.Path) -> None:
    before = kept(tmp_path, 5)
    reading = before.blocks()
    first = next(reading)
    after = kept(tmp_path, 3, 8)
    assert [first, *reading] == list(blocks(5))
    assert list(after.blocks()) == list(blocks(3))


def peak(folder: pathlib.Path, directories: int) -> int:
    """The largest memory while an archive is written from a shelf and gone through, in bytes."""
    folder.mkdir()
    os.mkdir(folder / "state")
    descriptor = open_root(os.fsencode(folder / "state"))
    tracemalloc.start()
    try:
        shelf = Shelf([os.fsencode(folder)])
        for block in blocks(directories):
            shelf.put(block)
        run(save(descriptor, IDENTITIES, shelf, 1), perform)
        found = load(descriptor, IDENTITIES)
        assert found is not None and sum(1 for _block in found.blocks()) == directories + 1
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        os.close(descriptor)


def test_memory_does_not_grow_with_what_is_kept(tmp_path: pathlib.Path) -> None:
    few, many = peak(tmp_path / "few", 2_000), peak(tmp_path / "many", 8_000)
    names = sum(len(name) for name in next(blocks(8_000)).packed)
    assert many < few + 8 * names


@pytest.mark.parametrize("at", [0, 4, 30, 90, 130, 400, -40, -1])
def test_a_damaged_archive_gives_way_to_the_one_before(tmp_path: pathlib.Path, at: int) -> None:
    kept(tmp_path, 2, 1)
    kept(tmp_path, 3, 2)
    newest = next(tmp_path.glob("*.archive"))
    data = bytearray(newest.read_bytes())
    data[at] ^= 1
    newest.write_bytes(data)
    descriptor = open_root(os.fsencode(tmp_path))
    found = load(descriptor, IDENTITIES)
    os.close(descriptor)
    assert found is not None and found.is_old and found.epoch == 1
    assert list(found.blocks()) == list(blocks(2))


@pytest.mark.parametrize("size", [0, 10, 86, 117, 118, 200])
def test_an_archive_that_is_cut_off_is_none(tmp_path: pathlib.Path, size: int) -> None:
    kept(tmp_path, 3)
    newest = next(tmp_path.glob("*.archive"))
    os.truncate(newest, size)
    descriptor = open_root(os.fsencode(tmp_path))
    assert load(descriptor, IDENTITIES) is None
    os.close(descriptor)


def test_an_archive_whose_digest_somebody_made_fit_is_refused_by_name(tmp_path: pathlib.Path) -> None:
    kept(tmp_path, 3)
    newest = next(tmp_path.glob("*.archive"))
    body = newest.read_bytes()[:-32].replace(b"f05", b"f/5")
    newest.write_bytes(body + blake3(body).digest())
    descriptor = open_root(os.fsencode(tmp_path))
    found = load(descriptor, IDENTITIES)
    os.close(descriptor)
    assert found is not None
    with pytest.raises(InputError, match=f"{newest.name} in the state folder was not written by copia: .* Remove it"):
        list(found.blocks())


def test_blocks_that_end_nowhere_are_refused(tmp_path: pathlib.Path) -> None:
    """As in a file whose digest somebody made fit."""
    packed = b"".join(map(archive.packed_block, blocks(2)))
    (tmp_path / "cut").write_bytes(packed[:-3])
    descriptor = os.open(tmp_path / "cut", os.O_RDONLY)
    with pytest.raises(RemoteProtocolError, match="cut off"):
        list(blocks_at(descriptor, 0, len(packed)))
    os.close(descriptor)
