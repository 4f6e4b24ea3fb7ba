# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths from outside can't leave a tree, and what is shown can't harm a terminal."""

from __future__ import annotations

import pytest
from copia.core.errors import RemoteProtocolError
from copia.core.paths import ancestors, is_reserved, parse_path, parse_paths, path_key, show, split
from hypothesis import given
from hypothesis import strategies as st

LEGAL = [b"a", b"a/b", b"-rf", b"\xff\xfe", b"a\nb", b"...", b"a/.copia", b".copia2", b" "]
ILLEGAL = [b"/", b"/a", b"a/", b"a//b", b".", b"..", b"a/..", b"./a", b"a\0b", b".copia", b".COPIA/x", b".Copia"]


@pytest.mark.parametrize("raw", LEGAL)
def test_a_legal_path_passes(raw: bytes) -> None:
    assert parse_path(raw) == raw


@pytest.mark.parametrize("raw", ILLEGAL)
def test_an_illegal_path_is_refused_alone_and_among_others(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_path(raw)
    with pytest.raises(RemoteProtocolError):
        parse_paths([b"fine", raw, b""])


@given(
    st.lists(st.lists(st.sampled_from([b"a", b"b", b".", b"..", b"", b".copia", b"c\0"]), max_size=3).map(b"/".join))
)
def test_law_many_at_once_are_judged_as_one_by_one(raw: "list[bytes]") -> None:
    def alone() -> object:
        return [parse_path(path) for path in raw]

    try:
        expected = alone()
    except RemoteProtocolError:
        with pytest.raises(RemoteProtocolError):
            parse_paths(raw)
    else:
        assert parse_paths(raw) == expected


def test_children_follow_their_directory_directly() -> None:
    assert sorted([b"a.b", b"a/c", b"a", b"a!"], key=path_key) == [b"a", b"a/c", b"a!", b"a.b"]


def test_parts_and_ancestors() -> None:
    assert split(b"a/b/c") == (b"a/b", b"c") and split(b"a") == (b"", b"a")
    assert ancestors(b"a/b/c") == [b"a/b", b"a", b""]


def test_the_reserved_name_is_reserved_in_any_casing() -> None:
    assert is_reserved(b".copia") and is_reserved(b".CoPiA") and not is_reserved(b"copia")


@given(st.binary(max_size=40))
def test_law_what_is_shown_is_printable(path: bytes) -> None:
    assert show(path).isprintable()
