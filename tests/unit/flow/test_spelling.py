# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two trees of which one folds names, beside what they last agreed on."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from copia.core.bisync_plan import Rulebook, reconcile
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.folding import Folding
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.paths import TreePath, path_key, split
from copia.core.reconcile import compare
from copia.core.verdicts import Where
from copia.flow.sides import Folds
from copia.flow.spelling import spelled_alike


class Folder(Folds):
    """A side as far as it folds names."""

    def __init__(self, folding: Optional[Folding]) -> None:
        self.found, self.name, self.asked = folding, "there", 0

    def folding(self, *, may_write: bool) -> Folding:
        assert self.found is not None and may_write
        self.asked += 1
        return self.found


def tree(words: str) -> Manifest:
    """``path=content`` for files, ``path/`` for directories; parents are listed too."""
    found: Dict[TreePath, Dict[bytes, Entry]] = {}
    for word in words.split():
        raw, _equals, content = word.partition("=")
        path = TreePath(raw.rstrip("/").encode())
        parent, name = split(path)
        is_file = not raw.endswith("/")
        digest = content.encode().ljust(32, b".") if is_file else None
        kind = Kind.FILE if is_file else Kind.DIRECTORY
        found.setdefault(parent, {})[name] = Entry(path, kind, 1 if is_file else 0, len(content), 0o644, digest)
    blocks = [Block(parent, pack_rows(sorted(entries.items()))) for parent, entries in found.items()]
    return Manifest(ABSENT, tuple(sorted(blocks, key=lambda block: path_key(block.directory))))


def planned(left: str, right: str, base: str, folds: Folding = Folding.CASE) -> Any:
    sides: Any = (Folder(Folding.NONE), Folder(folds))
    trees, problems = spelled_alike(sides, (tree(left), tree(right), tree(base)), may_write=True)
    plan = reconcile(compare(*trees), {}, {}, Rulebook())
    return plan, problems


def steps(plan: Any, side: Where) -> Dict[bytes, str]:
    mine = plan.plans[side]
    done = {step.path: "put" for step in (*mine.makes, *mine.puts)}
    done.update((step.path, "move") for step in mine.moves)
    done.update((step.path, "remove") for step in (*mine.removals, *mine.clearances))
    return done


BASE = "Dir/ Dir/File=1 Dir/other=2"
RENAMED = "DIR/ DIR/FILE=1 DIR/other=2"


@pytest.mark.parametrize(
    ("left", "right", "to_left", "to_right"),
    [
        (RENAMED, BASE, {}, {}),
        (BASE, RENAMED, {}, {}),
        (RENAMED, "Dir/ Dir/File=edited Dir/other=2", {b"DIR/FILE": "put"}, {}),
        ("DIR/ DIR/FILE=edited DIR/other=2", BASE, {}, {b"DIR/FILE": "put"}),
        (RENAMED, "Dir/ Dir/other=2", {b"DIR/FILE": "remove"}, {}),
        ("DIR/ DIR/other=2", BASE, {}, {b"DIR/File": "remove"}),
    ],
    ids=["renamed", "renamed there", "edited there", "edited here", "removed there", "removed here"],
)
def test_a_rename_by_case_alone_is_none(left: str, right: str, to_left: Any, to_right: Any) -> None:
    plan, problems = planned(left, right, BASE)
    assert not problems and not plan.conflicts
    assert (steps(plan, Where.LEFT), steps(plan, Where.RIGHT)) == (to_left, to_right)


@pytest.mark.parametrize("base", ["", "a=1 b=2"], ids=["at first", "later"])
def test_names_that_are_one_are_left_alone_with_all_in_them(base: str) -> None:
    plan, problems = planned("a=1 A=2 d/ d/x=1 D/ D/x=2 b=2", "a=1 b=edited", base)
    assert [(problem.path, problem.what.split(",")[0]) for problem in problems] == [
        (b"A", "and a are one name on there"),
        (b"D", "and d are one name on there"),
    ]
    assert plan.agreed.keys() == {b"b"} or base == ""
    for side in Where:
        assert not {path[:1].lower() for path in steps(plan, side)} & {b"a", b"d"}


def test_nobody_is_asked_while_names_are_told_apart_anyhow() -> None:
    sides: Any = (Folder(None), Folder(None))
    trees = (tree("a=1 B=2"), tree("a=1 c=3"), tree("a=1"))
    assert spelled_alike(sides, trees, may_write=True) == (trees, [])


def test_sides_that_do_not_fold_keep_their_names() -> None:
    sides: Any = (Folder(Folding.NONE), Folder(Folding.NONE))
    trees = (tree("a=1 A=2 x=3"), tree("X=3"), None)
    assert spelled_alike(sides, trees, may_write=True) == (trees, [])
    assert [side.asked for side in sides] == [1, 1]


def test_where_both_fold_the_left_spelling_counts() -> None:
    sides: Any = (Folder(Folding.CASE), Folder(Folding.CASE))
    (left, right, _base), problems = spelled_alike(sides, (tree("Name=1"), tree("NAME=1"), None), may_write=True)
    assert not problems
    assert [path for path, _what in right] == [path for path, _what in left] == [b"Name"]
