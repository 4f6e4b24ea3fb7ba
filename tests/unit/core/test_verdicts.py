# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of the reconciler are the tables of docs/spec/reconcile.md and docs/spec/settling.md."""

from __future__ import annotations

from copia.core.verdicts import (
    VERDICTS,
    Base,
    Carriage,
    Fate,
    Greater,
    Outcome,
    Pick,
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

from tests.tables import YES_NO, cases, idle_rows, table, verdict


def values(members: object) -> "tuple[str, ...]":
    return tuple(member.value for member in members)  # type: ignore[attr-defined]


PATHS = cases(left=values(Side), right=values(Side), base=values(Base), alike=YES_NO)
WINNERS = cases(policy=values(Policy), time=values(Greater), size=values(Greater), digest=values(Greater))
ATTRIBUTES = cases(**{"equal": YES_NO, "left as base": YES_NO, "right as base": YES_NO})
DIRECTORIES = cases(**{"fate": values(Fate), "lives below": YES_NO, "stays below": YES_NO})
CARRIAGES = cases(**{"agreed": YES_NO, "same content": YES_NO, "gone once": YES_NO, "new once": YES_NO})
RECONCILE, SETTLING, MOVES = "reconcile.md", "settling.md", "moves.md"


def test_a_path_is_judged_as_the_page_says() -> None:
    rows = table(RECONCILE, "At a path")
    for case in PATHS:
        judged = judge_path(Side(case["left"]), Side(case["right"]), Base(case["base"]), case["alike"] == "yes")
        assert judged is Verdict(verdict(rows, case, "verdict")), case


def test_a_winner_is_judged_as_the_page_says() -> None:
    rows = table(RECONCILE, "Who wins a conflict")
    for case in WINNERS:
        greater = (Greater(case[column]) for column in ("time", "size", "digest"))
        assert judge_winner(Policy(case["policy"]), *greater).word == verdict(rows, case, "winner"), case


def test_attributes_are_judged_as_the_page_says() -> None:
    rows = table(RECONCILE, "Permissions and times")
    for case in ATTRIBUTES:
        assert judge_attribute(*(word == "yes" for word in case.values())) is Pick(verdict(rows, case, "pick")), case


def test_a_directory_is_judged_as_the_page_says() -> None:
    rows = table(SETTLING, "A directory")
    for case in DIRECTORIES:
        judged = judge_directory(Fate(case["fate"]), case["lives below"] == "yes", case["stays below"] == "yes")
        assert judged is Outcome(verdict(rows, case, "outcome")), case


def test_a_carriage_is_judged_as_the_page_says() -> None:
    rows = table(MOVES, "The table")
    for case in CARRIAGES:
        judged = judge_carriage(*(word == "yes" for word in case.values()))
        assert judged is Carriage(verdict(rows, case, "carried as")), case


def test_every_row_of_the_pages_decides_something() -> None:
    assert not idle_rows(table(RECONCILE, "At a path"), PATHS)
    assert not idle_rows(table(RECONCILE, "Who wins a conflict"), WINNERS)
    assert not idle_rows(table(RECONCILE, "Permissions and times"), ATTRIBUTES)
    assert not idle_rows(table(MOVES, "The table"), CARRIAGES)
    assert not idle_rows(table(SETTLING, "A directory"), DIRECTORIES)


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
