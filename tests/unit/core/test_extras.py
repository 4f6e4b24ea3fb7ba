# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The string of an entry's attributes: canonical, whole or refused, and an ACL without what the mode says."""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple

import pytest
from copia.core.errors import RemoteProtocolError
from copia.core.extras import (
    ACCESS,
    CAPABILITY,
    DEFAULT,
    acl_for_kernel,
    acl_of_kernel,
    cut_extras,
    ids_in,
    join_extras,
    merge_extras,
    names_in,
    pack_extras,
    unpack_extras,
    with_ids,
)
from hypothesis import example, given
from hypothesis import strategies as st

NOBODY = 0xFFFFFFFF
Acl = List[Tuple[int, int, int]]
PERMS, IDS = st.integers(0, 7), st.sampled_from([0, 1, 1000, 65534])
NAMED = st.dictionaries(st.tuples(st.sampled_from([2, 8]), IDS), PERMS, min_size=1, max_size=4)


def raw(entries: Acl) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def acl(named: Dict[Tuple[int, int], int], owner: int, group: int, mask: int, other: int) -> bytes:
    """As the kernel gives it."""
    plain = [(1, owner, NOBODY), (4, group, NOBODY), (16, mask, NOBODY), (32, other, NOBODY)]
    return raw(sorted([*plain, *((tag, perm, number) for (tag, number), perm in named.items())], key=lambda e: e[::2]))


ACLS = st.builds(acl, NAMED, PERMS, PERMS, PERMS, PERMS)
USER_NAMES = st.binary(min_size=1, max_size=9).filter(lambda name: b"\0" not in name).map(lambda name: b"user." + name)
ATTRIBUTES = st.dictionaries(USER_NAMES | st.just(CAPABILITY), st.binary(max_size=9), max_size=4)
EXTRAS = st.builds(
    lambda attributes, access, default: {
        **attributes,
        **({ACCESS: acl_of_kernel(ACCESS, access)} if access else {}),
        **({DEFAULT: acl_of_kernel(DEFAULT, default)} if default else {}),
    },
    ATTRIBUTES,
    st.none() | ACLS,
    st.none() | ACLS,
)


@given(EXTRAS)
def test_what_is_packed_comes_out_and_there_is_one_way_to_pack_it(attributes: Dict[bytes, bytes]) -> None:
    packed = pack_extras(attributes)
    assert unpack_extras(packed) == attributes
    assert pack_extras(dict(reversed(attributes.items()))) == packed
    assert len(names_in(packed)) == len(attributes)


@given(st.lists(EXTRAS.map(pack_extras)))
def test_many_are_cut_where_they_were_joined(parts: List[bytes]) -> None:
    assert cut_extras(join_extras(parts)) == parts


@given(EXTRAS.map(pack_extras), st.data())
def test_what_is_damaged_is_refused_or_is_canonical(packed: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, max(0, len(packed) - 1)))
    damaged = packed[:at] + bytes([data.draw(st.integers(0, 255))]) + packed[at + 1 :]
    for candidate in (damaged, packed[:at], packed + b"\0", packed + packed):
        try:
            assert pack_extras(unpack_extras(candidate)) == candidate
        except RemoteProtocolError:
            continue


