# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees that are lined up as they come give what they give as a whole, portion by portion, in bounded memory."""

from __future__ import annotations

import tracemalloc
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

import pytest
from copia.core.entries import ABSENT, Entry, Kind, Presence
from copia.core.lineup import WHOLE, Lineup, Portion, lined_up
from copia.core.manifest import Block, Manifest, align, pack_rows
from copia.core.paths import ROOT, TreePath, path_key, split
from copia.core.reconcile import Case, compare
from copia.core.repack import as_news, news_between, with_news
from copia.core.seen import Seen
from hypothesis import given, settings
from hypothesis import strategies as st

Paths = Dict[bytes, str]
DEPTH = st.lists(st.sampled_from([b"a", b"a-b", b"b", b"B"]), min_size=1, max_size=3).map(b"/".join)
TREES = st.dictionaries(DEPTH, st.sampled_from("1234ld"), max_size=8)
NOBODY = (Seen(), Seen())


def entry(path: bytes, word: str) -> Entry:
    """A directory, a link, or a file of some version."""
    if word == "d":
        return Entry(TreePath(path), Kind.DIRECTORY, 0, 5, 0o755)
    if word == "x":
        return Entry(TreePath(path), Kind.DIRECTORY, 0, 5, 0o500)
    if word == "l":
        return Entry(TreePath(path), Kind.LINK, 0, 5, 0o777, target=b"x")
    return Entry(TreePath(path), Kind.FILE, int(word), int(word), 0o644)


def blocks(words: Paths) -> List[Block]:
    """A tree; what something is below is a directory."""
    found = dict(words)
    for path in words:
        while b"/" in path:
            path = split(path)[0]
            found[path] = found[path] if found.get(path) == "x" else "d"
    rows: List[Tuple[TreePath, Presence]] = [(TreePath(path), entry(path, word)) for path, word in found.items()]
    return as_news(rows)


def manifest(found: Iterable[Block]) -> Manifest:
    return Manifest(ABSENT, tuple(found))


def portions(left: Paths, right: Paths, base: Optional[Paths], most: int) -> List[Portion]:
    """Those of a run in which everything was agreed on as the left side has it."""
    lineup = Lineup((blocks(left), blocks(right), blocks(base or {})), NOBODY, most=most)
    found = []
    for portion in lineup.portions():
        found.append(portion)
        lineup.agree({block.directory: block for block in portion.left.blocks})
    return found


def cases_of(portion: Portion, *, is_new: bool) -> Dict[TreePath, Case]:
    return compare(*portion[:3], is_new=is_new, above=portion.above).cases


@given(st.lists(TREES, min_size=1, max_size=3))
def test_law_trees_that_come_are_lined_up_like_trees_that_are_there(words: List[Paths]) -> None:
    trees = [blocks(each) for each in words]
    assert list(lined_up(*map(iter, trees))) == list(align(*map(manifest, trees)))


@given(TREES, TREES, TREES)
def test_law_with_a_base_there_is_one_portion_and_nothing_in_it_is_missing(
    left: Paths, right: Paths, base: Paths
) -> None:
    (portion,) = portions(left, right, base, WHOLE)
    whole = compare(*(manifest(blocks(words)) for words in (left, right, base)))
    assert cases_of(portion, is_new=False) == whole.cases
    assert not portion.above


@given(TREES)
def test_law_what_is_equal_in_all_three_is_let_go_of(words: Paths) -> None:
    (portion,) = portions(words, words, words, WHOLE)
    assert not (portion.left.blocks or portion.right.blocks or portion.base.blocks)


@settings(max_examples=300)
@given(TREES, TREES, st.integers(1, 6))
def test_law_without_a_base_every_path_is_in_one_portion_as_in_the_whole(left: Paths, right: Paths, most: int) -> None:
    whole = compare(manifest(blocks(left)), manifest(blocks(right)), None).cases
    found: Dict[TreePath, Case] = {}
    for portion in portions(left, right, None, most):
        cases = cases_of(portion, is_new=True)
        assert not set(found) & set(cases)
        found.update(cases)
    assert found == whole
    assert list(map(path_key, map(parent_of, found))) == sorted(map(path_key, map(parent_of, whole)))


def parent_of(path: TreePath) -> TreePath:
    return split(path)[0]


@settings(max_examples=300)
@given(TREES, TREES)
def test_law_no_cut_parts_what_depends_on_each_other(left: Paths, right: Paths) -> None:
    """What is above a later portion is a directory or nothing, on both sides; no name above it has a twin."""
    trees = [manifest(blocks(left)), manifest(blocks(right))]
    sides = [dict(tree) for tree in trees]
    for portion in portions(left, right, None, 1)[1:]:
        firsts = [path for path in cases_of(portion, is_new=True) if parent_of(path) not in portion.above]
        for path in firsts[:1]:
            for above in ancestors_of(path):
                for side in sides:
                    assert above not in side or _is_directory(side[above])
        assert portion.above == set(ancestors_of(firsts[0])[1:]) | {ROOT} if firsts else not portion.left.blocks


