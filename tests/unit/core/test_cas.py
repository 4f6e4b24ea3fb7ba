# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of the hub are the tables of docs/spec/cas.md and docs/spec/rights.md, and no mutant of them is."""

from __future__ import annotations

import itertools
from typing import Callable, Tuple

import pytest
from copia.core.cas import Decision, Fate, Likeness, decide, judge_offer, judge_stale, likeness
from copia.core.entries import ABSENT, Entry, Kind, Presence, Unknown
from copia.core.errors import InputError
from copia.core.paths import TreePath
from copia.core.rights import (
    ALL_RIGHTS,
    READ_ONLY,
    Permission,
    Place,
    Request,
    Rights,
    judge_request,
    may,
    parse_rights,
    place_of,
    request_of,
)

from tests.mutants import Kernel, survivors
from tests.tables import YES_NO, cases, idle_rows, table, verdict


def values(members: object) -> "tuple[str, ...]":
    return tuple(member.value for member in members)  # type: ignore[attr-defined]


OFFERS = cases(expected=values(Likeness), wanted=values(Likeness))
STALE = cases(**{"has content": YES_NO, "is kept": YES_NO, "has room": YES_NO})
REQUESTS = cases(request=values(Request), place=values(Place), **dict.fromkeys(Rights._fields, YES_NO))


def offers_agree(kernel: Kernel) -> bool:
    rows = table("cas.md", "An offer")
    return all(
        kernel(Likeness(case["expected"]), Likeness(case["wanted"])) is Decision(verdict(rows, case, "decision"))
        for case in OFFERS
    )


def stale_agree(kernel: Kernel) -> bool:
    rows = table("cas.md", "The content of a stale offer")
    return all(
        kernel(*(word == "yes" for word in case.values())) is Fate(verdict(rows, case, "fate")) for case in STALE
    )


def requests_agree(kernel: Kernel) -> bool:
    rows = table("rights.md", "A request")
    return all(
        kernel(Request(case["request"]), Place(case["place"]), *(case[right] == "yes" for right in Rights._fields))
        is Permission(verdict(rows, case, "permission"))
        for case in REQUESTS
    )


KERNELS = [(judge_offer, offers_agree), (judge_stale, stale_agree), (judge_request, requests_agree)]


@pytest.mark.parametrize(("kernel", "agrees"), KERNELS, ids=[kernel.__name__ for kernel, _agrees in KERNELS])
def test_a_kernel_is_its_table_and_no_mutant_of_it_is(kernel: Kernel, agrees: Callable[[Kernel], bool]) -> None:
    assert not survivors(kernel, agrees)


def test_every_row_of_the_pages_decides_something() -> None:
    assert not idle_rows(table("cas.md", "An offer"), OFFERS)
    assert not idle_rows(table("cas.md", "The content of a stale offer"), STALE)
    assert not idle_rows(table("rights.md", "A request"), REQUESTS)


def file(text: str, *, time: int = 5, mode: int = 0o644) -> Entry:
    return Entry(TreePath(b"a"), Kind.FILE, len(text), time, mode, text.encode().ljust(32, b"."))


def link(text: str, *, time: int = 5) -> Entry:
    return Entry(TreePath(b"a"), Kind.LINK, 0, time, 0o777, target=text.encode())


FOLDER = Entry(TreePath(b"a"), Kind.DIRECTORY, 0, 5, 0o755)
DISTINCT: Tuple[Presence, ...] = (ABSENT, file("one"), file("two"), link("one"), link("two"), FOLDER)


def test_distinct_versions_are_other_and_each_is_equal_to_itself() -> None:
    for one, two in itertools.product(DISTINCT, DISTINCT):
        assert likeness(one, two) is (Likeness.EQUAL if one is two else Likeness.OTHER)
        assert likeness(one, Unknown("no")) is likeness(Unknown("no"), two) is Likeness.UNKNOWN


def test_permissions_and_times_are_no_content() -> None:
    assert likeness(file("one"), file("one", time=6)) is Likeness.CONTENT
    assert likeness(file("one"), file("one", mode=0o600)) is Likeness.CONTENT
    assert likeness(FOLDER, FOLDER._replace(mode=0o700)) is Likeness.CONTENT
    assert likeness(link("one"), link("one", time=6)) is Likeness.EQUAL


def test_a_file_without_a_digest_is_equal_to_none() -> None:
    unread = file("one")._replace(digest=None)
    assert likeness(unread, unread) is Likeness.OTHER


def test_of_two_clients_that_expect_the_same_only_one_commits() -> None:
    for base, mine, theirs in itertools.product(DISTINCT, DISTINCT, DISTINCT):
        if len({base, mine, theirs}) == 3:
            assert decide(base, base, mine) is Decision.COMMIT
            assert decide(mine, base, theirs) is Decision.STALE


def test_what_is_offered_again_is_already_there() -> None:
    for base, mine in itertools.product(DISTINCT, DISTINCT):
        assert decide(mine, base, mine) is Decision.ALREADY


@pytest.mark.parametrize(
    ("path", "prefix", "place"),
    [
        (b"", b"", Place.INSIDE),
        (b"a", b"", Place.INSIDE),
        (b"a", b"a", Place.INSIDE),
        (b"a/b", b"a", Place.INSIDE),
        (b"ab", b"a", Place.OUTSIDE),
        (b"ab/c", b"a", Place.OUTSIDE),
        (b"a", b"ab", Place.OUTSIDE),
        (b"", b"a/b", Place.ABOVE),
        (b"a", b"a/b", Place.ABOVE),
        (b"a/bc", b"a/b", Place.OUTSIDE),
        (b"A", b"a", Place.OUTSIDE),
    ],
)
def test_a_prefix_is_compared_part_by_part(path: bytes, prefix: bytes, place: Place) -> None:
    assert place_of(path, prefix) is place


def test_what_an_offer_asks_for() -> None:
    assert request_of(ABSENT, file("one")) is Request.ADD
    assert request_of(file("one"), file("two")) is Request.WRITE
    assert request_of(file("one"), ABSENT) is request_of(ABSENT, ABSENT) is Request.DELETE


def test_rights_are_words() -> None:
    assert parse_rights("all") == ALL_RIGHTS == parse_rights("read, add,write,delete")
    assert parse_rights("read") == READ_ONLY
    assert may(READ_ONLY, Request.READ, TreePath(b"a"), b"")
    assert not may(READ_ONLY, Request.ADD, TreePath(b"a"), b"")
    for text in ("", "Read", "read,execute", "read add"):
        with pytest.raises(InputError):
            parse_rights(text)
