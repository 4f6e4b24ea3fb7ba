# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two trees of a test, and the two-way sync that brings them together."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict

from copia.core.brakes import Limit
from copia.flow.bisync import bisync
from copia.flow.pair import PairSpec

from tests.trees import age, grow, harvest

ANY = Limit(100, True)


def pair_spec(folder: pathlib.Path, left: str = "left", right: str = "right", **options: Any) -> PairSpec:
    """The pair in ``folder``, with nothing that costs time or stops a run."""
    sides = (os.fsencode(folder / left), os.fsencode(folder / right))
    rules: Dict[str, Any] = {"limit": ANY, "durable": False, "host": "h", "patience": 0}
    return PairSpec(*sides, state=os.fsencode(folder / "state"), **{**rules, **options})


def sync(folder: pathlib.Path, left: str = "left", right: str = "right", **options: Any) -> Any:
    """One run; its report."""
    return bisync(pair_spec(folder, left, right, **options))


def agreed(folder: pathlib.Path, words: str) -> None:
    """Both trees hold ``words`` and have agreed on them."""
    age(grow(folder / "left", words))
    assert not sync(folder).problems


def equal(folder: pathlib.Path) -> bool:
    return harvest(folder / "left") == harvest(folder / "right")
