# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are at rest are not unpacked, neither when two sides are compared with the base nor when the next is made;
what comes out is what going through all of them would give.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from copia.core.bisync_plan import Reconciliation
from copia.core.entries import ABSENT, Entry, Kind, Presence
from copia.core.extras import pack_extras
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.next_base import next_base
from copia.core.paths import ROOT, TreePath, split
from copia.core.reconcile import Comparison, compare
from copia.core.steps import MirrorPlan
from hypothesis import given, settings
from hypothesis import strategies as st

COPY = b"b.conflict-host-0123456789abcdef"
NAMES = [b"a", b"b", COPY, b"c"]
NOTHING = MirrorPlan()


def entry(name: bytes, kind: Kind, number: int, digested: bool, extras: bytes = b"") -> Entry:
    digest = bytes([number]) * 32 if digested and kind is Kind.FILE else None
    target = b"to-%d" % number if kind is Kind.LINK else b""
    return Entry(TreePath(name), kind, 0, number, 0o644, digest, target, extras=extras)


EXTRAS = st.sampled_from([b"", b"", b"", pack_extras({b"user.x": b"1"})])


def trees(digested: bool, kinds: "tuple[Kind, ...]") -> st.SearchStrategy[Dict[bytes, Entry]]:
    drawn = st.fixed_dictionaries(
        {},
        optional={
            name: st.builds(entry, st.just(name), st.sampled_from(kinds), st.integers(0, 1), st.just(digested), EXTRAS)
            for name in NAMES
        },
    )
    return drawn.map(lambda tree: dict(sorted(tree.items())))


HELD = (Kind.FILE, Kind.FILE, Kind.FILE, Kind.LINK, Kind.DIRECTORY)


def manifest(tree: Dict[bytes, Entry]) -> Manifest:
    return Manifest(ABSENT, (Block(ROOT, pack_rows(list(tree.items()))),) if tree else ())


@settings(max_examples=1000)
@given(
    trees(True, HELD),
    st.lists(
        st.builds(entry, st.sampled_from(NAMES), st.sampled_from(HELD), st.integers(2, 3), st.booleans(), EXTRAS),
        max_size=3,
    ),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
)
def test_law_the_next_base_is_the_base_with_what_was_done(
    before: Dict[bytes, Entry], done: List[Entry], gone: "set[bytes]", failed: "set[bytes]"
) -> None:
    agreed: Dict[TreePath, Presence] = {what.path: what for what in done}
    agreed.update((TreePath(name), ABSENT) for name in gone if name not in agreed)
    digests = {TreePath(b"a"): b"\7" * 32}
    expected = dict(before)
    for path, what in agreed.items():
        if isinstance(what, Entry) and what.kind is Kind.FILE and what.digest is None and path in digests:
            what = what._replace(digest=digests[path])
        if path in failed or (isinstance(what, Entry) and what.kind is Kind.FILE and what.digest is None):
            continue
        expected.pop(path, None)
        expected.update({path: what} if isinstance(what, Entry) else {})
    found = Comparison(manifest({}), manifest({}), manifest(before), True, False)
    plan = Reconciliation((NOTHING, NOTHING), (NOTHING, NOTHING), ({}, {}), agreed, (), ())
    base = next_base(found, plan, set(map(TreePath, failed)), digests)
    assert base == manifest(dict(sorted(expected.items())))


def bare(what: Optional[Entry]) -> Optional[Entry]:
    return what._replace(digest=None) if what else None


EDITS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["touch", "remove", "special"]), max_size=2)


def edited(tree: Dict[bytes, Entry], edits: Dict[bytes, str]) -> Dict[bytes, Entry]:
    found = {name: what._replace(digest=None) for name, what in tree.items()}
    for name, edit in edits.items():
        if edit == "remove":
            found.pop(name, None)
        elif name in found:
            found[name] = found[name]._replace(mtime_ns=9) if edit == "touch" else entry(name, Kind.SPECIAL, 9, False)
    return found


@given(trees(True, HELD), EDITS, EDITS)
def test_law_what_is_equal_in_all_three_is_no_case(
    base: Dict[bytes, Entry], here: Dict[bytes, str], there: Dict[bytes, str]
) -> None:
    left, right = edited(base, here), edited(base, there)
    found = compare(manifest(left), manifest(right), manifest(base))
    differ = {n for n in NAMES if not left.get(n) == right.get(n) == bare(base.get(n))}
    is_odd = {n for n in NAMES if n in left and left[n].kind is Kind.SPECIAL}
    copies = {COPY} & set(left) if differ | is_odd else set()
    assert set(found.cases) == differ | is_odd | copies
    assert all(split(path)[0] == ROOT and case.path == path for path, case in found.cases.items())
