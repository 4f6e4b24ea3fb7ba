# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of a two-way sync with hard links, carried out on a model: any names, contents, permissions and times."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Tuple

from copia.core.bisync_plan import Reconciliation, Rulebook, reconcile
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.moves import arrivals
from copia.core.pair_links import with_linked, with_pair_links
from copia.core.paths import ROOT, TreePath
from copia.core.reconcile import compare, to_read
from copia.core.steps import MirrorPlan, PutFile
from copia.core.verdicts import Where
from copia.values import dataclass, replace
from hypothesis import given, settings
from hypothesis import strategies as st


@dataclass
class File:
    """A file, whichever names it has."""

    text: bytes
    mode: int
    time: int

    def entry(self, path: TreePath) -> Entry:
        return Entry(path, Kind.FILE, len(self.text), self.time, self.mode)

    def take(self, wanted: Entry) -> None:
        self.mode, self.time = wanted.mode, wanted.mtime_ns


Tree = Dict[TreePath, File]


def digest(text: bytes) -> bytes:
    return text.ljust(32, b"\0")


def manifest(tree: Tree, *, is_base: bool = False) -> Manifest:
    firsts: Dict[int, TreePath] = {}
    links = []
    for path in sorted(tree):
        first = firsts.setdefault(id(tree[path]), path)
        links.extend([] if first == path or is_base else [(path, first)])
    rows = [(path, tree[path].entry(path)) for path in sorted(tree)]
    if is_base:
        rows = [(path, entry._replace(digest=digest(tree[path].text))) for path, entry in rows]
    return Manifest(ABSENT, (Block(ROOT, pack_rows(rows)),) if rows else (), links=tuple(links))


def planned(
    left: Tree,
    right: Tree,
    base: "Manifest | None",
    rules: Rulebook = Rulebook(),  # noqa: B008
) -> Tuple[Reconciliation, int]:
    """The plan, and how many files were read for it."""
    found = compare(manifest(left), manifest(right), base)
    wanted = [[*some, *more] for some, more in zip(to_read(found), arrivals(found))]
    texts = ({path: digest(file.text) for path, file in tree.items()} for tree in (left, right))
    digests = [{entry.path: known[entry.path] for entry in each} for known, each in zip(texts, wanted)]
    return with_pair_links(reconcile(found, *digests, rules), found), sum(map(len, wanted))


def carry_out(tree: Tree, plan: MirrorPlan, source: Tree, at: Dict[TreePath, TreePath]) -> Dict[TreePath, bytes]:
    """What is done to a tree, in the order of ``disk/apply.py``; the digests of what was carried."""
    carried = {}
    for move in plan.moves:
        tree[move.path] = tree.pop(move.expected.path)
        tree[move.path].take(move.wanted)
    staged = {}
    for put in plan.puts:
        assert isinstance(put, PutFile)
        found, wanted = source[at.get(put.path, put.path)], put.wanted
        assert (len(found.text), found.time) == (wanted.size, wanted.mtime_ns), "changed while it was read"
        staged[put.path] = File(found.text, wanted.mode, wanted.mtime_ns)
        carried[put.path] = digest(found.text)
    tree.update(staged)
    for settle in plan.settles:
        tree[settle.path].take(settle.wanted)
    for link in plan.links:
        first, wanted = tree[link.first], link.wanted
        assert (len(first.text), first.time, first.mode) == (wanted.size, wanted.mtime_ns, wanted.mode)
        assert wanted.digest in (None, digest(first.text)) and link.path != link.first
        tree[link.path] = first
    for removal in plan.removals:
        del tree[removal.path]
    return carried


def run(left: Tree, right: Tree, plan: Reconciliation) -> Manifest:
    """Carry out a plan; what is agreed on then."""
    sides, carried = (left, right), {}
    for where in Where:
        carry_out(sides[where], plan.copies[where], sides[where], plan.saves[where])
    for where in Where:
        carried.update(carry_out(sides[where], plan.plans[where], sides[where.other], {}))
    for path, digested in with_linked(carried, plan).items():
        assert digested == digest(left[path].text)
    for path, what in plan.agreed.items():
        assert isinstance(what, Entry) is (path in left)
        if isinstance(what, Entry):
            assert what._replace(digest=None) == left[path].entry(path)
            assert (what.digest or with_linked(carried, plan)[path]) == digest(left[path].text)
    return manifest(left, is_base=True)


def groups(tree: Tree) -> FrozenSet[FrozenSet[TreePath]]:
    found: Dict[int, List[TreePath]] = {}
    for path, file in tree.items():
        found.setdefault(id(file), []).append(path)
    return frozenset(map(frozenset, found.values()))


