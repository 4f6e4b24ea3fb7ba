# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two trees of which one or both fold names: spelled alike, what collides left alone (``docs/spec/folding.md``)."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from ..core.entries import Problem
from ..core.folding import EVERY, Collision, Folding, Unfolded, in_words, left_alone, unfold
from ..core.manifest import Manifest
from .sides import Folds, Side

Trees = Tuple[Manifest, Manifest, Optional[Manifest]]
"""Left, right, and what they last agreed on."""


def spelled_like(other: Manifest, ours: Manifest, ask: Callable[[], Folding]) -> Unfolded:
    """``ours`` held against ``other``; its side is asked how it folds only where that could make a difference."""
    suspected = unfold(other, ours, EVERY)
    if suspected.is_plain:
        return suspected
    folding = ask()
    return unfold(other, ours, folding) if folding else Unfolded(ours, (), False)


def spelled_alike(sides: Tuple[Side, Side], trees: Trees, *, may_write: bool) -> Tuple[Trees, List[Problem]]:
    """The trees of a two-way sync without what folding would make of their names; and what was left alone for it."""
    left, right, base = trees
    left_side, right_side = sides
    ways = Folding.NONE

    def asked(side: Side) -> Folding:
        nonlocal ways
        found = side.folding(may_write=may_write) if isinstance(side, Folds) else Folding.NONE
        ways |= found
        return found

    to_right = spelled_like(left, right, lambda: asked(right_side))
    right = to_right.spelled
    to_left = spelled_like(right, left, lambda: asked(left_side))
    left = to_left.spelled
    if base is not None and ways:
        base = unfold(right, unfold(left, base, ways).spelled, ways).spelled
    found: List[Tuple[Collision, str]] = [(collision, right_side.name) for collision in to_right.collisions]
    found.extend((collision, left_side.name) for collision in to_left.collisions)
    collisions = tuple(collision for collision, _name in found)
    problems = [Problem(*in_words(collision, name)) for collision, name in found]
    return (left_alone(left, collisions), left_alone(right, collisions), base), problems
