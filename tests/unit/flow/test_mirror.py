# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mirror does on real trees, told one behaviour at a time."""

from __future__ import annotations

import os
import pathlib
import pwd
import stat

import pytest
from copia.core.brakes import Limit
from copia.core.errors import Braked, Busy, InputError
from copia.core.report import Report
from copia.core.selection import Rules
from copia.disk.root import lock_root, open_source
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec

from tests.trees import age, contents, grow, harvest

NOTHING_LEFT_OUT = Rules()


def go(
    new: pathlib.Path, there: pathlib.Path, *, rules: Rules = NOTHING_LEFT_OUT, checksum: bool = False, **how: object
) -> Report:
    source = SourceSpec(os.fsencode(new), rules, checksum, name=os.fsencode(there.name))
    return mirror(source, TargetSpec(os.fsencode(there), rules, checksum, **how))  # type: ignore[arg-type]


@pytest.fixture
def new(tmp_path: pathlib.Path) -> pathlib.Path:
    root = grow(tmp_path / "new", "a=one b/c=two b/d=three:600 e/ l->a")
    age(root)
    return root


@pytest.fixture
def there(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "there"


def test_deploy_again_drift_and_deploy(new: pathlib.Path, there: pathlib.Path) -> None:
    assert go(new, there).made == 7
    assert not go(new, there).changed
    (there / "a").write_text("drifted")
    (there / "b" / "c").unlink()
    (there / "b" / "d").chmod(0o666)
    (there / "extra").write_text("x")
    report = go(new, there, delete=True)
    assert (report.made, report.updated, report.removed) == (1, 2, 1)
    assert [(change.path, change.reason) for change in report.changes] == [
        (b"a", "size"),
        (b"b/c", "absent"),
        (b"b/d", "mode"),
        (b"extra", "extra"),
    ]
    assert harvest(there) == harvest(new)


def test_a_time_alone_is_put_right_and_is_no_change(new: pathlib.Path, there: pathlib.Path) -> None:
    go(new, there)
    os.utime(there / "a", ns=(5, 5))
    report = go(new, there)
    assert not report.changed and report.touched == 1
    assert (there / "a").stat().st_mtime_ns == (new / "a").stat().st_mtime_ns


def test_same_size_and_time_is_only_seen_by_checksum(new: pathlib.Path, there: pathlib.Path) -> None:
    go(new, there)
    when = (there / "a").stat().st_mtime_ns
    (there / "a").write_text("TWO")
    os.utime(there / "a", ns=(when, when))
    assert not go(new, there).changed
    report = go(new, there, checksum=True)
    assert [(change.path, change.reason) for change in report.changes] == [(b"a", "content")]
    assert contents(there) == contents(new)


def test_a_file_written_just_now_is_read_when_its_time_stamp_can_be_believed(tmp_path: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "a=1")
    go(source, tmp_path / "there")
    before = (source / "a").stat().st_mtime_ns
    (source / "a").write_text("2")
    assert (source / "a").stat().st_mtime_ns != before


def test_what_is_excluded_is_neither_sent_nor_removed(new: pathlib.Path, there: pathlib.Path) -> None:
    grow(new, "skip.log=1 b/skip.log=2")
    grow(there, "own.log=3 old/own.log=4 old/gone=5 really/old=6")
    report = go(new, there, rules=Rules(("*.log",)), delete=True, limit=Limit(100, True))
    assert not report.problems
    assert {b"own.log", b"old/own.log"} <= set(harvest(there))
    assert not {b"skip.log", b"b/skip.log", b"old/gone", b"really", b"really/old"} & set(harvest(there))
    assert not go(new, there, rules=Rules(("*.log",)), delete=True).changed


def test_too_many_removals_stop_before_anything_is_touched(new: pathlib.Path, there: pathlib.Path) -> None:
    before = harvest(grow(there, "x=1 y=2 z=3"))
    for limit in (Limit(50, True), Limit(2, False)):
        with pytest.raises(Braked, match="too_many_removals: 3 of 3"):
            go(new, there, delete=True, limit=limit)
    assert harvest(there) == before
    assert go(new, there, delete=True, force=True).removed == 3


def test_an_emptied_source_never_empties_the_destination(tmp_path: pathlib.Path, there: pathlib.Path) -> None:
    before = harvest(grow(there, "x=1"))
    with pytest.raises(Braked, match="source_emptied"):
        go(grow(tmp_path / "empty", ""), there, delete=True, limit=Limit(100, True))
    assert harvest(there) == before


def test_a_missing_source_and_a_destination_of_another_kind_are_named(new: pathlib.Path, there: pathlib.Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        go(new / "nothing", there)
    grow(there.parent, "file=1")
    with pytest.raises(InputError, match="is not a directory"):
        go(new, there.parent / "file")
    with pytest.raises(InputError, match="name the file itself"):
        go(new / "a", grow(there, "x=1"))
    with pytest.raises(InputError, match="lie within each other"):
        go(new, new / "b")
    with pytest.raises(InputError, match="an account of this host"):
        go(new, there, owner="nobody-of-that-name")


def test_a_single_file_is_put_under_its_own_name(new: pathlib.Path, there: pathlib.Path) -> None:
    grow(there, "sibling=stays")
    assert go(new / "a", there / "renamed").made == 1
    assert not go(new / "a", there / "renamed", delete=True).changed
    assert contents(there) == {b"renamed": b"one", b"sibling": b"stays"}


def test_a_directory_with_content_makes_way_only_for_delete(tmp_path: pathlib.Path, there: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "x=file y=1 z=2 w=3")
    age(source)
    grow(there, "x/inside=1 y=1 z=2 w=3")
    report = go(source, there)
    assert [problem.path for problem in report.problems] == [b"x"]
    assert contents(there)[b"x/inside"] == b"1"
    assert not go(source, there, delete=True).problems
    assert contents(there)[b"x"] == b"file"


@pytest.mark.parametrize("others", range(0, 40, 3))
def test_a_directory_takes_the_place_of_a_file_among_any_number_of_others(
    others: int, tmp_path: pathlib.Path, there: pathlib.Path
) -> None:
    files = " ".join(f"f{number}=new" for number in range(others))
    source = grow(tmp_path / "new", f"x/y/a=1 x/b=2 {files}")
    grow(there, "x=file " + files.replace("new", "old"))
    assert not go(source, there).problems
    assert harvest(there) == harvest(source)


def test_special_bits_of_the_source_are_not_taken_over(new: pathlib.Path, there: pathlib.Path) -> None:
    (new / "a").chmod(0o4755)
    go(new, there)
    assert stat.S_IMODE((there / "a").stat().st_mode) == 0o755
    assert not go(new, there).changed


def test_pipes_are_skipped_and_nothing_below_a_skipped_name_is_touched(new: pathlib.Path, there: pathlib.Path) -> None:
    os.mkfifo(new / "pipe")
    grow(there, "pipe/inside=1")
    report = go(new, there, delete=True, force=True)
    assert report.skipped == 1 and not report.problems
    assert contents(there)[b"pipe/inside"] == b"1"


def test_a_large_file_travels_in_parts_of_memory_and_names_survive(tmp_path: pathlib.Path, there: pathlib.Path) -> None:
    source = grow(tmp_path / "new", "")
    (source / "big").write_bytes(os.urandom(3_000_000))
    for name in (b"new\nline", b"\xff\xfe", b"-rf", b"y" * 255):
        with open(os.path.join(os.fsencode(source), name), "wb") as stream:
            stream.write(name)
    age(source)
    go(source, there)
    assert harvest(there) == harvest(source)


def test_a_second_run_at_the_same_destination_says_busy(new: pathlib.Path, there: pathlib.Path) -> None:
    there.mkdir()
    held = open_source(os.fsencode(there))
    lock_root(held, os.fsencode(there), patience=0)
    with pytest.raises(Busy, match="another run"):
        go(new, there, patience=0)
    os.close(held)
    assert go(new, there, patience=0).changed


def as_nobody(new: pathlib.Path, there: pathlib.Path, **how: object) -> str:
    """What a run says as an account without rights (as oneself where the tests have none)."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        said = "the run did not come to an end"
        try:
            if not os.geteuid():
                who = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(who.pw_gid)
                os.setuid(who.pw_uid)
            report = go(new, there, delete=True, **how)
            said = f"{[(problem.path, problem.what) for problem in report.problems]} {report.removed} {report.notes}"
        finally:
            os.write(theirs, said.encode())
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def owned(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder that the account without rights can work in; all that a run imports late is imported by then."""
    go(grow(tmp_path / "warm", "a=1"), grow(tmp_path / "up", "a=2 b=1"), delete=True, checksum=True)
    if not os.geteuid():
        who = pwd.getpwnam("nobody")
        for folder in (tmp_path, *list(tmp_path.parents)[:2]):
            folder.chmod(0o755)
        os.chown(tmp_path, who.pw_uid, who.pw_gid)
    return tmp_path


def give_away(root: pathlib.Path) -> pathlib.Path:
    if not os.geteuid():
        who = pwd.getpwnam("nobody")
        for path in (root, *root.rglob("*")):
            os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)
    return root


def test_an_unreadable_file_is_a_problem_and_holds_removals_back(owned: pathlib.Path) -> None:
    new = give_away(grow(owned / "new", "a=1 secret=2:000 closed/x=3"))
    (new / "closed").chmod(0)
    there = give_away(grow(owned / "there", "a=0 secret=old closed/x=old extra=4"))
    said = as_nobody(new, there)
    assert "(b'secret', 'cannot be read: Permission denied')" in said
    assert "(b'closed', 'cannot be listed: Permission denied')" in said
    (new / "closed").chmod(0o755)
    assert contents(there) == {b"a": b"1", b"secret": b"old", b"closed/x": b"old", b"extra": b"4"}


def test_a_read_only_directory_of_ones_own_can_be_worked_in_and_is_read_only_again(owned: pathlib.Path) -> None:
    new = grow(owned / "new", "d/a=1 d/b=2")
    there = grow(owned / "there", "d/a=old d/c=3")
    for root in (new, there):
        give_away(root)
        (root / "d").chmod(0o555)
    assert as_nobody(new, there, force=True).startswith("[] 1 ")
    assert contents(there) == {b"d/a": b"1", b"d/b": b"2"}
    assert stat.S_IMODE((there / "d").stat().st_mode) == 0o555