def plain(tree: Tree) -> Dict[TreePath, Tuple[bytes, int, int]]:
    return {path: (file.text, file.mode, file.time) for path, file in tree.items()}


def copied(tree: Tree) -> Tree:
    files = {id(file): replace(file) for file in tree.values()}
    return {path: files[id(file)] for path, file in tree.items()}


def expected(before: Tuple[Tree, Tree], after: Tree) -> FrozenSet[FrozenSet[TreePath]]:
    """Joined: what is one file on a side that keeps its content under both names, if both end with the same mode."""
    joined = {path: {path} for path in after}
    for tree in before:
        for names in groups(tree):
            kept = [path for path in names if path in after and after[path].text == tree[path].text]
            united = set().union(*(joined[path] for path in kept)) if kept else set()
            joined.update((path, united) for path in united)
    return frozenset(
        frozenset(other for other in names if after[other].mode == after[path].mode) for path, names in joined.items()
    )


NAMES = tuple(TreePath(name) for name in (b"a", b"b", b"c", b"d", b"e"))
FILES = st.lists(
    st.builds(
        File, st.sampled_from((b"1", b"2", b"33")), st.sampled_from((0o600, 0o644)), st.sampled_from((10, 20, 30))
    ),
    min_size=3,
    max_size=3,
)
"""Three files of a tree."""


EDITS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(("rename", "link", "put", "write", "chmod", "remove")),
        *[st.sampled_from(NAMES)] * 2,
    ),
    max_size=5,
)


def edit(tree: Tree, what: str, path: TreePath, other: TreePath, number: int) -> None:
    """One thing that a user does to a tree."""
    file = tree.get(path)
    if what == "put":
        tree[path] = File(b"new %d" % (number % 2), 0o644, 100 + number)
    elif file is None:
        return
    elif what == "write":
        file.text, file.time = b"edit %d" % number, 100 + number
    elif what == "chmod":
        file.mode = 0o640
    elif what == "remove":
        del tree[path]
    else:
        tree[other] = tree[path]
        if what == "rename" and path != other:
            del tree[path]


@st.composite
def trees(draw: st.DrawFn) -> Tuple[Tree, Tree, "Tree | None"]:
    """Left, right, and what they agreed on."""
    files = [draw(FILES) for _side in range(3)]
    files[1:] = [[replace(file) for file in files[0]] if draw(st.booleans()) else side for side in files[1:]]
    for file in (file for side in files for file in side):  # size and time say which content it is
        file.time += {b"1": 0, b"2": 1, b"33": 2}[file.text]
    places = [draw(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2))) for _side in range(3)]
    places[1:] = [places[0] if draw(st.booleans()) else side for side in places[1:]]
    left, right, base = ({name: side[number] for name, number in place.items()} for side, place in zip(files, places))
    if not draw(st.booleans()):
        return left, right, base if draw(st.booleans()) else None
    sides = (copied(base), copied(base))
    for number, (side, *words) in enumerate(draw(EDITS)):
        edit(sides[side], *words, number)
    return (*sides, base)


def tree(**files: File) -> Tree:
    return {TreePath(name.encode()): file for name, file in files.items()}


def law(given: "Tuple[Tree, Tree, Tree | None]") -> None:
    """Names are joined, and nothing else is: on both sides the same, at once, and whichever side is called left."""
    left, right, agreed = given
    base = None if agreed is None else manifest(agreed, is_base=True)
    swapped = (copied(right), copied(left))
    before = (copied(left), copied(right))
    plan, _read = planned(left, right, base)
    recorded = run(left, right, plan)
    assert plain(left) == plain(right) and groups(left) == groups(right)
    assert groups(left) == expected(before, left)
    again, read = planned(left, right, recorded)
    assert again.is_empty and not read and not again.conflicts
    alone, _read = planned(left, right, None)
    assert alone.is_empty and not alone.conflicts
    other, _read = planned(*swapped, base)
    run(*swapped, other)
    assert plain(swapped[0]) == plain(left) and groups(swapped[0]) == groups(left)
    assert [plan.links for plan in other.plans] == [plan.links for plan in reversed(plan.plans)]


@settings(max_examples=600, deadline=None)
@given(trees())
def test_law_names_are_joined_and_nothing_else_is(given: "Tuple[Tree, Tree, Tree | None]") -> None:
    law(given)


def test_the_time_of_names_that_are_joined_is_the_latest() -> None:
    one = File(b"1", 0o644, 10)
    left, right = tree(a=one, b=one), tree(a=File(b"1", 0o644, 15), b=File(b"1", 0o644, 20))
    law((left, right, None))
    assert {file.time for file in (*left.values(), *right.values())} == {20}


