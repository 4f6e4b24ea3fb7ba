# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of the quick check are the tables of docs/spec/quick-check.md."""

from __future__ import annotations

from typing import Dict

import pytest
from copia.core.quick_check import (
    Act,
    Attributes,
    Content,
    Likeness,
    Side,
    judge_attributes,
    judge_content,
    judge_path,
)

from tests.tables import YES_NO, cases, idle_rows, table, verdict

PAGE = "quick-check.md"
SIDES = tuple(side.value for side in Side)


@pytest.mark.parametrize("case", cases(source=SIDES, target=SIDES, delete=YES_NO), ids=str)
def test_a_path_is_judged_as_the_page_says(case: Dict[str, str]) -> None:
    act = judge_path(Side(case["source"]), Side(case["target"]), case["delete"] == "yes")
    assert act is Act(verdict(table(PAGE, "At a path"), case, "act"))


LIKENESSES = tuple(likeness.value for likeness in Likeness)
CONTENT_COLUMNS = {"same size": YES_NO, "same time": YES_NO, "digests": LIKENESSES, "compare": ("quick", "checksum")}


@pytest.mark.parametrize("case", cases(**CONTENT_COLUMNS), ids=str)
def test_content_is_judged_as_the_page_says(case: Dict[str, str]) -> None:
    content = judge_content(
        case["same size"] == "yes",
        case["same time"] == "yes",
        Likeness(case["digests"]),
        case["compare"] == "checksum",
    )
    assert content is Content(verdict(table(PAGE, "The content of two files"), case, "content"))


ATTRIBUTE_COLUMNS = {"same mode": YES_NO, "same owner": YES_NO, "same extras": YES_NO, "same time": YES_NO}


@pytest.mark.parametrize("case", cases(**ATTRIBUTE_COLUMNS), ids=str)
def test_attributes_are_judged_as_the_page_says(case: Dict[str, str]) -> None:
    judged = judge_attributes(*(case[column] == "yes" for column in ATTRIBUTE_COLUMNS))
    page = table(PAGE, "Attributes, where kind and content are right")
    assert judged is Attributes(verdict(page, case, "attributes"))


def test_every_row_of_the_page_decides_something() -> None:
    """A row that no case reaches is a mistake of the page."""
    pages = (
        ("At a path", cases(source=SIDES, target=SIDES, delete=YES_NO)),
        ("The content of two files", cases(**CONTENT_COLUMNS)),
        ("Attributes, where kind and content are right", cases(**ATTRIBUTE_COLUMNS)),
    )
    for title, every in pages:
        assert not idle_rows(table(PAGE, title), every), title
