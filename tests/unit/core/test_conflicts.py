# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of conflict copies: who looks only at names that begin as they do misses none."""

from __future__ import annotations

import pytest
from copia.core.conflicts import conflict_names, copies_of, copies_start, is_conflict_copy, original_of
from copia.core.paths import TreePath, split
from hypothesis import given
from hypothesis import strategies as st

MARKED = [b".conflict-", b".conflict-0123456789abcdef", b"a.conflict-.conflict-", b"a.conflict-0123456789abcdef\n"]
NAMES = st.one_of(
    st.binary(min_size=1, max_size=255),
    st.sampled_from([b"a", b"a" * 116, b"a" * 117, b"a" * 255, *MARKED]),
)


@given(
    name=NAMES.map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")),
    digest=st.binary(min_size=32, max_size=32),
)
def test_every_conflict_copy_begins_as_it_is_said(name: bytes, digest: bytes) -> None:
    path = TreePath(b"d/" + name.replace(b"/", b"_").replace(b"\0", b"_"))
    for host in (b"", b"h", b"h" * 64):
        for copy in conflict_names(path, digest, host):
            assert copy.startswith(copies_start(path))
            assert copies_start(copy) == copies_start(path) or len(name) > 116
            assert copies_of(path, {split(copy)[1]}) == 1


@pytest.mark.parametrize("name", MARKED)
def test_a_name_that_looks_like_the_end_of_a_copy_is_a_name(name: bytes) -> None:
    path = TreePath(b"d/" + name)
    copy = next(conflict_names(path, bytes(32), b"h"))
    assert (is_conflict_copy(path), is_conflict_copy(copy)) == (False, True)
    assert original_of(copy) == path


def test_the_copies_of_a_short_name_are_looked_for_among_its_own() -> None:
    assert copies_start(TreePath(b"d/1")) == b"d/1.conflict-"
    assert not b"d/10.conflict-0123456789abcdef".startswith(copies_start(TreePath(b"d/1")))
