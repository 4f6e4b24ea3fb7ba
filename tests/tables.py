# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/spec as data: the first row that fits decides, and ``any`` fits every value of its column."""

from __future__ import annotations

import itertools
import pathlib
from typing import Dict, List, Set, Tuple

SPEC = pathlib.Path(__file__).resolve().parents[1] / "docs" / "spec"
YES_NO = ("yes", "no")


def table(page: str, title: str) -> List[Dict[str, str]]:
    """The rows below a heading of a page, each as ``{column: cell}``."""
    section = (SPEC / page).read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in lines[0].strip("|").split("|")]
    return [dict(zip(head, (cell.strip() for cell in line.strip("|").split("|")))) for line in lines[2:]]


def verdict(rows: List[Dict[str, str]], case: Dict[str, str], answer: str) -> str:
    """What the rows say of a case."""
    return rows[_first(rows, case)][answer]


def cases(**columns: "Tuple[str, ...]") -> List[Dict[str, str]]:
    """Every combination of the columns' values."""
    return [dict(zip(columns, values)) for values in itertools.product(*columns.values())]


def idle_rows(rows: List[Dict[str, str]], every: List[Dict[str, str]]) -> Set[int]:
    """Rows that no case reaches: a mistake of the page."""
    return set(range(len(rows))) - {_first(rows, case) for case in every}


def _first(rows: List[Dict[str, str]], case: Dict[str, str]) -> int:
    for number, row in enumerate(rows):
        if all(row[column] in ("any", value) for column, value in case.items()):
            return number
    raise LookupError(f"no row of the page fits {case}")
