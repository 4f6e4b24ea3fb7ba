# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan says of real trees, told once for both twins; and that both twins say the same, byte by byte."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import socket
import tempfile
from typing import Any, Callable, Dict, List, Tuple

import pytest
from copia.core import twin
from copia.core.entries import NOT_RECORDED, Entry, Kind, Problem, Unknown
from copia.core.manifest import Manifest
from copia.core.selection import Rules, selector
from copia.disk.scan import Scan
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trees import age, grow
from tests.twins import BOTH, EACH_TWIN, choose, module

ODD = (b"new\nline", b"\xff\xfe", b"-rf", b" ", b"y" * 255, "ü".encode(), b"a.b", b"a", b"A", b"a0", b"~", b"\x01")


def scan(root: pathlib.Path, *, rules: Tuple[str, ...] = (), **how: Any) -> Tuple[Manifest, List[Problem]]:
    """The manifest of the tree at ``root``, and the problems."""
    scanning = Scan(selector=selector(Rules(rules)), **how)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return scanning.tree(descriptor), scanning.problems
    finally:
        os.close(descriptor)


def odd_tree(root: pathlib.Path) -> pathlib.Path:
    """Every kind of entry, and names that only bytes can hold."""
    grow(root, "d/empty/ d/deep/er/x=1:4755 .hidden=2 ro=3:400 l->d dangling->no/where d/.copia=seen")
    for name in ODD:
        with open(os.path.join(os.fsencode(root), name), "wb") as stream:
            stream.write(name * 3)
    os.mkfifo(root / "d" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "d" / "socket"))
    os.symlink(b"\xff" * 4000, root / "long")
    age(root)
    return root


def test_an_installed_c_module_is_the_one_that_this_code_was_written_for() -> None:
    assert module().ABI == twin.ABI


