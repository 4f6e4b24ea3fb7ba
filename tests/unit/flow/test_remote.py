# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mirror of which one side is behind a conversation: the same results as on one host."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest
from copia.core.errors import Braked, InputError
from copia.flow.grant import Grant
from copia.flow.jobs import jobs_for
from copia.wire import gate
from copia.wire.frames import HEAD, PROLOGUE

from tests.lines import pull, push, speak
from tests.trees import age, grow, harvest


@pytest.fixture
def new(tmp_path: pathlib.Path) -> pathlib.Path:
    root = grow(tmp_path / "new", "a=one b/c=two b/d=three:600 e/ l->a")
    age(root)
    return root


@pytest.mark.parametrize("go", [push, pull])
def test_both_directions_mirror_and_rest(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = tmp_path / "there"
    first = go(new, there)
    assert (first.made, first.changed) == (7, True)
    assert harvest(there) == harvest(new)
    assert not go(new, there).changed
    grow(there, "extra=x")
    (there / "a").write_text("drifted")
    report = go(new, there, delete=True)
    assert [(change.path, change.change) for change in report.changes] == [(b"a", "update"), (b"extra", "remove")]
    assert harvest(there) == harvest(new) and report.tree == first.tree


@pytest.mark.parametrize("go", [push, pull])
def test_a_single_file_and_its_delta(tmp_path: pathlib.Path, go: Any) -> None:
    before = os.urandom(1_000_000)
    (tmp_path / "new").write_bytes(before[:500_000] + b"more" + before[500_000:])
    (tmp_path / "there").write_bytes(before)
    age(tmp_path)
    report = go(tmp_path / "new", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == (tmp_path / "new").read_bytes()
    assert report.bytes_literal < 10_000 and report.bytes_matched > 990_000


@pytest.mark.parametrize("go", [push, pull])
def test_a_dry_run_says_the_same_and_touches_nothing(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = grow(tmp_path / "there", "a=1 old=2")
    before = harvest(there)
    said = go(new, there, delete=True, force=True, check=True)
    assert harvest(there) == before
    did = go(new, there, delete=True, force=True)
    assert [(c.path, c.change, c.reason) for c in said.changes] == [(c.path, c.change, c.reason) for c in did.changes]


@pytest.mark.parametrize("go", [push, pull])
def test_names_are_bytes(tmp_path: pathlib.Path, go: Any) -> None:
    source = grow(tmp_path / "new", "")
    for name in (b"new\nline", b"\xff\xfe", b"-rf", b"$(touch x)", b"y" * 255):
        with open(os.path.join(os.fsencode(source), name), "wb") as stream:
            stream.write(name)
    age(source)
    go(source, tmp_path / "there")
    assert harvest(tmp_path / "there") == harvest(source)


def test_what_the_other_side_can_not_do_is_its_own_kind_of_error(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        pull(tmp_path / "nothing", tmp_path / "there")
    with pytest.raises(Braked, match="too_many_removals"):
        push(new, grow(tmp_path / "full", "1=1 2=2 3=3"), delete=True)
    with pytest.raises(InputError, match="not a directory"):
        push(new, new / "a")


def test_a_job_that_is_not_served_and_a_path_that_is_not(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="serves no job 'source'"):
        pull(new, tmp_path / "there", {"jobs": {}})
    inside = jobs_for(Grant((os.fsencode(tmp_path / "served"),)))
    grow(tmp_path / "served", "x=1")
    (tmp_path / "served" / "out").symlink_to(new)
    for path in (new, tmp_path / "served" / "out", tmp_path / "served" / ".." / "new", tmp_path / "served-not"):
        with pytest.raises(InputError, match="outside of what is served"):
            pull(path, tmp_path / "there", {"jobs": inside})
        with pytest.raises(InputError, match="outside of what is served"):
            push(new, path, {"jobs": inside})
    assert pull(tmp_path / "served" / "x", tmp_path / "there", {"jobs": inside}).made == 1


def test_read_only_reads_and_plans_and_changes_nothing(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    jobs = jobs_for(Grant(writes=False))
    with pytest.raises(InputError, match="read-only"):
        push(new, tmp_path / "there", {"jobs": jobs})
    assert push(new, tmp_path / "there", {"jobs": jobs}, check=True).made == 7
    assert not (tmp_path / "there").exists()
    assert pull(new, tmp_path / "there", {"jobs": jobs}).made == 7


MISBEHAVING = {
    "nothing": b"",
    "a shell": b"SSH-2.0-x\r\n",
    "half a prologue": PROLOGUE[:4],
    "a huge frame": PROLOGUE + HEAD.pack(1, 1 << 30, 1 << 30),
    "no greeting": PROLOGUE + HEAD.pack(7, 1, 0) + b"\xa0",
    "not CBOR": PROLOGUE + HEAD.pack(1, 1, 0) + b"\xff",
}


@pytest.mark.parametrize("case", MISBEHAVING)
def test_a_misbehaving_peer_gets_one_refusal_and_the_process_ends(case: str) -> None:
    status, said = speak(MISBEHAVING[case])
    assert status == 1
    assert said.count(HEAD.pack(8, len(_refusal(said)), 0)) == 1
    assert gate.decode(_refusal(said))["fault"] in ("protocol", "failed")


def _refusal(said: bytes) -> bytes:
    """The header of the last frame, which is REFUSE."""
    at = len(PROLOGUE)
    while True:
        kind, header, raw = HEAD.unpack_from(said, at)
        end = at + HEAD.size + header + raw
        if end == len(said):
            assert kind == 8
            return said[at + HEAD.size : end]
        at = end
