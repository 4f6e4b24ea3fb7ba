# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are one name on the other side: the page's tables, and laws."""

from __future__ import annotations

from typing import Dict, Iterable, List, Set

import pytest
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.folding import EVERY, Deed, Folding, fold, in_words, judge_names, left_alone, spellings, unfold
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.mirror_plan import plan_mirror
from copia.core.paths import TreePath, ancestors, path_key, split
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import cases, idle_rows, table, verdict

WAYS = {
    "ascii": Folding.ASCII,
    "case": Folding.CASE,
    "long": Folding.LONG,
    "form": Folding.FORM,
    "case and form": Folding.CASE | Folding.FORM,
}
PAIRS = table("folding.md", "One name")
DONE = table("folding.md", "What is done")
COUNTS = {"none": 0, "one": 1, "several": 2}


def plain(cell: str) -> bytes:
    return cell.encode("ascii").decode("unicode_escape").encode("utf-8")


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: f"{row['one']} {row['other']}")
def test_the_page_says_which_names_are_one(row: Dict[str, str]) -> None:
    for way, folding in WAYS.items():
        one, other = (fold(plain(row[column]), folding) for column in ("one", "other"))
        assert (one == other) is (row[way] == "yes"), way


def test_the_page_says_which_number_is_which_way() -> None:
    ways = {row["way"]: int(row["number"]) for row in table("folding.md", "What folds")}
    assert ways == {way.name.lower(): way.value for way in Folding if way.name and way.value}


@pytest.mark.parametrize("case", cases(**{"other side": tuple(COUNTS), "folding side": tuple(COUNTS)}), ids=str)
def test_the_page_says_what_is_done(case: Dict[str, str]) -> None:
    others, ours = COUNTS[case["other side"]], COUNTS[case["folding side"]]
    assert judge_names(others, ours) is Deed(verdict(DONE, case, "what"))


def test_no_row_of_the_page_is_idle() -> None:
    assert not idle_rows(DONE, cases(**{"other side": tuple(COUNTS), "folding side": tuple(COUNTS)}))


def test_names_that_are_not_utf_8_fold_their_plain_letters_alone() -> None:
    assert fold(b"A\xff", EVERY) == fold(b"a\xff", EVERY) != fold(b"a\xfe", EVERY)
    assert fold(b"A\xff", Folding.FORM) == b"A\xff"


NAMES = st.text("aAbBéÉeEßs\u0301\u1e9eİ", min_size=1, max_size=4).map(str.encode) | st.binary(
    min_size=1, max_size=3
).filter(lambda name: not {0, 47} & {*name} and name not in (b".", b".."))
FOLDINGS = st.integers(0, int(EVERY)).map(Folding)


@given(NAMES, FOLDINGS)
def test_folding_twice_is_folding_once(name: bytes, folding: Folding) -> None:
    assert fold(fold(name, folding), folding) == fold(name, folding)


@given(NAMES, NAMES, FOLDINGS)
def test_more_ways_never_tell_more_names_apart(one: bytes, other: bytes, folding: Folding) -> None:
    if fold(one, folding) == fold(other, folding):
        assert fold(one, EVERY) == fold(other, EVERY)


@given(st.lists(NAMES, min_size=1, max_size=4), FOLDINGS)
def test_names_fold_together_as_each_alone(names: List[bytes], folding: Folding) -> None:
    if all(name == name.decode(errors="replace").encode() for name in names):
        assert fold(b"\0".join(names), folding).split(b"\0") == [fold(name, folding) for name in names]


@given(NAMES)
def test_another_spelling_is_one_name_in_that_way(name: bytes) -> None:
    for way, other in spellings(name).items():
        assert other != name
        assert fold(name, EVERY) == fold(other, EVERY), way


def tree(paths: Iterable[bytes]) -> Manifest:
    """A tree of files, each with the content that its own name is."""
    found: Dict[TreePath, Dict[bytes, Entry]] = {}
    for path in map(TreePath, paths):
        for above in ancestors(path):
            if above:
                parent, name = split(above)
                found.setdefault(parent, {})[name] = Entry(above, Kind.DIRECTORY, 0, 1, 0o755)
        parent, name = split(path)
        found.setdefault(parent, {}).setdefault(name, Entry(path, Kind.FILE, len(path), 1, 0o644))
    blocks = [Block(parent, pack_rows(sorted(entries.items()))) for parent, entries in found.items()]
    return Manifest(ABSENT, tuple(sorted(blocks, key=lambda block: path_key(block.directory))))


