# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACLs and extended attributes that are kept, on a real file system; and on one that has none."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from typing import Any, Callable, Dict, Iterator

import pytest
from copia.core.accounts import Accounts
from copia.core.entries import Entry
from copia.core.preserve import Preserve
from copia.flow.mirror import mirror
from copia.flow.source import Source, SourceSpec
from copia.flow.target import Target, TargetSpec
from copia.values import replace

from tests.lines import far_sync, pull, push
from tests.pairs import sync
from tests.trees import age, grow, harvest
from tests.unit.flow.test_preserve import NEEDS_ROOT, as_nobody, open_folder

ALL = Preserve(acls=True, xattrs=True)
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
"""CAP_NET_BIND_SERVICE, permitted and effective."""
__all__ = ["open_folder"]


def here(new: pathlib.Path, there: pathlib.Path, *, preserve: Preserve = ALL, **how: Any) -> Any:
    source = SourceSpec(os.fsencode(new), name=os.fsencode(there.name), preserve=preserve)
    return mirror(source, TargetSpec(os.fsencode(there), preserve=preserve, **how))


def afar(go: Callable[..., Any]) -> Callable[..., Any]:
    return lambda new, there, preserve=ALL, **how: go(new, there, preserve=preserve, **how)


EACH_WAY = pytest.mark.parametrize("go", [here, afar(push), afar(pull)], ids=["here", "push", "pull"])
BOTH_WAYS = pytest.mark.parametrize("bring", [sync, far_sync], ids=["here", "over a wire"])


def extras(root: pathlib.Path, top: bool = True) -> Dict[str, Dict[str, bytes]]:
    """By path, what has attributes and which, as the kernel says it."""
    found = {}
    for path in [*([root] if top else []), *sorted(root.rglob("*"))]:
        names = [name for name in os.listxattr(path, follow_symlinks=False) if not name.startswith("security.selinux")]
        if names:
            found[str(path.relative_to(root))] = {
                name: os.getxattr(path, name, follow_symlinks=False) for name in names
            }
    return found


def put(root: pathlib.Path, **values: bytes) -> None:
    """``user.x`` of the paths."""
    for name, value in values.items():
        os.setxattr(root / name, "user.x", value)


def setfacl(words: str, *paths: pathlib.Path) -> None:
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    subprocess.run(["setfacl", *words.split(), *map(str, paths)], check=True)


@pytest.fixture
def new(tmp_path: pathlib.Path) -> pathlib.Path:
    root = grow(tmp_path / "new", "a=one:640 b/c=two e/ l->a big=" + "x" * 200_000 + " plain=3")
    try:
        os.setxattr(root, "user.x", b"")
    except OSError:
        pytest.skip("the file system has no attributes")
    age(root)
    return root