@pytest.mark.parametrize(
    "attributes",
    [
        {b"trusted.x": b""},
        {b"user.": b""},
        {b"security.selinux": b""},
        {b"user.a\0b": b""},
        {b"user." + b"x" * 251: b""},
        {b"user.x": bytes(65537)},
        {ACCESS: b""},
        {ACCESS: raw([(1, 0, NOBODY), (4, 5, NOBODY), (32, 0, NOBODY)])[4:]},
        {ACCESS: raw([(1, 6, NOBODY), (2, 6, 7), (4, 5, NOBODY), (16, 0, NOBODY), (32, 0, NOBODY)])[4:]},
        {DEFAULT: raw([(4, 5, NOBODY), (1, 6, NOBODY)])[4:]},
        {DEFAULT: raw([(3, 5, NOBODY)])[4:]},
        {DEFAULT: raw([(1, 8, NOBODY)])[4:]},
    ],
    ids=lambda attributes: repr(attributes)[:40],
)
def test_what_nobody_keeps_is_refused(attributes: Dict[bytes, bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        unpack_extras(pack_extras(attributes))


@given(NAMED, PERMS, PERMS, PERMS, PERMS)
def test_an_acl_and_the_mode_make_the_acl_again(
    named: Dict[Tuple[int, int], int], owner: int, group: int, mask: int, other: int
) -> None:
    whole = acl(named, owner, group, mask, other)
    kept = acl_of_kernel(ACCESS, whole)
    assert kept is not None and acl_for_kernel(ACCESS, kept, owner << 6 | mask << 3 | other) == whole
    assert acl_of_kernel(ACCESS, acl(named, 7 - owner, group, 7 - mask, 7 - other)) == kept
    assert acl_for_kernel(DEFAULT, acl_of_kernel(DEFAULT, whole) or b"", 0) == whole


@given(NAMED, st.randoms())
def test_the_order_in_which_somebody_set_it_does_not_matter(named: Dict[Tuple[int, int], int], random: object) -> None:
    whole = acl(named, 7, 5, 7, 0)
    entries = [whole[at : at + 8] for at in range(4, len(whole), 8)]
    random.shuffle(entries)  # type: ignore[attr-defined]
    assert acl_of_kernel(ACCESS, whole[:4] + b"".join(entries)) == acl_of_kernel(ACCESS, whole)


def test_an_acl_that_says_no_more_than_the_mode_or_is_of_another_version_is_none() -> None:
    assert acl_of_kernel(ACCESS, raw([(1, 6, NOBODY), (4, 4, NOBODY), (32, 0, NOBODY)])) is None
    assert acl_of_kernel(DEFAULT, raw([])) is None
    assert acl_of_kernel(DEFAULT, b"\3" + raw([(1, 6, NOBODY)])[1:]) is None
    assert acl_of_kernel(DEFAULT, raw([(1, 6, NOBODY)])[:-1]) is None


SIDES = st.dictionaries(st.sampled_from([b"user.x", b"user.y"]), st.sampled_from([b"", b"1", b"2"]))


@given(SIDES, SIDES, st.none() | SIDES)
def test_two_sides_are_merged_one_attribute_at_a_time(
    left: Dict[bytes, bytes], right: Dict[bytes, bytes], base: Optional[Dict[bytes, bytes]]
) -> None:
    packed = [None if side is None else pack_extras(side) for side in (left, right, base)]
    merged = unpack_extras(merge_extras(packed[0] or b"", packed[1] or b"", packed[2]))
    assert unpack_extras(merge_extras(packed[1] or b"", packed[0] or b"", packed[2])) == merged
    for name in (b"user.x", b"user.y"):
        mine, theirs, was = left.get(name), right.get(name), None if base is None else base.get(name)
        if mine == theirs:
            expected = mine
        elif base is not None and was in (mine, theirs):
            expected = theirs if was == mine else mine
        else:
            expected = max(value for value in (mine, theirs) if value is not None)
        assert merged.get(name) == expected


@given(EXTRAS, st.dictionaries(IDS, IDS), st.dictionaries(IDS, IDS))
@example({}, {}, {})
def test_ids_in_acls_become_others_and_nothing_else_does(
    attributes: Dict[bytes, bytes], users: Dict[int, int], groups: Dict[int, int]
) -> None:
    packed = pack_extras(attributes)
    mapped = with_ids(packed, users, groups)
    assert ids_in(mapped) == tuple(
        {table.get(number, number) for number in ids} for ids, table in zip(ids_in(packed), (users, groups))
    )
    after = unpack_extras(mapped)
    assert {name: len(value) for name, value in after.items()} == {n: len(v) for n, v in attributes.items()}
    assert all(after[name] == value for name, value in attributes.items() if name not in (ACCESS, DEFAULT))
    assert with_ids(packed, {}, {}) == packed
