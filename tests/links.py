# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with several names, in one tree and in both of a pair."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Dict, FrozenSet, List, Optional, Set, Tuple

from copia.core.preserve import Preserve

from tests.pairs import equal, sync

LINKS = Preserve(hard_links=True)
Told = List[Tuple[int, bytes, str, str]]


def told(report: Any) -> Told:
    assert not report.problems
    return [
        (side, change.path, change.change, change.reason)
        for side, part in enumerate(report.sides)
        for change in part.changes
    ]


def both(folder: pathlib.Path) -> FrozenSet[FrozenSet[str]]:
    """The files of both sides, which are the same."""
    assert equal(folder) and groups(folder / "left") == groups(folder / "right")
    return groups(folder / "left")


def rests(folder: pathlib.Path, bring: Any = sync) -> bool:
    again = bring(folder, preserve=LINKS)
    is_quiet = not (again.changed or again.problems or again.hashed or any(side.touched for side in again.sides))
    return is_quiet and not bring(folder, preserve=LINKS, check=True).changed


def groups(root: pathlib.Path, among: Optional[Set[str]] = None) -> FrozenSet[FrozenSet[str]]:
    """The files, each set of names that are one file; of those ``among`` them only."""
    found: Dict[Tuple[int, int], Set[str]] = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_file() and not path.is_symlink() and (among is None or name in among):
            seen = path.stat()
            found.setdefault((seen.st_dev, seen.st_ino), set()).add(name)
    return frozenset(map(frozenset, found.values()))


def link(root: pathlib.Path, first: str, *others: str) -> None:
    for other in others:
        (root / other).unlink(missing_ok=True)
        os.link(root / first, root / other)
