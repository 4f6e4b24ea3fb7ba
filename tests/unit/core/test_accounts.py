# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of one host become those of another: in packed rows as in entries, and nothing else of them changes."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest
from copia.core.accounts import Ids, in_manifest, in_plan, used_in, used_in_plan
from copia.core.entries import ABSENT, NOT_RECORDED, Entry, Kind
from copia.core.errors import InputError
from copia.core.extras import DEFAULT, pack_extras
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.mirror_plan import plan_mirror
from copia.core.paths import ROOT, TreePath
from copia.core.preserve import NOTHING_MORE, WORDS, Preserve, parse_preserve
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.sampled_from([0, 1, 7, 1000, 65534, NOT_RECORDED])
OWNERS = st.tuples(NUMBERS, NUMBERS)
ACL = pack_extras({DEFAULT: bytes.fromhex("01000700ffffffff02000700070000000800060007000000")})
TABLES = st.dictionaries(st.sampled_from([1, 7, 1000]), st.sampled_from([0, 2, 7, 1001]))


def tree(owners: List[Tuple[int, int]], top: Tuple[int, int]) -> Manifest:
    """Every second entry has an ACL that names a user and a group 7."""
    names = [b"%03d" % at for at in range(len(owners))]
    entries = [
        (name, Entry(TreePath(name), Kind.FILE, at, at, 0o640, None, b"", *owners[at], ACL if at % 2 else b""))
        for at, name in enumerate(names)
    ]
    blocks = (Block(ROOT, pack_rows(entries)),) if entries else ()
    return Manifest(Entry(ROOT, Kind.DIRECTORY, 0, 5, 0o755, None, b"", *top), blocks)


@given(st.lists(OWNERS, max_size=5), OWNERS, TABLES, TABLES)
def test_rows_become_what_entries_become(
    owners: List[Tuple[int, int]], top: Tuple[int, int], users: Dict[int, int], groups: Dict[int, int]
) -> None:
    ids, before = Ids(users, groups), tree(owners, top)
    after = in_manifest(before, ids)
    assert list(after) == [(path, ids.presence(entry)) for path, entry in before]
    assert after.root == ids.presence(before.root)


@given(st.lists(OWNERS, max_size=5), OWNERS)
def test_what_is_used_is_what_somebody_recorded(owners: List[Tuple[int, int]], top: Tuple[int, int]) -> None:
    users, groups = used_in(tree(owners, top))
    pairs = [*owners, top, *([(7, 7)] if len(owners) > 1 else [])]
    assert users == {uid for uid, _gid in pairs} - {NOT_RECORDED}
    assert groups == {gid for _uid, gid in pairs} - {NOT_RECORDED}


@given(st.lists(OWNERS, min_size=1, max_size=5), OWNERS, TABLES, TABLES)
def test_a_plan_is_that_of_the_trees_with_the_other_ids(
    owners: List[Tuple[int, int]], top: Tuple[int, int], users: Dict[int, int], groups: Dict[int, int]
) -> None:
    ids, source = Ids(users, groups), tree(owners, top)
    plan = plan_mirror(source, Manifest(ABSENT))
    assert in_plan(plan, ids) == plan_mirror(in_manifest(source, ids), Manifest(ABSENT))
    assert used_in_plan(plan) == used_in(source)


@pytest.mark.parametrize("words", [[], ["owner"], ["group", "xattrs"], list(WORDS)])
def test_words_are_what_is_kept(words: List[str]) -> None:
    assert parse_preserve(words).words == words
    assert parse_preserve([*words, *words]).is_any is bool(words)


def test_another_word_is_refused() -> None:
    with pytest.raises(InputError, match="preserve has 'all': expected some of owner, group, acls, xattrs, hard_links"):
        parse_preserve(["all"])


def test_what_is_forced_is_not_kept() -> None:
    everything = Preserve(owner=True, group=True, acls=True)
    assert everything.without(owner=True, group=False) == Preserve(group=True, acls=True)
    assert everything.without(owner=True, group=True) == Preserve(acls=True) != NOTHING_MORE
