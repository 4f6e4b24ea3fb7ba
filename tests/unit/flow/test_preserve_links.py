# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hard links that are kept: what is one file in the source is one in the destination, and nothing else is."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from copia.core.preserve import Preserve
from copia.core.selection import Rules
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.mirror import mirror
from copia.flow.source import SourceSpec
from copia.flow.target import TargetSpec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.test_kill import ANY, KillAfter, Killed
from tests.lines import pull, push
from tests.links import LINKS, groups, link
from tests.trees import age, grow, harvest


def here(new: pathlib.Path, there: pathlib.Path, *, preserve: Preserve = LINKS, **how: Any) -> Any:
    carry_out = how.pop("carry_out", None)
    source = SourceSpec(os.fsencode(new), name=os.fsencode(there.name), preserve=preserve)
    spec = TargetSpec(os.fsencode(there), preserve=preserve, limit=ANY, **how)
    return mirror(source, spec, carry_out=carry_out)


def afar(go: Callable[..., Any]) -> Callable[..., Any]:
    return lambda new, there, preserve=LINKS, **how: go(new, there, preserve=preserve, limit=ANY, **how)


EACH_WAY = pytest.mark.parametrize("go", [here, afar(push), afar(pull)], ids=["here", "push", "pull"])


@pytest.fixture
def new(tmp_path: pathlib.Path) -> pathlib.Path:
    root = grow(tmp_path / "new", "a=one b/c=two b/d=3 e/ plain=4 big=" + "x" * 200_000)
    link(root, "a", "b/a2", "e/a3")
    link(root, "big", "b/big2")
    age(root)
    return root


def told(report: Any) -> List[Tuple[bytes, str, str]]:
    assert not report.problems
    return [(change.path, change.change, change.reason) for change in report.changes]


