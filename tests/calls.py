# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a function is called: what costs time with every file of a tree can be counted where it can't be timed."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Callable


def calls_of(name: str, work: Callable[[], Any]) -> int:
    """How often functions of that name are called (or generators go on) while ``work`` runs."""
    count = 0

    def seen(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_name == name

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