@EACH_WAY
def test_attributes_and_acls_are_kept(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    put(new, a=b"1", b=b"\0\xff", big=b"x" * 3000)
    os.setxattr(new / "a", b"user.\xff name\n", b"odd")
    setfacl("-m u:7:rwx,g:8:r,m::rw", new / "a", new / "e")
    setfacl("-d -m u:7:rwx", new / "b", new)
    there = tmp_path / "there"
    assert go(new, there, check=True).made == go(new, there).made == 8
    assert extras(there) == extras(new) and harvest(there) == harvest(new)
    assert set(extras(new)) == {".", "a", "b", "big", "e"}
    again = go(new, there)
    assert not again.changed and not again.problems


@EACH_WAY
def test_drift_is_put_right_and_said(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    put(new, a=b"1", b=b"2")
    setfacl("-m u:7:rwx", new / "big")
    there = tmp_path / "there"
    go(new, there)
    put(there, a=b"other", plain=b"more")
    os.removexattr(there / "b", "user.x")
    setfacl("-m u:7:r,u:9:r", there / "big")
    setfacl("-m u:7:r", there / "e")
    for check in (True, False):
        report = go(new, there, check=check)
        assert [(c.path, c.reason) for c in report.changes] == [
            (b"a", "attributes"),
            (b"b", "attributes"),
            (b"big", "mode"),
            (b"e", "attributes"),
            (b"plain", "attributes"),
        ]
        said = {change.path: (change.before, change.after) for change in report.changes}
        assert said[b"a"] == ("file 0640 3 bytes, user.x", "file 0640 3 bytes, user.x, other attributes")
        assert said[b"plain"] == ("file 0644 1 bytes, user.x", "file 0644 1 bytes")
        assert said[b"e"] == ("directory 0755, acl", "directory 0755")
    assert extras(there) == extras(new)
    assert not go(new, there).changed


@EACH_WAY
def test_an_edit_keeps_what_it_has_and_nobody_asked_for_nothing_is_touched(
    new: pathlib.Path, tmp_path: pathlib.Path, go: Any
) -> None:
    put(new, a=b"1")
    there = tmp_path / "there"
    go(new, there)
    (new / "a").write_text("edited")
    assert [change.reason for change in go(new, there).changes] == ["size"]
    assert extras(there) == extras(new) and (there / "a").read_text() == "edited"
    put(there, a=b"2")
    for keeps in (Preserve(), Preserve(acls=True)):
        assert not go(new, there, preserve=keeps).changed
        assert os.getxattr(there / "a", "user.x") == b"2"


def test_a_mode_and_an_acl_do_not_disturb_each_other(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    setfacl("-m u:7:rwx", new / "a", new / "b/c")
    source = SourceSpec(os.fsencode(new), preserve=ALL, mode_rule=lambda _kind, _mode: 0o750)
    spec = TargetSpec(os.fsencode(tmp_path / "there"), preserve=ALL)
    mirror(source, spec)
    assert {(tmp_path / "there" / name).stat().st_mode & 0o7777 for name in ("a", "b/c", "plain")} == {0o750}
    shown = subprocess.run(["getfacl", "-cnE", tmp_path / "there/a"], capture_output=True, check=True, text=True)
    assert shown.stdout.split() == ["user::rwx", "user:7:rwx", "group::r--", "mask::r-x", "other::---"]
    assert not mirror(source, spec).changed
    setfacl("-b", tmp_path / "there/a")
    setfacl("-m m::rwx", tmp_path / "there/b/c")
    assert [change.reason for change in mirror(source, spec).changes] == ["mode", "mode"]
    assert not mirror(source, spec).changed


def test_what_a_new_file_inherits_is_not_what_it_is_to_have(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    there = grow(tmp_path / "there", "")
    setfacl("-d -m u:7:rwx", there)
    here(new, there)
    assert extras(there) == extras(new) and harvest(there) == harvest(new)


@NEEDS_ROOT
def test_capabilities_outlive_a_change_of_owner(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    keeps, there = Preserve(owner=True, group=True, xattrs=True), tmp_path / "there"
    os.chown(new / "a", 11, 12)
    os.setxattr(new / "a", "security.capability", CAPABILITY)
    here(new, there, preserve=keeps)
    assert extras(there) == extras(new) and "security.capability" in extras(there)["a"]
    os.chown(there / "a", 0, 0)
    os.setxattr(there / "a", "security.capability", CAPABILITY)
    assert [change.reason for change in here(new, there, preserve=keeps).changes] == ["owner"]
    assert extras(there) == extras(new) and (there / "a").stat().st_uid == 11
    assert not here(new, there, preserve=keeps).changed


def test_accounts_in_acls_are_known_by_name(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    setfacl("-m u:4242:rwx,g:4243:r", new / "a")
    source = Source(SourceSpec(os.fsencode(new), preserve=ALL))
    accounts = Accounts(((4242, b"nobody"),), ((4243, b"root"),))
    for changed in (True, False):
        target = Target(TargetSpec(os.fsencode(tmp_path / "there"), preserve=ALL), is_tree=True)
        considered = target.consider(replace(source.offer(), accounts=accounts))
        report = target.finish(considered.plan, source.answer(considered.wants))
        target.close()
        assert report.changed is changed and not report.problems
    source.close()
    shown = subprocess.run(["getfacl", "-cE", tmp_path / "there/a"], capture_output=True, check=True, text=True)
    assert {"user:nobody:rwx", "group:root:r--"} <= set(shown.stdout.split())


@NEEDS_ROOT
@EACH_WAY
def test_without_rights_a_read_only_file_of_ones_own_takes_attributes(open_folder: pathlib.Path, go: Any) -> None:
    new = grow(open_folder / "new", "a=1:444 d/b=2:400 d/:555")
    os.setxattr(new / "a", "user.x", b"1")
    os.setxattr(new / "d", "user.x", b"1")
    for path in (new, *new.rglob("*")):
        os.chown(path, 65534, 65534)
    age(new)
    report = as_nobody(lambda: go(new, open_folder / "there"))
    assert not report.problems and extras(open_folder / "there") == extras(new)
    assert harvest(open_folder / "there") == harvest(new)
    os.setxattr(new / "a", "user.x", b"2")
    assert as_nobody(lambda: go(new, open_folder / "there")).changed
    assert harvest(open_folder / "there") == harvest(new) and extras(open_folder / "there") == extras(new)


@pytest.fixture
def no_attributes(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    place = tmp_path / "ram"
    place.mkdir()
    command = ["mount", "-t", "ramfs", "ramfs", str(place)]
    if os.geteuid() or subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs root and the right to mount a ramfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@EACH_WAY
def test_a_file_system_without_attributes_is_a_problem_where_there_are_some(
    new: pathlib.Path, no_attributes: pathlib.Path, go: Any
) -> None:
    os.removexattr(new, "user.x")
    put(new, a=b"1")
    setfacl("-m u:7:rwx", new / "big")
    there = no_attributes / "there"
    for first in (True, False):
        report = go(new, there)
        assert [(problem.path, problem.what) for problem in report.problems] == [
            (b"a", "its attribute user.x could not be set: Operation not supported"),
            (b"big", "its attribute system.posix_acl_access could not be set: Operation not supported"),
        ]
        assert report.changed is first and harvest(there) == harvest(new)
    assert not go(there, new, preserve=Preserve(acls=True), check=True).problems


@BOTH_WAYS
def test_both_ways_attributes_go_where_they_were_not_changed(tmp_path: pathlib.Path, bring: Any) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    age(grow(left, "a=1 b=2 c=3 d/e=4"))
    grow(right, "")
    put(left, a=b"1", b=b"1", d=b"1")
    assert not bring(tmp_path, preserve=ALL).problems
    assert extras(right, top=False) == extras(left, top=False) != {}
    assert not bring(tmp_path, preserve=ALL).changed
    put(left, a=b"2", c=b"new")
    os.removexattr(right / "b", "user.x")
    put(right, d=b"2")
    setfacl("-m u:7:rwx", right / "c")
    expected = [
        [(b"b", "attributes"), (b"c", "mode"), (b"d", "attributes")],
        [(b"a", "attributes"), (b"c", "attributes")],
    ]
    for check in (True, False):
        report = bring(tmp_path, preserve=ALL, check=check)
        assert [[(c.path, c.reason) for c in side.changes] for side in report.sides] == expected
    assert extras(right, top=False) == extras(left, top=False)
    assert [os.getxattr(left / name, "user.x") for name in ("a", "d")] == [b"2", b"2"]
    assert "b" not in extras(left)
    assert not bring(tmp_path, preserve=ALL).changed


@BOTH_WAYS
def test_both_ways_an_edit_there_keeps_the_attributes_from_here(tmp_path: pathlib.Path, bring: Any) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    age(grow(left, "a=1 old=renamed-as-it-is"))
    grow(right, "")
    put(left, a=b"1", old=b"2")
    bring(tmp_path, preserve=ALL)
    put(left, a=b"3")
    (right / "a").write_text("edited")
    (left / "old").rename(left / "moved")
    report = bring(tmp_path, preserve=ALL)
    assert not report.problems and sum(side.moved for side in report.sides) == 1
    assert (
        extras(right, top=False)
        == extras(left, top=False)
        == {
            "a": {"user.x": b"3"},
            "moved": {"user.x": b"2"},
        }
    )
    assert (left / "a").read_text() == "edited" and not bring(tmp_path, preserve=ALL).changed


@BOTH_WAYS
def test_both_ways_two_changes_of_attributes_end_alike(tmp_path: pathlib.Path, bring: Any) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    age(grow(left, "a=1"))
    grow(right, "")
    bring(tmp_path, preserve=ALL)
    put(left, a=b"1")
    put(right, a=b"2")
    assert not bring(tmp_path, preserve=ALL).conflicts
    assert extras(right, top=False) == extras(left, top=False) == {"a": {"user.x": b"2"}}


@BOTH_WAYS
def test_both_ways_what_one_side_cannot_hold_is_not_lost_on_the_other(
    tmp_path: pathlib.Path, no_attributes: pathlib.Path, bring: Any
) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    age(grow(left, "a=1"))
    right.symlink_to(grow(no_attributes / "right", ""))
    bring(tmp_path, preserve=ALL)
    put(left, a=b"1")
    for _again in range(2):
        report = bring(tmp_path, preserve=ALL)
        assert [(problem.path, problem.what[-13:]) for problem in report.problems] == [(b"a", "not supported")]
        assert extras(left, top=False) == {"a": {"user.x": b"1"}}


def test_a_listing_of_a_tree_with_few_attributes_costs_what_they_cost(new: pathlib.Path) -> None:
    put(new, a=b"1")
    source = Source(SourceSpec(os.fsencode(new), preserve=ALL))
    entries = {path: entry for path, entry in source.offer().manifest if isinstance(entry, Entry)}
    assert {path for path, entry in entries.items() if entry.extras} == {b"a"}
    assert sum(len(block.packed.extras) for block in source.offer().manifest.blocks) == 4 + 6 + len("user.x1")
    source.close()