@EACH_WAY
def test_what_is_one_file_is_sent_once_and_is_one_file(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = tmp_path / "there"
    said, done = go(new, there, check=True), go(new, there)
    assert told(said) == told(done) and len(done.changes) == 11
    assert done.bytes_literal == 200_000 + len("onetwo34")
    assert groups(there) == groups(new) and harvest(there) == harvest(new)
    assert frozenset({"a", "b/a2", "e/a3"}) in groups(there)
    assert not go(new, there).changed and not go(new, there, check=True).changed


@EACH_WAY
def test_without_the_word_names_are_files_of_their_own(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    go(new, tmp_path / "there", preserve=Preserve())
    assert all(len(names) == 1 for names in groups(tmp_path / "there"))
    report = go(new, tmp_path / "there")
    assert told(report) == [(name, "update", "linked") for name in (b"b/a2", b"b/big2", b"e/a3")]
    assert report.bytes_literal == 0 and groups(tmp_path / "there") == groups(new)
    assert harvest(tmp_path / "there") == harvest(new)
    assert report.changes[0].after == "file 0644 3 bytes, other links"


@EACH_WAY
def test_an_edit_of_one_is_an_edit_of_all(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = tmp_path / "there"
    go(new, there)
    (new / "b/a2").write_text("edited")
    report = go(new, there)
    assert told(report) == [(name, "update", "size") for name in (b"a", b"b/a2", b"e/a3")]
    assert report.bytes_literal == len("edited")
    assert groups(there) == groups(new) and harvest(there) == harvest(new)
    (new / "a").chmod(0o600)
    assert {change.reason for change in go(new, there).changes} == {"mode"}
    assert harvest(there) == harvest(new) and not go(new, there).changed


@EACH_WAY
def test_only_the_time_of_a_linked_file(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    """Nobody knows the content before it is looked at: the other names follow the first."""
    there = tmp_path / "there"
    go(new, there)
    os.utime(new / "a", ns=(10**18, 10**18))
    os.utime(new / "big", ns=(10**18, 10**18))
    for check in (True, False):
        report = go(new, there, check=check)
        assert not report.changed and report.touched >= 5 and not report.problems
    assert groups(there) == groups(new) and harvest(there) == harvest(new)
    (there / "a").write_text("eno")
    (there / "big").write_bytes(b"y" * 200_000)
    said, done = go(new, there, check=True), go(new, there)
    assert (
        told(said)
        == told(done)
        == [(name, "update", "content") for name in (b"a", b"b/a2", b"b/big2", b"big", b"e/a3")]
    )
    assert groups(there) == groups(new) and harvest(there) == harvest(new)


@EACH_WAY
def test_what_was_one_file_and_is_not_is_parted(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = tmp_path / "there"
    go(new, there)
    (new / "b/a2").unlink()
    shutil.copy2(new / "a", new / "b/a2")
    link(there, "plain", "stays")
    said, done = go(new, there, check=True), go(new, there)
    assert told(said) == told(done) == [(b"b/a2", "update", "linked")]
    assert groups(there, {"a", "b/a2", "e/a3"}) == {frozenset({"a", "e/a3"}), frozenset({"b/a2"})}
    assert frozenset({"plain", "stays"}) in groups(there)
    link(there, "a", "plain")
    (there / "b/c").unlink()
    assert [change[0] for change in told(go(new, there, delete=True))] == [b"b/c", b"plain", b"stays"]
    assert groups(there) == groups(new) and harvest(there) == harvest(new) and not go(new, there).changed


@EACH_WAY
def test_a_new_first_name_takes_what_is_there(new: pathlib.Path, tmp_path: pathlib.Path, go: Any) -> None:
    there = tmp_path / "there"
    go(new, there)
    os.link(new / "big", new / "0")
    (new / "big").unlink()
    report = go(new, there, delete=True)
    assert told(report) == [(b"0", "make", "absent"), (b"big", "remove", "extra")] and report.bytes_literal == 0
    assert groups(there) == groups(new) and harvest(there) == harvest(new)


def test_displaced_versions_of_linked_files_are_kept(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    there = tmp_path / "there"
    here(new, there)
    (new / "a").write_text("edited")
    assert not here(new, there, backup=b".old").problems
    assert groups(there, {"a", "b/a2", "e/a3"}) == {frozenset({"a", "b/a2", "e/a3"})}
    for name in ("a", "b/a2", "e/a3"):
        assert (there / ".old" / name).read_text() == "one"
        assert (there / name).read_text() == "edited"


def test_excluded_names_are_nobodys(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    rules = Rules(("e/",))
    there = tmp_path / "there"
    mirror(SourceSpec(os.fsencode(new), rules, preserve=LINKS), TargetSpec(os.fsencode(there), rules, preserve=LINKS))
    assert frozenset({"a", "b/a2"}) in groups(there)


def test_a_first_name_that_has_a_problem_takes_the_others_with_it(new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    there = grow(tmp_path / "there", "")

    def carry_out(operation: op.Operation) -> Any:
        if isinstance(operation, op.MoveNew) and operation.to_name == b"a":
            raise OSError(5, "Input/output error")
        return perform(operation)

    report = here(new, there, carry_out=carry_out)
    assert [problem.path for problem in report.problems] == [b"a", b"b/a2", b"e/a3"]
    assert report.problems[1].what == "is to be one file with a, which has a problem"
    assert not here(new, there).problems and groups(there) == groups(new)


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    def ground() -> None:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        there = grow(tmp_path / "run/there", "a=old b=1 c=1 d=5")
        link(there, "a", "e")
        new = grow(tmp_path / "run/new", "a=new-content b=1 d=5 e=5")
        (new / "n").mkdir()
        link(new, "a", "n/a2")
        link(new, "b", "c")
        age(there, 7200)
        age(new)

    ground()
    new, there = tmp_path / "run/new", tmp_path / "run/there"
    counting = KillAfter(10**9, after=False)
    here(new, there, carry_out=counting)
    assert counting.done > 15 and groups(there) == groups(new)
    for count in range(counting.done):
        ground()
        with pytest.raises(Killed):
            here(new, there, carry_out=KillAfter(count, after=after))
        report = here(new, there)
        assert not report.problems
        assert groups(there) == groups(new) and harvest(there) == harvest(new)


NAMES = ("a", "b", "c", "d/e", "d/f")
SHAPES = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(0, 2), st.integers(0, 2)))
"""By name which file it is, and, of the first name of a file, what is in it."""


def grown(root: pathlib.Path, shape: Dict[str, Tuple[int, int]], time_ns: int) -> None:
    (root / "d").mkdir(parents=True)
    firsts: Dict[int, str] = {}
    for name, (number, content) in sorted(shape.items()):
        if number in firsts:
            link(root, firsts[number], name)
            continue
        firsts[number] = name
        (root / name).write_text(str(content))
        os.utime(root / name, ns=(time_ns * (1 + content), time_ns * (1 + content)))


@pytest.fixture(scope="module")
def ground() -> Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory() as name:
        yield pathlib.Path(name)


@settings(max_examples=150, deadline=None)
@given(SHAPES, SHAPES, st.booleans(), st.booleans(), st.booleans())
def test_law_any_links_become_any_others(
    ground: pathlib.Path,
    source: Dict[str, Tuple[int, int]],
    target: Dict[str, Tuple[int, int]],
    same_times: bool,
    delete: bool,
    is_far: bool,
) -> None:
    new, there = ground / "new", ground / "there"
    for root in (new, there):
        shutil.rmtree(root, ignore_errors=True)
    grown(new, source, 10**17)
    grown(there, target, 10**17 if same_times else 10**17 + 5)
    go: Any = afar(push) if is_far else here
    how = {"delete": delete, "force": True}
    said, done = go(new, there, check=True, **how), go(new, there, **how)
    assert told(said) == told(done)
    assert groups(there, set(source)) == groups(new)
    assert {name: (there / name).read_text() for name in source} == {name: (new / name).read_text() for name in source}
    for name in set(target) - set(source):
        assert (there / name).exists() is not delete
    again = go(new, there, **how)
    assert not again.changed and not again.touched and not again.problems
