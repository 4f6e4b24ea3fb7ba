# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub's session that is killed, or refused by the kernel, at any operation: nothing is lost, nothing is pretended."""

from __future__ import annotations

import errno
import os
import pathlib
import shutil
from typing import Any, Dict, List, Optional, Set, Tuple

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.errors import CopiaError
from copia.core.hub_words import Keeping, Offer, Outcome
from copia.disk import operations as op
from copia.disk.hub_index import Index
from copia.disk.perform import perform
from copia.flow.hub import HubSession, HubSpec

from tests.hubs import change, file, folder, link, new, open_hub, put, rows, text_of, tree

OLD = {name: file(name, f"old {name}") for name in ("edit", "d/edit", "gone", "stale", "tolink")}
EDITED = file("stale", "somebody's edit")
OFFERS: List[Offer] = [
    change(OLD["edit"], file("edit", "new")),
    change(OLD["d/edit"], file("d/edit", "new in d")),
    change(OLD["gone"], ABSENT),
    change(OLD["stale"], file("stale", "from an old copy")),
    change(OLD["tolink"], link("tolink", "edit")),
    *new(folder("e"), file("e/fresh", "fresh"), file("made/on/the/way", "deep")),
]
DONE = {
    "edit": "new",
    "d/edit": "new in d",
    "stale": "somebody's edit",
    "tolink": "->edit",
    "e/fresh": "fresh",
    "made/on/the/way": "deep",
}


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


class KillAt:
    """Performs ``count`` operations, and dies at the next: before it, or when it is done. The dead do nothing."""

    def __init__(self, count: int, *, after: bool) -> None:
        self.count, self.after, self.done, self.dead = count, after, 0, False

    def __call__(self, operation: op.Operation) -> Any:
        if self.dead:
            raise Killed
        if self.done == self.count:
            self.dead = True
            if self.after:
                perform(operation)
            raise Killed
        self.done += 1
        return perform(operation)


class FailAt:
    """Refuses the operation after ``count`` others, once."""

    def __init__(self, count: int) -> None:
        self.count, self.done = count, 0

    def __call__(self, operation: op.Operation) -> Any:
        self.done += 1
        if self.done == self.count + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return perform(operation)


def ground(root: pathlib.Path) -> None:
    """A hub on which somebody edited ``stale`` after our client had seen it."""
    shutil.rmtree(root, ignore_errors=True)
    hub = open_hub(root, "other")
    put(hub, *new(*OLD.values()))
    put(hub, change(OLD["stale"], EDITED))
    hub.close()


def run(root: pathlib.Path, carry_out: Any, keep: Keeping = Keeping()) -> Tuple[Outcome, ...]:  # noqa: B008
    """The session under test."""
    hub = HubSession(HubSpec(os.fsencode(root), "ours", keep=keep), carry_out)
    try:
        return put(hub, *OFFERS)
    finally:
        leave(hub)


def leave(hub: HubSession) -> None:
    """What the kernel does for a dead process: its locks and files are closed."""
    index = hub._hub._index
    try:
        hub.close()
    except Killed:
        if index is not None:
            index.close()


def operations_of_a_run(root: pathlib.Path) -> int:
    ground(root)
    counting = KillAt(10**9, after=False)
    outcomes = run(root, counting)
    assert outcomes[3].decision is Decision.STALE
    assert tree(root) == {**DONE, outcomes[3].kept_as.decode(): "from an old copy"}
    return counting.done


def assert_old_or_new(root: pathlib.Path) -> None:
    found = tree(root)
    for path, text in found.items():
        old = text_of(OLD[path]).decode() if path in OLD else None
        assert text in (old, DONE.get(path), "somebody's edit", "from an old copy"), path
    assert found["stale"] == "somebody's edit"
    for path in OLD:
        assert path in found or path == "gone", path


def assert_index_is_not_ahead(root: pathlib.Path, revision: int = 2) -> None:
    """Every row of the batch describes what is on disk."""
    index = Index(os.fsencode(root / ".copia/hub/index.sqlite"))
    for row in index.since(revision):
        path = root / os.fsdecode(row.path)
        if isinstance(row.held, Entry) and row.held.kind is Kind.FILE:
            assert path.read_bytes() == text_of(row.held)
        else:
            assert os.path.lexists(path) is isinstance(row.held, Entry)
    index.close()


def assert_the_client_finds_out(root: pathlib.Path) -> None:
    """It offers again, and the end is as if nothing had happened."""
    hub = open_hub(root, "ours")
    outcomes = put(hub, *OFFERS)
    assert all(
        outcome.decision in (Decision.COMMIT, Decision.ALREADY) for outcome in outcomes if outcome.path != b"stale"
    )
    kept = outcomes[3].kept_as.decode()
    assert tree(root) == {**DONE, kept: "from an old copy"}
    assert_rows_are_the_tree(hub, root)
    assert hub.refresh() == 0
    hub.close()
    assert {path.name.split("-")[0] for path in (root / ".copia/hub").iterdir()} <= {"index.sqlite"}


def assert_rows_are_the_tree(hub: HubSession, root: pathlib.Path) -> None:
    held: Dict[str, str] = {}
    for path, row in rows(hub).items():
        if isinstance(row.held, Entry) and row.held.kind is not Kind.DIRECTORY:
            is_link = row.held.kind is Kind.LINK
            held[os.fsdecode(path)] = f"->{os.fsdecode(row.held.target)}" if is_link else text_of(row.held).decode()
    assert held == tree(root)


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation(tmp_path: pathlib.Path, after: bool) -> None:
    root = tmp_path / "hub"
    deaths = 0
    while True:
        ground(root)
        killer = KillAt(deaths, after=after)
        try:
            run(root, killer)
        except Killed:
            pass
        assert_old_or_new(root)
        assert_index_is_not_ahead(root)
        assert_the_client_finds_out(root)
        if not killer.dead:
            break
        deaths += 1
    assert deaths > 30