def paths_of(manifest: Manifest) -> List[bytes]:
    return [path for path, _presence in manifest]


PATHS = st.lists(st.sampled_from([b"a", b"A", b"b", b"B"]), min_size=1, max_size=3).map(b"/".join)
TREES = st.sets(PATHS, max_size=8).map(
    lambda paths: {p for p in paths if not any(q.startswith(p + b"/") for q in paths)}
)


def folded(paths: Set[bytes]) -> List[bytes]:
    """What a folding side can hold of them: the first of each."""
    found: Dict[bytes, bytes] = {}
    for path in sorted(paths):
        spelled = b""
        for part in path.split(b"/"):
            spelled = found.setdefault(
                (spelled + b"/" + part).lstrip(b"/").lower(), (spelled + b"/" + part).lstrip(b"/")
            )
    return list(found.values())


@given(TREES, TREES)
def test_the_folding_side_is_spelled_like_the_other_or_left_alone(others: Set[bytes], ours: Set[bytes]) -> None:
    other, mine = tree(others), tree(folded(ours))
    answer = unfold(other, mine, Folding.ASCII)
    left = {path for collision in answer.collisions for path in collision}
    assert sorted(path.lower() for path in paths_of(answer.spelled)) == sorted(path.lower() for path in paths_of(mine))
    assert [block.directory for block in answer.spelled.blocks] == sorted(
        (block.directory for block in answer.spelled.blocks), key=path_key
    )
    names = {*paths_of(other), *paths_of(answer.spelled)}
    free = [path for path in names if left.isdisjoint((path, *ancestors(path)))]
    assert len({path.lower() for path in free}) == len(free)


@given(TREES, TREES, st.booleans())
def test_no_plan_touches_two_names_that_are_one(others: Set[bytes], ours: Set[bytes], delete: bool) -> None:
    other, mine = tree(others), tree(folded(ours))
    answer = unfold(other, mine, Folding.ASCII)
    wanted, found = (left_alone(manifest, answer.collisions) for manifest in (other, answer.spelled))
    plan = plan_mirror(wanted, found, delete=delete)
    touched = [step.path for step in (*plan.clearances, *plan.makes, *plan.puts, *plan.removals)]
    both = {path for path in touched if touched.count(path) > 1}
    assert len({path.lower() for path in touched}) == len(touched) - len(both)
    stay = {path for collision in answer.collisions for path in collision}
    assert all(stay.isdisjoint((path, *ancestors(path))) for path in touched)
    holding = {above for path in stay for above in ancestors(path)}
    assert holding.isdisjoint(step.path for step in (*plan.clearances, *plan.removals))


def test_the_same_names_on_both_sides_are_told_apart() -> None:
    both = tree([b"d/README", b"d/Readme"])
    assert unfold(both, both, EVERY).is_plain


def test_a_side_that_lists_both_names_does_not_fold_them() -> None:
    assert unfold(tree([b"README", b"Readme", b"readme"]), tree([b"README", b"Readme"]), EVERY).is_plain


def test_a_collision_says_what_to_do() -> None:
    collision = unfold(tree([b"d/README", b"d/Readme", b"d/x"]), Manifest(ABSENT), EVERY).collisions[0]
    path, what = in_words(collision, "the destination")
    assert path == b"d/README"
    assert what.startswith("and Readme are one name on the destination")
    assert what.endswith("rename all but one")


def test_a_directory_that_is_spelled_otherwise_takes_all_in_it_along() -> None:
    mine = tree([b"Dir/Sub/file", b"Dir/other", b"z"])
    answer = unfold(tree([b"dir/SUB/FILE", b"dir/other"]), mine, Folding.ASCII)
    assert paths_of(answer.spelled) == [b"dir", b"z", b"dir/SUB", b"dir/other", b"dir/SUB/FILE"]
    assert answer.has_spelled and not answer.collisions
