# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is really full: a small tmpfs. Needs the right to mount."""

from __future__ import annotations

import os
import pathlib
import subprocess
from typing import Iterator

import pytest
from copia.core.errors import InputError
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.trees import age, grow, harvest
from tests.twins import EACH_TWIN, choose


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs root and the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@EACH_TWIN
@pytest.mark.parametrize("files", [1, 40], ids=["one large file", "many small files"])
def test_no_space_is_one_clear_failure_and_nothing_is_touched(
    tmp_path: pathlib.Path, small_disk: pathlib.Path, monkeypatch: pytest.MonkeyPatch, files: int, kind: str
) -> None:
    choose(monkeypatch, kind)
    source = grow(tmp_path / "new", "edit=changed sub/new=1")
    for number in range(files):
        (source / f"big{number}").write_bytes(os.urandom(4_000_000 // files))
    target = grow(small_disk / "there", "edit=old keep=1")
    age(source)
    age(target)
    before = harvest(target)
    with pytest.raises(InputError, match=r"No space left on device; nothing in the destination was replaced"):
        mirror(SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target)))
    assert harvest(target) == before
    assert not os.path.lexists(target / ".copia")


def test_when_there_is_room_again_the_next_run_finishes(tmp_path: pathlib.Path, small_disk: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "a=1")
    (source / "big").write_bytes(os.urandom(1_200_000))
    age(source)
    target, ballast = small_disk / "there", small_disk / "ballast"
    ballast.write_bytes(bytes(1_500_000))
    with pytest.raises(InputError, match="No space left"):
        mirror(SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target)))
    ballast.unlink()
    mirror(SourceSpec(os.fsencode(source)), TargetSpec(os.fsencode(target)))
    assert harvest(target) == harvest(source)
