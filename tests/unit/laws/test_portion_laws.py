# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In how many portions two trees are brought together makes no difference: not to the trees, not to what is agreed."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from typing import Any, Dict, Tuple

from copia.core.verdicts import Policy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import sync
from tests.trees import Found, age, grow, harvest

PATHS = st.lists(st.sampled_from(["a", "b", "c", "a-b"]), min_size=1, max_size=3).map("/".join)
WHATS = st.sampled_from(["=1", "=22", "=22:600", "/", "/:700", "/:500", "->x"])
TREES = st.dictionaries(PATHS, WHATS, max_size=7)
POLICIES = st.sampled_from([Policy.KEEP_BOTH, Policy.KEEP_BOTH, Policy.NEWEST, Policy.PREFER_RIGHT])


def plant(root: pathlib.Path, words: Dict[str, str]) -> None:
    """Make a tree, without what is below something that is no directory."""
    files = {path for path, what in words.items() if not what.startswith("/")}
    above = {path: {path[:at] for at, sign in enumerate(path) if sign == "/"} for path in words}
    kept = [path + words[path] for path in sorted(words) if not above[path] & files]
    root.mkdir()
    grow(root, " ".join(kept))
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(10**18 + number, 10**18 + number), follow_symlinks=False)


def brought(left: Dict[str, str], right: Dict[str, str], portion: int, **how: Any) -> Tuple[Found, Found, Any]:
    """Both trees after a run in portions of that many entries, and what it and an idle one after it said."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="copia-portions-"))
    try:
        plant(folder / "left", left)
        plant(folder / "right", right)
        first = sync(folder, portion=portion, **how)
        again = sync(folder, portion=portion, **how)
        said = [
            (report.conflicts, report.problems, report.applied, report.scanned, report.hashed, report.epoch)
            for report in (first, again)
        ]
        changes = [[(change.path, change.change) for change in side.changes] for side in first.sides]
        assert not again.changed
        return harvest(folder / "left"), harvest(folder / "right"), (said, changes)
    finally:
        shutil.rmtree(folder)


@settings(max_examples=150, deadline=None)
@given(TREES, TREES, st.integers(1, 4), POLICIES)
def test_law_portions_make_no_difference(
    left: Dict[str, str], right: Dict[str, str], portion: int, policy: Policy
) -> None:
    assert brought(left, right, portion, policy=policy) == brought(left, right, 1000, policy=policy)


def test_a_run_in_portions_that_dies_is_taken_up_by_the_next(tmp_path: pathlib.Path) -> None:
    """What the first portions brought together is found alike: it is neither a conflict nor done again."""
    age(grow(tmp_path / "left", " ".join(f"d{number}/f={number}" for number in range(9))))
    (tmp_path / "right").mkdir()
    for number in range(5):
        shutil.copytree(tmp_path / f"left/d{number}", tmp_path / f"right/d{number}")
    report = sync(tmp_path, portion=1)
    assert not report.conflicts and [side.made for side in report.sides] == [0, 8]
    assert harvest(tmp_path / "left") == harvest(tmp_path / "right")


def test_of_many_changes_the_first_are_listed_and_all_are_counted(tmp_path: pathlib.Path) -> None:
    from copia.core.report import Report

    report = Report()
    age(grow(tmp_path / "left", " ".join(f"d{number}/f={number}" for number in range(9))))
    (tmp_path / "right").mkdir()
    report.absorb(sync(tmp_path).sides[1])
    assert (report.changes_total, report.transfers, report.unlisted) == (18, 9, 0)
    report.trim(4)
    assert (len(report.changes), report.changes_total, report.transfers, report.unlisted) == (4, 18, 9, 14)
    report.trim(4)
    assert report.changed and report.changes_total == 18