@EACH_TWIN
def test_every_entry_is_what_the_kernel_says(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    choose(monkeypatch, kind)
    root = odd_tree(tmp_path / "t")
    manifest, problems = scan(root)
    assert not problems
    found = dict(manifest)
    walked = [os.path.join(top, name) for top, dirs, files in os.walk(os.fsencode(root)) for name in dirs + files]
    assert set(found) == {os.path.relpath(path, os.fsencode(root)) for path in walked}
    for path, entry in found.items():
        there = os.lstat(os.path.join(os.fsencode(root), path))
        assert isinstance(entry, Entry)
        assert entry.mtime_ns == there.st_mtime_ns and (entry.uid, entry.gid) == (NOT_RECORDED, NOT_RECORDED)
        assert entry.size == (there.st_size if entry.kind is Kind.FILE else 0)
        assert entry.mode == there.st_mode & 0o7777
    kinds = {path: found[path].kind for path in (b"d", b"a", b"l", b"d/pipe", b"d/socket")}
    assert list(kinds.values()) == [Kind.DIRECTORY, Kind.FILE, Kind.LINK, Kind.SPECIAL, Kind.SPECIAL]
    assert [found[path].target for path in (b"l", b"dangling", b"long")] == [b"d", b"no/where", b"\xff" * 4000]
    names = manifest.block(b"").packed.names.split(b"\0")
    assert names == sorted(names)


@EACH_TWIN
def test_our_own_folder_is_not_seen_at_the_top_and_seen_below(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    choose(monkeypatch, kind)
    manifest, _problems = scan(grow(tmp_path / "t", ".copia/x=1 .COPIA/y=1 .copia2=1 d/.copia/z=1"))
    assert [path for path, _entry in manifest] == [b".copia2", b"d", b"d/.copia", b"d/.copia/z"]


@EACH_TWIN
def test_what_is_excluded_is_not_seen_and_its_directory_shelters_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    choose(monkeypatch, kind)
    root = grow(tmp_path / "t", "a=1 skip=1 d/skip=1 d/l1->x d/m->y d/l2->z e/f/skip/g=1 h/i=1")
    manifest, _problems = scan(root, rules=("skip", "m"))
    assert [path for path, _e in manifest] == [b"a", b"d", b"e", b"h", b"d/l1", b"d/l2", b"e/f", b"h/i"]
    assert manifest.sheltering == {b"", b"d", b"e/f"}
    assert [entry.target for path, entry in manifest if b"l" in path] == [b"x", b"z"]


@EACH_TWIN
def test_special_bits_and_owners_are_kept_only_where_asked_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    choose(monkeypatch, kind)
    root = grow(tmp_path / "t", "a=1:4755")
    assert dict(scan(root, mode_mask=0o777)[0])[b"a"].mode == 0o755
    for owner, group in ((True, False), (False, True), (True, True)):
        entry = dict(scan(root, owner=owner, group=group)[0])[b"a"]
        there = (root / "a").stat()
        assert entry.uid == (there.st_uid if owner else NOT_RECORDED)
        assert entry.gid == (there.st_gid if group else NOT_RECORDED)


@EACH_TWIN
def test_a_tree_deeper_than_any_path_may_be_long(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    choose(monkeypatch, kind)
    here = os.open(tmp_path, os.O_RDONLY)
    for _level in range(30):
        os.mkdir(b"n" * 200, dir_fd=here)
        below = os.open(b"n" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    manifest, problems = scan(tmp_path)
    assert not problems and max(len(path) for path, _entry in manifest) == 30 * 201 - 1


def as_nobody(call: Callable[[], str]) -> str:
    """What ``call`` says in a process of an account without rights (one's own where the tests have none)."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        said = "it did not come to an end"
        try:
            if not os.geteuid():
                who = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(who.pw_gid)
                os.setuid(who.pw_uid)
            said = call()
        finally:
            os.write(theirs, said.encode())
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return said


@EACH_TWIN
def test_what_cannot_be_looked_at_is_unknown_and_a_problem(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    choose(monkeypatch, kind)
    root = grow(tmp_path / "t", "open/a=1 closed/b=1 names/c=1 names/d=1")
    for folder in (root, *list(root.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o555)
    (root / "closed").chmod(0)
    (root / "names").chmod(0o444)
    descriptor = os.open(root, os.O_RDONLY)

    def look() -> str:
        scanning = Scan()
        manifest = scanning.tree(descriptor)
        unknown = sorted(path for path, what in manifest if isinstance(what, Unknown))
        return repr((sorted(manifest.unlisted), unknown, sorted(problem.what for problem in scanning.problems)))

    said = as_nobody(look)
    os.close(descriptor)
    (root / "closed").chmod(0o755)
    (root / "names").chmod(0o755)
    reasons = ["cannot be listed: Permission denied", *["cannot be read: Permission denied"] * 2]
    assert said == repr(([b"closed"], [b"names/c", b"names/d"], reasons))


@BOTH
def test_both_twins_say_the_same_of_an_odd_tree(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = odd_tree(tmp_path / "t")
    for how in ({}, {"owner": True, "group": True}, {"mode_mask": 0o777, "rules": ("a*", "!a.b", "d/deep/", "l*")}):
        assert one_by_one(monkeypatch, root, **how) == []


def one_by_one(patch: pytest.MonkeyPatch, root: pathlib.Path, **how: Any) -> List[str]:
    """In what the twins differ."""
    seen: Dict[str, Tuple[Manifest, List[Problem]]] = {}
    for kind in ("python", "native"):
        choose(patch, kind)
        seen[kind] = scan(root, **how)
    (left, left_problems), (right, right_problems) = seen["python"], seen["native"]
    columns = ("root", "blocks", "sheltering", "unlisted")
    differing = [name for name in columns if getattr(left, name) != getattr(right, name)]
    return differing + ["problems"] * (left_problems != right_problems)


NAMES = st.one_of(st.sampled_from(ODD), st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"0")))
KINDS = st.sampled_from(["file", "link", "directory", "pipe"])
TREES = st.dictionaries(NAMES, st.tuples(KINDS, st.dictionaries(NAMES, KINDS, max_size=4)), max_size=12)


def make(path: bytes, kind: str) -> None:
    try:
        if kind == "file":
            with open(path, "wb") as stream:
                stream.write(path)
        elif kind == "link":
            os.symlink(path[-40:], path)
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            os.mkdir(path)
    except OSError:
        return  # '.', '..', or a slash in the name


@BOTH
@settings(max_examples=80, deadline=None)
@given(TREES, st.sampled_from([(), ("a",), ("*", "!a*"), ("[a-z]",)]))
def test_law_both_twins_say_the_same(tree: Dict[bytes, Tuple[str, Dict[bytes, str]]], rules: Tuple[str, ...]) -> None:
    folder = tempfile.mkdtemp(prefix="copia-scan-")
    try:
        for name, (kind, below) in tree.items():
            path = os.path.join(os.fsencode(folder), name)
            make(path, kind)
            if kind == "directory":
                for inner, inner_kind in below.items():
                    make(os.path.join(path, inner), inner_kind)
        with pytest.MonkeyPatch.context() as patch:
            assert one_by_one(patch, pathlib.Path(folder), rules=rules) == []
    finally:
        shutil.rmtree(folder)
