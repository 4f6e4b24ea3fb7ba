# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to packed listings is what the same done to their entries would be, for any of them."""

from __future__ import annotations

from typing import Dict, List

from copia.core.entries import ABSENT, Entry, Kind, Presence
from copia.core.manifest import Block, Rows, pack_rows, unpack_rows
from copia.core.paths import ROOT, TreePath
from copia.core.repack import NO_ROWS, as_news, with_changes, with_news
from hypothesis import given
from hypothesis import strategies as st

from tests.calls import calls_of

NAMES = st.sampled_from([b"a", b"b", b"c", b"c.conflict-0123456789abcdef", b"d", b"e"])


def an_entry(kind: Kind, number: int, extras: bytes = b"") -> Entry:
    """One of a few entries of a kind."""
    path = TreePath(b"")
    if kind is Kind.FILE:
        return Entry(path, kind, number, 5, 0o644, bytes([number]) * 32, extras=extras)
    if kind is Kind.LINK:
        return Entry(path, kind, 0, 5, 0o777, None, b"to %d" % number)
    return Entry(path, kind, 0, number, 0o755, extras=extras)


KINDS = st.sampled_from([Kind.FILE, Kind.FILE, Kind.DIRECTORY, Kind.LINK])
EXTRAS = st.sampled_from([b""] * 4 + [b"one", b"other"])
ENTRIES = st.builds(an_entry, KINDS, st.integers(0, 2), EXTRAS)
DIRECTORIES = st.dictionaries(NAMES, ENTRIES, max_size=6)


def packed(entries: Dict[bytes, Entry]) -> Rows:
    """A directory that holds them."""
    return pack_rows(sorted((name, entry._replace(path=TreePath(name))) for name, entry in entries.items()))


def undigested(rows: Rows) -> Rows:
    """The same as a scan gives it."""
    return rows._replace(digests=b"")


@given(DIRECTORIES, st.dictionaries(NAMES, st.one_of(st.just(ABSENT), ENTRIES), max_size=4), st.booleans())
def test_changing_rows_is_changing_entries(
    before: Dict[bytes, Entry], changes: "dict[bytes, Presence]", digested: bool
) -> None:
    rows = packed(before) if digested else undigested(packed(before))
    after = dict(unpack_rows(rows))
    for name, what in changes.items():
        after.pop(TreePath(name), None)
        if isinstance(what, Entry):
            after[TreePath(name)] = what
    assert with_changes(rows, changes) == pack_rows(sorted(after.items()))


def test_a_directory_can_be_made_and_emptied() -> None:
    made = with_changes(NO_ROWS, {b"a": an_entry(Kind.FILE, 1)})
    assert made == packed({b"a": an_entry(Kind.FILE, 1)})
    assert with_changes(made, {b"a": ABSENT, b"b": ABSENT}) == NO_ROWS


def test_news_take_over_what_they_do_not_name() -> None:
    """Of 1,000 files one is news: the others are not unpacked for it."""
    files = {b"%04d" % number: an_entry(Kind.FILE, 1) for number in range(1000)}
    found: List[Block] = []
    news = as_news([(TreePath(b"0500"), an_entry(Kind.FILE, 2))])
    once = calls_of("unpack_rows", lambda: list(news[0].entries()))
    tree = [Block(ROOT, packed(files))]
    assert calls_of("unpack_rows", lambda: found.extend(with_news(tree, news))) == once
    assert found[0].packed == packed({**files, b"0500": an_entry(Kind.FILE, 2)})
