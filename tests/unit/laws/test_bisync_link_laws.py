# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever two users do to hard links: what is one file on either side and ends equal is one on both."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from typing import Any, Dict, FrozenSet, Iterator, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lines import far_sync
from tests.links import LINKS, both, groups, link, rests, told
from tests.pairs import sync
from tests.trees import contents, harvest

NAMES = ("a", "b", "c", "d/e", "d/f")
TEXTS = st.sampled_from(("0", "1", "22"))
NAME, SIDE = st.sampled_from(NAMES), st.sampled_from(("left", "right"))
EDITS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("write", "replace")), SIDE, NAME, TEXTS),
        st.tuples(st.sampled_from(("link", "rename")), SIDE, NAME, NAME),
        st.tuples(st.just("chmod"), SIDE, NAME, st.sampled_from(("600", "640"))),
        st.tuples(st.sampled_from(("unlink", "part", "touch")), SIDE, NAME, st.just("")),
    ),
    max_size=9,
)
Edit = Tuple[str, str, str, str]


def edit(folder: pathlib.Path, step: Edit, time_ns: int) -> None:
    """One thing that a user does to a tree."""
    what, side, name, more = step
    path, other = folder / side / name, folder / side / (more or "x")
    if what == "replace":
        path.unlink(missing_ok=True)
    if what in ("write", "replace"):
        path.write_text(more)
        os.utime(path, ns=(time_ns, time_ns))
    elif not path.exists() or path == other:
        return
    elif what == "link":
        link(folder / side, name, more)
    elif what == "rename":
        other.unlink(missing_ok=True)
        path.rename(other)
    elif what == "chmod":
        path.chmod(int(more, 8))
    elif what == "unlink":
        path.unlink()
    elif what == "part":
        shutil.copy2(path, other)
        other.rename(path)
    else:
        os.utime(path, ns=(time_ns, time_ns))


def expected(folder: pathlib.Path, before: Dict[str, Any]) -> FrozenSet[FrozenSet[str]]:
    """The files that there should be: joined where a side kept its content under two names of one file."""
    is_now = {os.fsdecode(path): what for path, what in harvest(folder / "left").items() if what[0] == "file"}
    found = {name: {name} for name in is_now}
    for was, linked in before.values():
        for names in linked:
            kept = [name for name in names if name in is_now and is_now[name][1] == was[os.fsencode(name)][1]]
            joined = set().union(*(found[name] for name in kept)) if kept else set()
            for name in joined:
                found[name] = joined
    return frozenset(
        frozenset(other for other in names if is_now[other][2] == is_now[name][2]) for name, names in found.items()
    )


@pytest.fixture(scope="module")
def ground() -> Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory() as name:
        yield pathlib.Path(name)


@settings(max_examples=150, deadline=None)
@given(EDITS, EDITS, st.booleans())
def test_law_equal_names_of_one_file_are_one_on_both_sides(
    ground: pathlib.Path, first: List[Edit], second: List[Edit], is_far: bool
) -> None:
    bring: Any = far_sync if is_far else sync
    one, other = ground / "one", ground / "other"
    for root in (one, other):
        shutil.rmtree(root, ignore_errors=True)
        for side in ("left", "right"):
            (root / side / "d").mkdir(parents=True)
            os.utime(root / side / "d", ns=(10**17, 10**17))
    swapped = {"left": "right", "right": "left"}
    owed: Dict[str, Any] = {}
    for times, edits in enumerate((first, second), 1):
        for number, (what, side, name, more) in enumerate(edits):
            edit(one, (what, side, name, more), 10**17 * times + number * 10**9)
            edit(other, (what, swapped[side], name, more), 10**17 * times + number * 10**9)
        before = {side: (harvest(one / side), groups(one / side)) for side in swapped}
        said, done = bring(one, preserve=LINKS, check=True), bring(one, preserve=LINKS)
        assert told(said) == told(done) and said.conflicts == done.conflicts
        assert both(one) == expected(one, before)
        for was, _linked in before.values():
            texts = {
                what[1] for path, what in was.items() if what[0] == "file" and owed.get(os.fsdecode(path)) != what[1]
            }
            assert texts <= set(contents(one / "left").values())
        owed = {os.fsdecode(path): text for path, text in contents(one / "left").items()}
        assert rests(one, bring)
        bring(other, preserve=LINKS)
        assert both(other) == both(one)
        assert {path: what[:3] for path, what in harvest(one / "left").items()} == {
            path: what[:3] for path, what in harvest(other / "left").items()
        }