def test_refused_at_every_operation(tmp_path: pathlib.Path) -> None:
    """L10: success is said only of what is on disk."""
    root = tmp_path / "hub"
    for count in range(operations_of_a_run(root)):
        ground(root)
        outcomes: Tuple[Outcome, ...] = ()
        try:
            outcomes = run(root, FailAt(count))
        except (CopiaError, OSError):
            pass
        assert_old_or_new(root)
        assert_index_is_not_ahead(root)
        for offer, outcome in zip(OFFERS, outcomes):
            if outcome.decision is Decision.COMMIT and isinstance(offer.wanted, Entry):
                assert tree(root).get(offer.path.decode(), "") == DONE.get(offer.path.decode(), "")
        assert_the_client_finds_out(root)


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_killed_within_names_that_are_moved_together(tmp_path: pathlib.Path, moved: int) -> None:
    root = tmp_path / "hub"
    together = new(*(file(f"t/{name}", f"new {name}") for name in "abc"))
    ground(root)
    hub = open_hub(root, "other")
    put(hub, *new(folder("t")))
    hub.close()

    def dies(operation: op.Operation) -> Any:
        if isinstance(operation, op.MoveEach):
            names = {"from_names": operation.from_names[:moved], "to_names": operation.to_names[:moved]}
            perform(operation._replace(**names))
            dead.append(operation)
        if dead:
            raise Killed
        return perform(operation)

    dead: List[op.Operation] = []
    hub = HubSession(HubSpec(os.fsencode(root), "ours"), dies)
    with pytest.raises(Killed):
        put(hub, *together)
    leave(hub)
    assert sum(path.startswith("t/") for path in tree(root)) == moved
    assert_index_is_not_ahead(root, 3)
    hub = open_hub(root, "ours")
    decisions = [outcome.decision for outcome in put(hub, *together)]
    assert decisions.count(Decision.ALREADY) == moved
    assert_rows_are_the_tree(hub, root)
    hub.close()


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation_a_new_directory_is_there_as_a_whole_or_not_at_all(
    tmp_path: pathlib.Path, after: bool
) -> None:
    root = tmp_path / "hub"
    everything = new(folder("t"), folder("t/u"), *(file(f"t/{name}", f"new {name}") for name in ("a", "b", "u/c")))
    seen: Set[int] = set()
    killer = KillAt(0, after=after)
    while killer.count == 0 or killer.dead:
        ground(root)
        killer = KillAt(killer.count + 1, after=after)
        hub: Optional[HubSession] = None
        try:
            hub = HubSession(HubSpec(os.fsencode(root), "ours"), killer)
            put(hub, *everything)
        except Killed:
            pass
        if hub is not None:
            leave(hub)
        seen.add(sum(path.startswith("t/") for path in tree(root)))
        assert_index_is_not_ahead(root)
        hub = open_hub(root, "ours")
        decisions = {outcome.decision for outcome in put(hub, *everything)}
        assert decisions <= {Decision.COMMIT, Decision.ALREADY}
        assert_rows_are_the_tree(hub, root)
        hub.close()
    assert seen == {0, 3}


DISPLACED = ("edit", "d/edit", "gone", "tolink")


def versions(root: pathlib.Path) -> List[Tuple[str, str]]:
    top = root / ".copia/hub/versions"
    found = (path for path in top.rglob("*") if path.is_file())
    return sorted((str(path.relative_to(top)).split("/", 1)[1], path.read_text()) for path in found)


def assert_every_old_version_is_somewhere(root: pathlib.Path) -> None:
    found, kept = tree(root), versions(root)
    for path in DISPLACED:
        old = text_of(OLD[path]).decode()
        assert found.get(path) == old or (path, old) in kept, path


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
def test_killed_at_every_operation_a_version_is_in_the_tree_or_kept(tmp_path: pathlib.Path, after: bool) -> None:
    root, keep = tmp_path / "hub", Keeping(versions=1)
    deaths = 0
    while True:
        ground(root)
        killer = KillAt(deaths, after=after)
        try:
            run(root, killer, keep)
        except Killed:
            pass
        assert_every_old_version_is_somewhere(root)
        hub = open_hub(root, "ours", keep=keep)
        kept = versions(root)
        assert hub.versions() == (len(kept), sum(len(text) for _path, text in kept)), "the index counts what is there"
        assert not [path for path, text in kept if tree(root).get(path) == text], "what is in its place is not kept too"
        put(hub, *OFFERS)
        assert versions(root) == sorted((path, text_of(OLD[path]).decode()) for path in DISPLACED)
        assert hub.tidy() == hub.versions() == (4, sum(OLD[path].size for path in DISPLACED))
        hub.close()
        if not killer.dead:
            break
        deaths += 1
    assert deaths > 35


def test_refused_at_every_operation_a_version_is_in_the_tree_or_kept(tmp_path: pathlib.Path) -> None:
    root, keep = tmp_path / "hub", Keeping(versions=1)
    ground(root)
    counting = KillAt(10**9, after=False)
    run(root, counting, keep)
    for count in range(counting.done):
        ground(root)
        try:
            run(root, FailAt(count), keep)
        except (CopiaError, OSError):
            pass
        assert_every_old_version_is_somewhere(root)
        hub = open_hub(root, "ours", keep=keep)
        put(hub, *OFFERS)
        hub.tidy()
        assert versions(root) == sorted((path, text_of(OLD[path]).decode()) for path in DISPLACED)
        hub.close()
