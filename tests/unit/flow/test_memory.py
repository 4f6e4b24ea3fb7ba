# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a two-way sync holds in memory for each file: the goal is 100 MB for 100,000 new ones, 16 MB of it Python."""

from __future__ import annotations

import gc
import os
import pathlib
import tracemalloc

import pytest
from copia.flow.bisync import bisync
from copia.flow.pair import PairSpec

from tests.twins import EACH_TWIN, using

FEW, MANY = 1300, 5200
"""Both just below a size at which tables grow, so that these are equally full."""
NEW, LISTED, KNOWN = 700, 600, 110
"""Bytes for a file that is on one side only, within a portion and in an earlier one (its line in the report, as far as
those go), and for one that nobody changed, as far as a scan is ahead.
"""


def peak(folder: pathlib.Path, files: int, portion: int) -> "tuple[int, int]":
    """The largest memory of a first run and of an idle one, in bytes."""
    for number in range(files):
        place = folder / "left" / f"d{number // 100}"
        if number % 100 == 0:
            place.mkdir(parents=True)
        (place / f"f{number}").write_bytes(b"%d" % number)
    (folder / "right").mkdir()
    sides = os.fsencode(folder / "left"), os.fsencode(folder / "right")
    spec = PairSpec(*sides, state=os.fsencode(folder / "state"), portion=portion)
    found = []
    for changes in (True, False):
        gc.collect()
        tracemalloc.start()
        try:
            assert bisync(spec).changed is changes
            found.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return found[0], found[1]


@pytest.mark.parametrize(("portion", "bound"), [(1 << 15, NEW), (100, LISTED)])
@EACH_TWIN
def test_memory_for_each_file_is_bounded(kind: str, portion: int, bound: int, tmp_path: pathlib.Path) -> None:
    with using(kind):
        few, many = peak(tmp_path / "few", FEW, portion), peak(tmp_path / "many", MANY, portion)
    new, known = ((larger - smaller) / (MANY - FEW) for smaller, larger in zip(few, many))
    assert new <= bound
    assert known <= KNOWN
