# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners that are kept: in a mirror and a two-way sync, on one host and over a conversation, as root and without."""

from __future__ import annotations

import os
import pathlib
import pwd
import tempfile
from typing import Any, Callable, Dict, Iterator, Tuple

import pytest
from copia.core.accounts import Accounts
from copia.core.preserve import Preserve
from copia.flow.mirror import mirror
from copia.flow.source import Source, SourceSpec
from copia.flow.target import Target, TargetSpec
from copia.values import replace

from tests.lines import far_sync, pull, push
from tests.pairs import sync
from tests.trees import age, grow, harvest

OWNERS = Preserve(owner=True, group=True)
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def here(new: pathlib.Path, there: pathlib.Path, *, preserve: Preserve = OWNERS, **how: Any) -> Any:
    source = SourceSpec(os.fsencode(new), name=os.fsencode(there.name), preserve=preserve)
    return mirror(source, TargetSpec(os.fsencode(there), preserve=preserve, **how))


def afar(go: Callable[..., Any]) -> Callable[..., Any]:
    return lambda new, there, preserve=OWNERS, **how: go(new, there, preserve=preserve, **how)


EACH_WAY = pytest.mark.parametrize("go", [here, afar(push), afar(pull)], ids=["here", "push", "pull"])


def owned(root: pathlib.Path) -> Dict[str, Tuple[int, int]]:
    paths = [root, *sorted(root.rglob("*"))]
    found = ((path, path.lstat()) for path in paths)
    return {str(path.relative_to(root)): (seen.st_uid, seen.st_gid) for path, seen in found}


def give(root: pathlib.Path, **owners: Tuple[int, int]) -> None:
    for name, (uid, gid) in owners.items():
        os.chown(root / name, uid, gid, follow_symlinks=False)


@pytest.fixture
def new(tmp_path: pathlib.Path) -> pathlib.Path:
    root = grow(tmp_path / "new", "a=one b/c=two e/ l->a big=" + "x" * 200_000)
    age(root)
    return root