def test_the_first_name_keeps_the_file() -> None:
    one, own = File(b"1", 0o644, 10), File(b"1", 0o600, 10)
    left, right = tree(a=one, b=one, c=one), tree(a=own, b=replace(one), c=replace(one))
    plan, _read = planned(left, right, None)
    assert [step.path for step in plan.copies[0].puts] == [b"b"] and not plan.copies[1].puts
    assert [[(step.path, step.first) for step in plan.links] for plan in plan.plans] == [[(b"c", b"b")]] * 2
    law((left, right, None))
    assert groups(left) == {frozenset({b"a"}), frozenset({b"b", b"c"})} and left[TreePath(b"a")] is one


def test_a_rename_takes_no_file_from_its_other_names() -> None:
    """Under the new name the other side has a file of its own: what is moved would still be one with the old name."""
    one, ours = File(b"1", 0o644, 10), File(b"1", 0o644, 10)
    left, right = tree(a=one, c=one), tree(c=ours, n=replace(ours))
    law((left, right, tree(a=one, c=one)))
    assert len(groups(left)) == 2


def test_what_is_carried_is_the_latest_of_names_that_others_join() -> None:
    early, late, there = File(b"1", 0o644, 10), File(b"1", 0o644, 20), File(b"1", 0o600, 5)
    for sides in ((0, 1), (1, 0)):
        both = (tree(a=early, b=late, c=early, d=late), tree(c=there, d=there))
        law((copied(both[sides[0]]), copied(both[sides[1]]), None))


def test_a_name_that_is_left_alone_joins_nothing() -> None:
    """Its conflict can't be settled; the other name of the file goes over as a file of its own."""
    was, ours = File(b"1", 0o644, 10), File(b"22", 0o644, 20)
    left, right = tree(a=ours, b=ours), tree(a=File(b"333", 0o644, 30), b=replace(was))
    plan, _read = planned(left, right, manifest(tree(a=was, b=was), is_base=True), Rulebook(max_conflicts=0))
    assert [path for path, _what in plan.problems] == [b"a"] and not any(plan.links for plan in plan.plans)
    run(left, right, plan)
    assert [side[TreePath(b"a")].text for side in (left, right)] == [b"22", b"333"]
    assert [side[TreePath(b"b")].text for side in (left, right)] == [b"22", b"22"]


def test_a_file_that_was_changed_while_it_was_listed_counts_as_several() -> None:
    """The old name's content is not the new one's, though both are one file: it goes over by itself."""
    was, new = File(b"1", 0o644, 10), File(b"2", 0o644, 20)
    ours = replace(manifest(tree(a=was, b=new)), links=((TreePath(b"b"), TreePath(b"a")),), _index={})
    base, theirs = manifest(tree(a=was, b=was), is_base=True), manifest(tree(a=was, b=was))
    for left, right in ((ours, theirs), (theirs, ours)):
        found = compare(left, right, base)
        digests: List[Dict[TreePath, bytes]] = [{}, {}]
        digests[left is theirs] = {TreePath(b"b"): digest(b"2")}
        plan = with_pair_links(reconcile(found, *digests, Rulebook()), found)
        assert [step.path for step in plan.plans[left is ours].puts] == [b"b"] and plan.agreed.keys() == {b"b"}
        assert not any(plan.links for plan in plan.plans) and not any(plan.puts for plan in plan.copies)


def test_names_that_are_vouched_for_with_different_contents_join_nothing() -> None:
    """Nobody sees that one was linked in the place of another of the same size and time; no content is guessed."""
    one, other = File(b"1", 0o644, 10), File(b"2", 0o644, 10)
    base = manifest(tree(a=one, b=other), is_base=True)
    left, right = tree(a=one, b=one, x=one), tree(a=replace(one), b=replace(other))
    plan, _read = planned(left, right, base)
    assert not any(plan.links for plan in plan.plans) and plan.agreed.keys() == {b"x"}


@settings(max_examples=300, deadline=None)
@given(trees())
def test_law_joining_decides_no_content(given: "Tuple[Tree, Tree, Tree | None]") -> None:
    """The contents of both trees are those that they would have with files of their own."""
    left, right, agreed = given
    base = None if agreed is None else manifest(agreed, is_base=True)
    apart = tuple({path: replace(file) for path, file in tree.items()} for tree in (left, right))
    for trees in ((left, right), apart):
        run(*trees, planned(*trees, base)[0])
    for joined, own in zip((left, right), apart):
        assert {path: file.text for path, file in joined.items()} == {path: file.text for path, file in own.items()}
        assert {path: file.mode for path, file in joined.items()} == {path: file.mode for path, file in own.items()}
