# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some entries of a packed directory are what unpacking all of them gives at those places."""

from __future__ import annotations

from typing import List

from copia.core.entries import ABSENT, Entry, Kind, Presence, Unknown
from copia.core.extras import pack_extras
from copia.core.manifest import Block, pack_rows, unequal_rows
from copia.core.paths import TreePath
from hypothesis import given
from hypothesis import strategies as st

DIRECTORY = TreePath(b"d")


def entry(kind: Kind, number: int, extras: bytes = b"") -> Entry:
    target = b"to-%d" % number if kind is Kind.LINK else b""
    size = number if kind is Kind.FILE else 0
    return Entry(TreePath(b"-"), kind, size, number, 0o644, None, target, extras=extras)


EXTRAS = st.sampled_from([b"", b"", *(pack_extras({b"user.x": value}) for value in (b"", b"1", b"2"))])
ENTRIES = st.builds(entry, st.sampled_from(Kind), st.integers(0, 2), EXTRAS)
PRESENCES = st.one_of(ENTRIES, ENTRIES, ENTRIES, st.just(Unknown("could not be read")))


def block(presences: List[Presence]) -> Block:
    return Block(DIRECTORY, pack_rows([(b"%03d" % number, what) for number, what in enumerate(presences)]))


@given(st.data(), st.lists(PRESENCES, max_size=8), st.booleans())
def test_some_of_a_block_are_those_of_the_whole(data: st.DataObject, presences: List[Presence], digested: bool) -> None:
    if digested:
        presences = [
            what._replace(digest=bytes([at]) * 32) if isinstance(what, Entry) and what.kind is Kind.FILE else what
            for at, what in enumerate(presences)
        ]
    whole = block(presences)
    places = sorted(data.draw(st.sets(st.integers(0, len(presences) - 1)))) if presences else []
    everything = list(whole.entries())
    assert list(whole.only(places).entries()) == [everything[place] for place in places]


@given(st.lists(st.tuples(PRESENCES, PRESENCES, st.booleans()), max_size=6))
def test_what_is_not_unequal_is_equal(pairs: "List[tuple[Presence, Presence, bool]]") -> None:
    left = block([one for one, _other, _same in pairs])
    right = block([one if same else other for one, other, same in pairs])
    unequal = unequal_rows(left.packed, right.packed)
    everywhere = [at for at, (one, other) in enumerate(zip(left.entries(), right.entries())) if one != other]
    assert unequal is None or unequal == everywhere


def test_other_names_kinds_and_link_texts_are_for_somebody_else() -> None:
    one = pack_rows([(b"a", entry(Kind.FILE, 1))])
    for other in ((b"b", entry(Kind.FILE, 1)), (b"a", entry(Kind.LINK, 1)), (b"a", ABSENT)):
        assert unequal_rows(one, pack_rows([other])) is None
    links = [pack_rows([(b"a", entry(Kind.LINK, 0)._replace(target=text))]) for text in (b"x", b"y")]
    assert unequal_rows(*links) is None
    assert unequal_rows(one, pack_rows([(b"a", entry(Kind.FILE, 2))])) == [0]
