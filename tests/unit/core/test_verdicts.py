# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of the reconciler are the tables of docs/spec/reconcile.md and docs/spec/settling.md."""

from __future__ import annotations

from typing import Callable, Dict, List

import pytest
from copia.core.verdicts import (
    VERDICTS,
    Base,
    Fate,
    Greater,
    Policy,
    Side,
    Verdict,
    Where,
    judge_attribute,
    judge_carriage,
    judge_directory,
    judge_path,
    judge_winner,
)

from tests.mutants import Kernel, survivors
from tests.tables import YES_NO, cases, idle_rows, table, verdict


def values(members: object) -> "tuple[str, ...]":
    return tuple(member.value for member in members)  # type: ignore[attr-defined]


PATHS = cases(left=values(Side), right=values(Side), base=values(Base), alike=YES_NO)
WINNERS = cases(policy=values(Policy), time=values(Greater), size=values(Greater), digest=values(Greater))
ATTRIBUTES = cases(**{"equal": YES_NO, "left as base": YES_NO, "right as base": YES_NO})
DIRECTORIES = cases(**{"fate": values(Fate), "lives below": YES_NO, "stays below": YES_NO})
CARRIAGES = cases(**{"agreed": YES_NO, "same content": YES_NO, "gone once": YES_NO, "new once": YES_NO})
RECONCILE, SETTLING, MOVES = "reconcile.md", "settling.md", "moves.md"


Case = Dict[str, str]


def yes(case: Case, *columns: str) -> List[bool]:
    return [case[column] == "yes" for column in columns]


def path_of(judge: Kernel, case: Case) -> object:
    return judge(Side(case["left"]), Side(case["right"]), Base(case["base"]), *yes(case, "alike")).value


def winner_of(judge: Kernel, case: Case) -> object:
    return judge(Policy(case["policy"]), *(Greater(case[column]) for column in ("time", "size", "digest"))).word


def attribute_of(judge: Kernel, case: Case) -> object:
    return judge(*yes(case, "equal", "left as base", "right as base")).value


def directory_of(judge: Kernel, case: Case) -> object:
    return judge(Fate(case["fate"]), *yes(case, "lives below", "stays below")).value


def carriage_of(judge: Kernel, case: Case) -> object:
    return judge(*yes(case, "agreed", "same content", "gone once", "new once")).value


PAGES = [
    (judge_path, path_of, RECONCILE, "At a path", "verdict", PATHS),
    (judge_winner, winner_of, RECONCILE, "Who wins a conflict", "winner", WINNERS),
    (judge_attribute, attribute_of, RECONCILE, "Permissions and times", "pick", ATTRIBUTES),
    (judge_directory, directory_of, SETTLING, "A directory", "outcome", DIRECTORIES),
    (judge_carriage, carriage_of, MOVES, "The table", "carried as", CARRIAGES),
]


@pytest.mark.parametrize(("kernel", "ask", "page", "title", "column", "every"), PAGES, ids=lambda it: str(it)[:40])
def test_the_kernel_says_what_the_page_says_and_every_mutant_of_it_is_caught(
    kernel: Kernel, ask: Callable[[Kernel, Case], object], page: str, title: str, column: str, every: List[Case]
) -> None:
    rows = table(page, title)
    expected = [verdict(rows, case, column) for case in every]
    assert [ask(kernel, case) for case in every] == expected
    assert not survivors(kernel, lambda judge: all(ask(judge, case) == said for case, said in zip(every, expected)))
    assert not idle_rows(rows, every)


SWAPPED = {
    Verdict.TO_LEFT: Verdict.TO_RIGHT,
    Verdict.REMOVE_LEFT: Verdict.REMOVE_RIGHT,
    Verdict.RESTORE_LEFT: Verdict.RESTORE_RIGHT,
}
SWAPPED.update({there: here for here, there in SWAPPED.items()})


def test_swapping_the_sides_swaps_the_verdict() -> None:
    for left in Side:
        for right in Side:
            for base in Base:
                for alike in (True, False):
                    judged = judge_path(left, right, base, alike)
                    assert judge_path(right, left, base, alike) is SWAPPED.get(judged, judged)


def test_nothing_is_removed_without_a_base_or_on_a_guess() -> None:
    for left in Side:
        for right in Side:
            for base in Base:
                removed = VERDICTS[judge_path(left, right, base, False)].removed
                survivor = {Where.LEFT: left, Where.RIGHT: right, None: Side.SAME}[removed]
                assert removed is None or base is Base.PRESENT
                assert survivor is Side.SAME