def ancestors_of(path: TreePath) -> List[TreePath]:
    """The directories that a path is in, without the root, the deepest first."""
    found: List[TreePath] = []
    while parent_of(path):
        path = parent_of(path)
        found.append(path)
    return found


def test_a_directory_that_was_made_is_above_a_later_portion_as_it_was_made() -> None:
    first, *_others, last = portions({b"d/e/x": "1", b"d/y": "2"}, {}, None, 1)
    assert not first.above and last.above == {ROOT, TreePath(b"d")}
    for tree in (last.left, last.right, last.base):
        block = tree.block(b"d")
        assert block is not None and block.find(b"e") == entry(b"d/e", "d")


def test_what_a_file_is_set_against_stays_together() -> None:
    """A directory on one side, a file on the other: what becomes of both depends on all that is in it."""
    found = portions({b"a/b/c": "1", b"a/d": "1", b"z/y": "1"}, {b"a": "2"}, None, 1)
    assert [len(cases_of(portion, is_new=True)) for portion in found] == [2 + 3, 1]


@pytest.mark.parametrize("closed_on", [0, 1])
def test_a_directory_that_closes_behind_its_owner_stays_together(closed_on: int) -> None:
    """Once it has that mode on both sides, who is no administrator cannot look into it any more."""
    trees = [{b"a/b/c": "1", b"a/d": "1", b"z/y": "1"}, {b"a": "d", b"z": "d"}]
    trees[closed_on][b"a"] = "x"
    found = portions(trees[0], trees[1], None, 1)
    assert [len(cases_of(portion, is_new=True)) for portion in found] == [2 + 3, 1]


def test_behind_names_that_may_be_one_nothing_is_cut() -> None:
    apart = {b"c/x": "1", b"d/x": "1", b"e/x": "1"}
    assert len(portions(apart, {}, None, 1)) == 4
    assert len(portions({**apart, b"C": "1"}, {}, None, 1)) == 1
    assert len(portions(apart, {b"D": "1"}, None, 1)) == 1


def test_a_directory_that_cannot_be_listed_stays_with_what_is_below_it_on_the_other_side() -> None:
    seen = Seen(unlisted=[TreePath(b"b")])
    lineup = Lineup(
        (blocks({b"a/x": "1", b"b": "d"}), blocks({b"b/c/x": "1", b"d/x": "2"}), ()), (seen, Seen()), most=1
    )
    found = [{b.directory for b in portion.right.blocks} - portion.above for portion in lineup.portions()]
    assert {TreePath(b"b"), TreePath(b"b/c")} <= found[-2] and found[-1] == {TreePath(b"d")}


def many(directories: int) -> Iterator[Block]:
    """Directories of twenty files, fifty in each of those above them; each is made when it is asked for."""
    files = pack_rows([(b"f%02d" % number, entry(b"f", "1")) for number in range(20)])
    yield Block(ROOT, pack_rows([(b"d%04d" % number, entry(b"d", "d")) for number in range(directories // 50)]))
    for upper in range(directories // 50):
        names = [b"e%02d" % number for number in range(50)]
        yield Block(TreePath(b"d%04d" % upper), pack_rows([(name, entry(name, "d")) for name in names]))
        for name in names:
            yield Block(TreePath(b"d%04d/%s" % (upper, name)), files._replace(rows=b"".join([files.rows, b""])))


def peak_of(directories: int, *, equal: bool) -> int:
    """The largest memory while that many directories are lined up, in bytes."""
    trees = (many(directories), many(directories) if equal else (), many(directories) if equal else ())
    lineup = Lineup(trees, NOBODY, most=WHOLE if equal else 1000)
    tracemalloc.start()
    try:
        for portion in lineup.portions():
            lineup.agree({block.directory: block for block in portion.left.blocks})
            del portion
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("equal", [True, False])
def test_memory_does_not_grow_with_the_tree(equal: bool) -> None:
    few, many_more = peak_of(500, equal=equal), peak_of(5000, equal=equal)
    assert many_more < 2 * few


@given(TREES, TREES)
def test_law_the_news_between_two_trees_make_one_of_the_other(before: Paths, after: Paths) -> None:
    was, now = blocks(before), blocks(after)
    news = [news_between(one, other) for _path, (one, other) in lined_up(was, now)]
    assert list(with_news(was, [block for block in news if block])) == now
    assert all(block and block.packed.rows for block in news if block)


@given(TREES, st.dictionaries(DEPTH, st.sampled_from(["1", "2", "d", ""]), max_size=4))
def test_law_news_are_said_of_paths_one_by_one(words: Paths, said: Paths) -> None:
    rows = [(TreePath(path), entry(path, word) if word else ABSENT) for path, word in said.items()]
    after = {path: what for path, what in manifest(blocks(words)) if path not in said}
    after.update((path, what) for path, what in rows if isinstance(what, Entry))
    reached = {path for path in after if all(_is_directory(after.get(above)) for above in ancestors_of(path))}
    found = dict(manifest(with_news(blocks(words), as_news(rows))))
    assert found == {path: after[path] for path in reached}


def _is_directory(what: Optional[Presence]) -> bool:
    return isinstance(what, Entry) and what.kind is Kind.DIRECTORY
