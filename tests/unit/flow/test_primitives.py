# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia signature | delta | patch``: the round trip, the files byte by byte, and what is refused."""

from __future__ import annotations

import errno
import os
import pathlib
import random
import re
from typing import Callable, List

import pytest
from copia.cli import main

from tests.twins import KINDS, choose

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "formats" / "delta.md"


@pytest.fixture(autouse=True, params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> str:
    """Every test here is told to both twins, in a folder of its own."""
    choose(monkeypatch, request.param)
    monkeypatch.chdir(tmp_path)
    return str(request.param)


def put(name: str, content: bytes) -> bytes:
    pathlib.Path(name).write_bytes(content)
    return content


def made(old: bytes, new: bytes, *options: str) -> bytes:
    """What comes out of the three commands."""
    put("old", old)
    put("new", new)
    assert main(["signature", "old", "-o", "sig", *options]) == 0
    assert main(["delta", "new", "sig", "-o", "delta"]) == 0
    assert main(["patch", "old", "delta", "-o", "made"]) == 0
    assert sorted(os.listdir()) == ["delta", "made", "new", "old", "sig"]
    return pathlib.Path("made").read_bytes()


EDITS: List[Callable[[bytes], bytes]] = [
    lambda old: old,
    lambda old: b"",
    lambda old: b"front" + old,
    lambda old: old[:1_000_000] + b"within" + old[1_000_000:],
    lambda old: old[500_000:] + old[:500_000],
    lambda old: random.Random(2).randbytes(900_000),
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("old", [b"", b"short", random.Random(1).randbytes(2_500_001)], ids=["empty", "short", "long"])
def test_what_is_patched_is_the_new_file(old: bytes, edit: Callable[[bytes], bytes]) -> None:
    assert made(old, edit(old)) == edit(old)


def test_an_insertion_makes_a_small_delta() -> None:
    old = random.Random(3).randbytes(3_000_000)
    made(old, old[:7] + b"inserted" + old[7:], "-b", "2048")
    assert pathlib.Path("delta").stat().st_size < 2 * 2048 + 300


def test_a_delta_is_byte_by_byte_what_the_page_shows() -> None:
    made(b"abc", b"abcd", "-b", "512")
    shown = re.findall(r"^    ((?:[0-9a-f]{2} ?)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert pathlib.Path("delta").read_bytes() == bytes.fromhex("".join(shown))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a command refuses with; what stood under the result's name is still there."""
    put("out", b"as it was")
    capsys.readouterr()
    assert main([*words, "-o", "out"]) == 1
    assert pathlib.Path("out").read_bytes() == b"as it was"
    assert not os.path.lexists(".copia")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("name", ["sig", "delta"])
def test_every_truncation_and_every_flipped_byte_is_refused(capsys: pytest.CaptureFixture[str], name: str) -> None:
    made(b"a" * 600 + b"b" * 500, b"a" * 600 + b"c" * 20 + b"b" * 500, "-b", "512")
    whole = pathlib.Path(name).read_bytes()
    words = ("delta", "new", "sig") if name == "sig" else ("patch", "old", "delta")
    for at in range(len(whole)):
        put(name, whole[:at])
        assert refused(capsys, *words).startswith(f"copia: {name} is ")
        put(name, whole[:at] + bytes((whole[at] ^ 0x41,)) + whole[at + 1 :])
        assert re.match(rf"copia: ({name}|old) (is|has|does) ", refused(capsys, *words))
    put(name, whole + b"x")
    assert "is damaged" in refused(capsys, *words)


def test_a_foreign_file_is_named_for_what_it_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    put("new", b"text")
    assert "new is not a copia signature of this version" in refused(capsys, "delta", "new", "new")
    assert "new is not a copia delta of this version" in refused(capsys, "patch", "new", "new")


def test_another_basis_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made(b"a" * 5000, b"a" * 5000 + b"b")
    put("old", b"a" * 4999)
    assert "old is not the basis of delta: it has 4999 bytes, expected 5000" in refused(capsys, "patch", "old", "delta")
    put("old", b"b" * 5000)
    assert "old is not the basis of delta: its content is another" in refused(capsys, "patch", "old", "delta")


def test_what_cannot_be_read_or_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "gone cannot be read: No such file" in refused(capsys, "signature", "gone")
    assert ". cannot be read: Is a directory" in refused(capsys, "signature", ".")
    put("old", b"x")
    os.mkdir("folder")
    assert main(["signature", "old", "-o", "folder"]) == 1
    assert "folder is a directory: name a file for the result" in capsys.readouterr().err
    assert main(["signature", "old", "-o", "no/such/place"]) == 1
    assert "No such file or directory" in capsys.readouterr().err


class Disk:
    """Reads at a place that go wrong from some offset on: ``how`` is an error, or what another process does then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, how: Callable[[], None]) -> None:
        self._pread, self._how = os.pread, how
        monkeypatch.setattr(os, "pread", self.pread)

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        if offset >= 1 << 20:
            self._how()
        return self._pread(descriptor, size, offset)


def fail() -> None:
    raise OSError(errno.EIO, "broken disk")


@pytest.mark.parametrize(
    ("words", "name"),
    [(["signature", "old"], "old"), (["delta", "new", "sig"], "new"), (["patch", "old", "delta"], "old")],
    ids=["signature", "delta", "patch"],
)
def test_a_file_that_the_disk_does_not_give_back_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: List[str], name: str
) -> None:
    old = random.Random(5).randbytes(4 << 20)
    made(old, b"x" + old)
    Disk(monkeypatch, fail)
    assert f"{name} cannot be read: {os.strerror(errno.EIO)}" in refused(capsys, *words)


@pytest.mark.parametrize("words", [["signature", "old"], ["delta", "new", "sig"]], ids=["signature", "delta"])
@pytest.mark.parametrize("length", [100, 5 << 20], ids=["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_read_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: List[str], length: int
) -> None:
    old = random.Random(6).randbytes(4 << 20)
    made(old, old[: 2 << 20] + b"y" + old[2 << 20 :])
    Disk(monkeypatch, lambda: os.truncate(words[1], length))
    assert f"{words[1]} changed while it was read; run again" in refused(capsys, *words)


@pytest.mark.parametrize(
    "words", [["signature", "x"], ["delta", "x", "-o", "y"], ["signature", "x", "-o", "y", "-b", "1000"]]
)
def test_wrong_usage_has_an_exit_status_of_its_own(words: List[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
