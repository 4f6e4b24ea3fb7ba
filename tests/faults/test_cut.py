# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link is cut at any byte, in either direction: both sides stay good, and the next run finishes."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import pytest
from copia.core.errors import CopiaError

from tests.lines import pull, push
from tests.trees import age, contents, grow, harvest

CUTS = ("most_there", "most_back")


@pytest.mark.parametrize("direction", CUTS)
@pytest.mark.parametrize("go", [push, pull])
def test_a_cut_at_any_byte_leaves_both_sides_good(tmp_path: pathlib.Path, go: Any, direction: str) -> None:
    """Each file is old or new, nothing of ours is left, and the next run finishes."""
    new = grow(tmp_path / "new", "a=one b/c=two l->a")
    (new / "a").write_bytes(os.urandom(40))
    age(new)
    source = harvest(new)
    old = b"old"
    for most in range(100_000):
        there = grow(tmp_path / f"there-{most}", "a=old")
        try:
            go(new, there, {direction: most}, durable=False)
        except CopiaError:
            found = contents(there)
            assert found[b"a"] in (old, source[b"a"][1])
            assert not [path for path in harvest(there) if path.startswith(b".copia")]
            if most % 16 == 0:
                go(new, there)
                assert harvest(there) == source
        else:
            assert harvest(there) == source
            break
        assert harvest(new) == source
    else:
        pytest.fail("no cut was late enough")