@NEEDS_ROOT
@EACH_WAY
def test_owners_of_everything_are_kept(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    give(new, a=(11, 12), b=(13, 14), l=(15, 16), big=(17, 18), e=(19, 20))
    os.chown(new, 21, 22)
    there = tmp_path / "there"
    assert go(new, there, check=True).made == 7
    assert go(new, there).made == 7
    assert owned(there) == owned(new) and harvest(there) == harvest(new)
    assert not go(new, there).changed


@NEEDS_ROOT
@EACH_WAY
def test_drift_of_owners_is_put_right(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = tmp_path / "there"
    go(new, there)
    give(there, a=(11, 12), e=(13, 0), l=(0, 14))
    expected = [(b"a", "update", "owner"), (b"e", "update", "owner"), (b"l", "update", "owner")]
    for check in (True, False):
        report = go(new, there, check=check)
        assert [(change.path, change.change, change.reason) for change in report.changes] == expected
        assert [(change.before[-5:], change.after[-3:]) for change in report.changes[1:2]] == [(" 13:0", "0:0")]
    assert owned(there) == owned(new)
    assert not go(new, there).changed


@NEEDS_ROOT
@EACH_WAY
def test_the_owner_alone_and_the_group_alone(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    give(new, a=(11, 12))
    for name, keeps, expected in (("u", Preserve(owner=True), (11, 0)), ("g", Preserve(group=True), (0, 12))):
        go(new, tmp_path / name, preserve=keeps)
        assert owned(tmp_path / name)["a"] == expected
        assert not go(new, tmp_path / name, preserve=keeps).changed


@NEEDS_ROOT
@EACH_WAY
def test_what_is_forced_wins(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    give(new, a=(11, 12), b=(13, 14))
    there = tmp_path / "there"
    go(new, there, owner="77")
    assert (owned(there)["a"], owned(there)["b"], owned(there)["b/c"]) == ((77, 12), (77, 14), (77, 0))
    assert not go(new, there, owner="77").changed


@NEEDS_ROOT
def test_special_bits_outlive_a_change_of_owner(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    give(new, a=(11, 12))
    source = SourceSpec(os.fsencode(new), preserve=OWNERS, mode_rule=lambda _kind, _mode: 0o6755)
    spec = TargetSpec(os.fsencode(tmp_path / "there"), preserve=OWNERS)
    mirror(source, spec)
    assert (tmp_path / "there/a").stat().st_mode & 0o7777 == 0o6755
    give(tmp_path / "there", a=(1, 1), b=(1, 1))
    assert [change.reason for change in mirror(source, spec).changes] == ["mode", "owner"]
    assert {(tmp_path / "there" / name).stat().st_mode & 0o7777 for name in ("a", "b")} == {0o6755}
    assert not mirror(source, spec).changed and owned(tmp_path / "there") == owned(new)


@NEEDS_ROOT
def test_a_name_that_is_known_here_has_the_id_that_it_has_here(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """As from a host on which nobody has the id 4242."""
    give(new, a=(4242, 4243), b=(4244, 4245))
    nobody = pwd.getpwnam("nobody")
    source = Source(SourceSpec(os.fsencode(new), preserve=OWNERS))
    accounts = Accounts(((0, b"bin"), (4242, b"nobody"), (4244, b"no-such-name\xff")), ((4243, b"root"),))
    for changed in (True, False):
        target = Target(TargetSpec(os.fsencode(tmp_path / "there"), preserve=OWNERS), is_tree=True)
        considered = target.consider(replace(source.offer(), accounts=accounts))
        report = target.finish(considered.plan, source.answer(considered.wants))
        target.close()
        assert report.changed is changed and not report.problems
    source.close()
    found = owned(tmp_path / "there")
    assert (found["a"], found["b"], found["e"]) == ((nobody.pw_uid, 0), (4244, 4245), (0, 0))


@pytest.fixture
def open_folder() -> Iterator[pathlib.Path]:
    """One that another account can get to."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        yield folder


def as_nobody(do: Callable[[], Any]) -> Any:
    who = pwd.getpwnam("nobody")
    os.setegid(who.pw_gid)
    os.seteuid(who.pw_uid)
    try:
        return do()
    finally:
        os.seteuid(0)
        os.setegid(0)


@NEEDS_ROOT
@EACH_WAY
def test_without_the_right_each_owner_is_a_problem_and_all_else_is_done(open_folder: pathlib.Path, go: Any) -> None:
    new, there = grow(open_folder / "new", "a=one b/c=two:600 e/ l->a"), open_folder / "there"
    age(new)
    give(new, **{"b/c": (65534, 65534)})
    for first in (True, False):
        report = as_nobody(lambda: go(new, there, delete=True))
        said = [(problem.path, problem.what) for problem in report.problems]
        why = "its owner could not be set to 0:0: Operation not permitted"
        assert said == [(path, why) for path in (b"", b"a", b"b", b"e", b"l")]
        assert [change.path for change in report.changes] == ([b"", b"a", b"b", b"b/c", b"e", b"l"] if first else [])
        assert harvest(there) == harvest(new)


@NEEDS_ROOT
def test_removals_wait_until_every_owner_can_be_set(open_folder: pathlib.Path) -> None:
    new, there = grow(open_folder / "new", "a=one b=two c=three"), open_folder / "there"
    as_nobody(lambda: here(new, there))
    (new / "b").unlink()
    report = as_nobody(lambda: here(new, there, delete=True))
    assert (there / "b").exists() and report.kept == 1 and "held back" in report.notes[0]
    assert here(new, there, delete=True).removed == 1 and owned(there) == owned(new)


BOTH_WAYS = pytest.mark.parametrize("bring", [sync, far_sync], ids=["here", "over a wire"])


def pair(folder: pathlib.Path) -> "tuple[pathlib.Path, pathlib.Path]":
    return folder / "left", folder / "right"


@NEEDS_ROOT
@BOTH_WAYS
def test_both_ways_owners_go_with_what_is_new_and_with_what_changed(tmp_path: pathlib.Path, bring: Any) -> None:
    left, right = pair(tmp_path)
    age(grow(left, "a=1 b=2 d/e=3 l->a"))
    grow(right, "")
    give(left, a=(11, 12), d=(13, 14), l=(15, 16))
    assert not bring(tmp_path, preserve=OWNERS).problems
    assert {name: ids for name, ids in owned(right).items() if name != "."} == {
        name: ids for name, ids in owned(left).items() if name != "."
    }
    assert not bring(tmp_path, preserve=OWNERS).changed
    give(left, a=(21, 12))
    give(right, **{"d/e": (22, 23), "a": (11, 24)})
    said = bring(tmp_path, preserve=OWNERS, check=True)
    done = bring(tmp_path, preserve=OWNERS)
    for report in (said, done):
        assert [[(c.path, c.reason) for c in side.changes] for side in report.sides] == [
            [(b"a", "owner"), (b"d/e", "owner")],
            [(b"a", "owner")],
        ]
    assert owned(left)["a"] == owned(right)["a"] == (21, 24)
    assert owned(left)["d/e"] == owned(right)["d/e"] == (22, 23)
    assert not bring(tmp_path, preserve=OWNERS).changed


@NEEDS_ROOT
@BOTH_WAYS
def test_both_ways_an_edit_and_a_rename_keep_the_owner(tmp_path: pathlib.Path, bring: Any) -> None:
    left, right = pair(tmp_path)
    age(grow(left, "a=base old=moved-as-it-is"))
    grow(right, "")
    bring(tmp_path, preserve=OWNERS)
    give(left, a=(31, 32), old=(33, 34))
    (left / "old").rename(left / "moved")
    (right / "a").write_text("edited there")
    report = bring(tmp_path, preserve=OWNERS)
    assert not report.problems and sum(side.moved for side in report.sides) == 1
    assert owned(left)["a"] == owned(right)["a"] == (31, 32)
    assert owned(right)["moved"] == (33, 34)
    assert (left / "a").read_text() == "edited there"


@NEEDS_ROOT
@BOTH_WAYS
def test_both_ways_asked_for_later_and_no_more(tmp_path: pathlib.Path, bring: Any) -> None:
    left, right = pair(tmp_path)
    age(grow(left, "a=1 b=2"))
    grow(right, "")
    give(left, a=(11, 0))
    bring(tmp_path)
    assert owned(right)["a"] == (0, 0) and not bring(tmp_path).changed
    bring(tmp_path, preserve=OWNERS)
    assert owned(right)["a"] == owned(left)["a"] == (11, 0)
    give(right, a=(5, 5))
    assert not bring(tmp_path).changed and owned(left)["a"] == (11, 0)


@NEEDS_ROOT
@BOTH_WAYS
def test_both_ways_without_the_right_nothing_is_agreed_on(open_folder: pathlib.Path, bring: Any) -> None:
    left, right = pair(open_folder)
    age(grow(left, "a=1"))
    grow(right, "")
    for folder in (left, right):
        folder.chmod(0o777)
    for _again in range(2):
        report = as_nobody(lambda: bring(open_folder, preserve=OWNERS))
        assert [problem.path for problem in report.problems] == [b"a"]
        assert (right / "a").read_text() == "1"
