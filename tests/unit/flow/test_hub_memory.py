# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub's memory does not grow with its tree: what a session takes for five times the directories is about the same."""

from __future__ import annotations

import pathlib
import shutil
import tracemalloc
from typing import Any, Callable, List

import pytest
from copia.core.cas import Decision
from copia.flow.hub import HubSession

from tests.hubs import TEXTS, file, folder, new, open_hub, put

SMALL, LARGE = 250, 1250
EACH = 10
SLACK = 60_000
"""Bytes: what Python keeps of its own."""


def directories(root: pathlib.Path, first: int, last: int) -> None:
    """Directories of some files, made by hand, 25 in each of those above them."""
    for number in range(first, last):
        place = root / f"d{number // 25}" / f"e{number}"
        place.mkdir(parents=True)
        for name in range(EACH):
            (place / f"file{name}").write_text(str(number))


def peak_of(work: Callable[[], Any]) -> int:
    """The most bytes that Python holds for it at once."""
    work()
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def told(hub: HubSession) -> int:
    """How many rows there are; none is kept."""
    return sum(len(page.rows) for page in hub.news(None))


@pytest.mark.parametrize("what", ["looks for changes", "tells everything", "finds what is gone"])
def test_memory_does_not_grow_with_the_tree(tmp_path: pathlib.Path, what: str) -> None:
    root = tmp_path / "hub"
    directories(root, 0, SMALL)
    hub = open_hub(root)

    def work() -> Any:
        if what == "tells everything":
            return told(hub)
        if what == "finds what is gone":
            shutil.rmtree(root / "d0/e0", ignore_errors=True)
            assert hub.refresh() == EACH + 1
            directories(root, 0, 1)
        return hub.refresh()

    small = peak_of(work)
    directories(root, SMALL, LARGE)
    hub.refresh()
    assert told(hub) == LARGE * (EACH + 1) + LARGE // 25
    assert peak_of(work) < small + SLACK
    hub.close()


def test_memory_does_not_grow_with_what_is_put(tmp_path: pathlib.Path) -> None:
    """A push is many batches; what a session keeps of each is the number of its folder."""
    hub = open_hub(tmp_path / "hub")
    peaks: List[int] = []
    tracemalloc.start()
    for number in range(6):
        offers = new(folder(f"d{number}"), *(file(f"d{number}/f{at}", f"{number} {at}") for at in range(400)))
        assert {outcome.decision for outcome in put(hub, *offers)} == {Decision.COMMIT}
        for offer in offers[1:]:
            TEXTS.pop(offer.wanted.digest)  # type: ignore[arg-type, union-attr]
        del offers, offer
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    hub.close()
    assert peaks[-1] < peaks[1] + SLACK // 2
