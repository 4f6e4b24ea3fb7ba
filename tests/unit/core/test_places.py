# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places for displaced versions, as names."""

from __future__ import annotations

from itertools import islice

import pytest
from copia.core.backup import below_root, free_names, lies_within, parse_place, place_of_side, sparing, without
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.errors import InputError
from copia.core.manifest import Block, Manifest, pack_rows
from copia.core.paths import TreePath, split
from copia.core.selection import Rules, selector
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b".old", b".old"),
        (b"./x/y/", b"x/y"),
        (b"././x", b"x"),
        (b"/srv/old//", b"/srv/old"),
        (b"x/.copia", b"x/.copia"),
    ],
)
def test_a_place_is_absolute_or_below_the_root(raw: bytes, place: bytes) -> None:
    assert parse_place(raw) == place
    assert below_root(place) == (b"" if raw[:1] == b"/" else place)
    assert place_of_side(place, "left") == (place + b"/left" if raw[:1] == b"/" else place)


@pytest.mark.parametrize(
    "raw", [b"", b".", b"./", b"..", b"a/../b", b"a//b", b".copia", b".COPIA/x", b"/", b"a\0b", b"/a\0b"]
)
def test_what_can_be_no_place_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError, match="backup_dir is"):
        parse_place(raw)


@given(st.text(min_size=1, max_size=300).map(str.encode))
def test_free_names_are_many_short_and_whole(name: bytes) -> None:
    name = name.replace(b"/", b"").replace(b"\0", b"")[:255] or b"x"
    name = name.decode(errors="ignore").encode() or b"x"
    names = list(islice(free_names(name), 120))
    assert len(set(names)) == 120 and names[0] == name
    assert all(len(other) <= 255 and other.decode() for other in names)


@pytest.mark.parametrize(
    ("one", "other", "within"),
    [(b"/a", b"/a", True), (b"/a", b"/a/b", True), (b"/a/b", b"/a", True), (b"/a", b"/ab", False), (b"/", b"/a", True)],
)
def test_places_within_each_other(one: bytes, other: bytes, within: bool) -> None:
    assert lies_within(one, other) is within is lies_within(other, one)


def tree(*paths: bytes) -> Manifest:
    found: "dict[TreePath, list[tuple[bytes, Entry]]]" = {}
    for path in map(TreePath, paths):
        kind = Kind.DIRECTORY if any(other.startswith(path + b"/") for other in paths) else Kind.FILE
        found.setdefault(split(path)[0], []).append((split(path)[1], Entry(path, kind, 0, 0, 0)))
    return Manifest(ABSENT, tuple(Block(parent, pack_rows(rows)) for parent, rows in found.items()))


def test_a_place_is_taken_out_of_a_tree_with_all_below_it() -> None:
    whole = tree(b"a", b"old", b"oldest", b"old/x", b"old/x/y", b"oldest/z")
    assert [path for path, _what in without(whole, TreePath(b"old"))] == [b"a", b"oldest", b"oldest/z"]
    assert [path for path, _what in without(whole, TreePath(b"oldest/z"))][-1] == b"old/x/y"
    assert without(whole, TreePath(b"a/none")) is whole


def test_a_scan_does_not_see_the_place_whatever_the_rules_say() -> None:
    rules = selector(Rules(("*.tmp",), ("old",)))
    spared = sparing(b"old", rules)
    assert spared is not None and spared.excludes(b"old", True) and spared.excludes(b"x.tmp", False)
    assert not spared.excludes(b"older", True) and not spared.excludes(b"x/old", True)
    assert sparing(b"/old", rules) is rules and sparing(b"", None) is None
