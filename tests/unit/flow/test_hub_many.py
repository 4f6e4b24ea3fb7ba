# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small files put into a hub at once: what is asked of the index, what is flushed when, and what is in the way."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Callable, List

import pytest
from copia.core.cas import Decision
from copia.core.hub_plan import Direction
from copia.core.hub_report import HubReport
from copia.core.hub_words import Hub, Offer
from copia.core.rights import parse_rights
from copia.disk import operations as op
from copia.disk.flushing import FSYNC_FEW, written_out
from copia.disk.perform import perform
from copia.disk.scan import is_native
from copia.flow.hub import HubSession, HubSpec
from copia.flow.hub_jobs import LIMITS, RemoteHub
from copia.flow.hub_sync import hub_sync
from copia.flow.pair import PairSpec

from tests.calls import calls_of
from tests.hubs import change, file, folder, items_of, new, open_hub, put, tree
from tests.lines import Line
from tests.trees import age, grow


def many(files: int, text: str = "first") -> List[Offer]:
    """Two directories, and files in them by turns."""
    entries = [file(f"d{number % 2}/{number}", f"{text} {number}") for number in range(files)]
    return new(folder("d0"), folder("d1"), *sorted(entries, key=lambda entry: entry.path))


def statements_of(hub: HubSession, work: Callable[[], Any]) -> List[str]:
    """The reads that SQLite is asked for meanwhile."""
    seen: List[str] = []
    connection = hub._hub.index.connection
    connection.set_trace_callback(seen.append)
    work()
    connection.set_trace_callback(None)
    return [text for text in seen if text.lstrip().startswith(("SELECT", "WITH"))]


@pytest.mark.parametrize("how", ["offered", "put", "put again"])
def test_the_index_is_not_read_once_for_each_file(tmp_path: pathlib.Path, how: str) -> None:
    hub = open_hub(tmp_path / "hub")
    offers = many(600)
    if how == "put again":
        put(hub, *offers)
    work = (lambda: hub.offer(offers)) if how == "offered" else (lambda: put(hub, *offers))
    assert len(statements_of(hub, work)) < 60
    assert hub.facts().files == (0 if how == "offered" else 600)
    hub.close()


def test_the_look_after_a_push_reads_rows_and_makes_values_of_what_differs(tmp_path: pathlib.Path) -> None:
    hub = open_hub(tmp_path / "hub")
    put(hub, *many(600))
    assert calls_of("known_of", hub.refresh) < 20
    put(hub, change(file("d0/0", "first 0"), file("d0/0", "second")))
    (tmp_path / "hub/d0/4").write_text("by hand")
    (tmp_path / "hub/d1/5").unlink()
    found: List[int] = []
    assert calls_of("known_of", lambda: found.append(hub.refresh())) < 600
    assert found == [2]
    assert hub.refresh() == 0
    hub.close()


class Watch:
    """Performs everything, and remembers what."""

    def __init__(self) -> None:
        self.seen: List[op.Operation] = []

    def __call__(self, operation: op.Operation) -> Any:
        self.seen.append(operation)
        return perform(operation)

    def places(self, *kinds: type) -> List[int]:
        """When operations of some kinds came."""
        return [at for at, operation in enumerate(self.seen) if isinstance(operation, kinds)]


def watched(root: pathlib.Path) -> "tuple[HubSession, Watch]":
    """A session whose operations are seen."""
    root.mkdir(exist_ok=True)
    watch = Watch()
    return HubSession(HubSpec(os.fsencode(root), "a"), watch), watch


@pytest.mark.parametrize("folders", ["new", "there"])
@pytest.mark.parametrize("files", [1, FSYNC_FEW, FSYNC_FEW + 1])
def test_contents_are_on_disk_before_names_and_names_before_the_record(
    tmp_path: pathlib.Path, files: int, folders: str
) -> None:
    """L9: also when they are few."""
    hub, watch = watched(tmp_path / "hub")
    if folders == "there":
        put(hub, *many(0))
    watch.seen.clear()
    put(hub, *many(files))
    hub.close()
    flushes = watch.places(op.FlushEach, op.FlushAll)
    written, moved = watch.places(op.WriteFiles), watch.places(op.MoveEach if folders == "there" else op.MoveNew)
    (recorded,) = watch.places(op.Record)
    assert any(written[-1] < at < moved[0] for at in flushes)
    assert any(moved[-1] < at < recorded for at in flushes)
    assert sum(len(each.descriptors) for each in watch.seen if isinstance(each, op.FlushEach)) < files + 10


def test_names_are_moved_many_at_once(tmp_path: pathlib.Path) -> None:
    hub, watch = watched(tmp_path / "hub")
    put(hub, *many(600))
    hub.close()
    assert len(watch.seen) < 60
    assert len(tree(tmp_path / "hub")) == 600


def test_places_in_the_stage_are_looked_up_once_for_many_files(tmp_path: pathlib.Path) -> None:
    hub = open_hub(tmp_path / "hub")
    assert calls_of("place_for", lambda: put(hub, *many(600))) < 10
    assert len(tree(tmp_path / "hub")) == 600
    hub.close()


@pytest.mark.parametrize(("files", "least"), [(2000, 0), (2100, 1), (9000, 1)])
def test_what_comes_for_long_is_written_out_meanwhile(tmp_path: pathlib.Path, files: int, least: int) -> None:
    root = os.open(tmp_path, os.O_RDONLY)
    items: List[int] = []
    begun = calls_of("start", lambda: items.extend(written_out(root, iter(range(files)))))
    os.close(root)
    assert items == list(range(files))
    assert least <= begun <= files // 2048


def test_what_somebody_put_in_the_way_by_hand_is_decided_by_itself(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "hub"
    hub = open_hub(root)
    put(hub, *new(folder("d0"), folder("d1")))
    (root / "d0" / "4").write_text("by hand")
    (root / "d1" / "5").write_text("first 5")
    outcomes = {outcome.path.decode(): outcome for outcome in put(hub, *many(10)[2:])}
    stale = outcomes.pop("d0/4")
    assert stale.decision is Decision.STALE
    assert outcomes.pop("d1/5").decision is Decision.ALREADY
    assert {outcome.decision for outcome in outcomes.values()} == {Decision.COMMIT}
    expected = {f"d{number % 2}/{number}": f"first {number}" for number in range(10)}
    assert tree(root) == {**expected, "d0/4": "by hand", stale.kept_as.decode(): "first 4"}
    assert (hub.refresh(), hub.refresh()) == (1, 0)
    hub.close()


def test_new_files_beyond_the_quota_are_refused_one_by_one(tmp_path: pathlib.Path) -> None:
    """The room is taken by somebody else while the contents come."""
    other = open_hub(tmp_path / "hub", "b")

    def meanwhile(operation: op.Operation) -> Any:
        if isinstance(operation, op.WriteFiles) and not tree(tmp_path / "hub"):
            put(other, *new(file("x", "z" * 10)))
        return perform(operation)

    hub = HubSession(HubSpec(os.fsencode(tmp_path / "hub"), "a", quota=30), meanwhile)
    outcomes = put(hub, *new(*(file(f"f{number}", "y" * 10) for number in range(3))))
    assert [outcome.decision for outcome in outcomes] == [Decision.COMMIT, Decision.COMMIT, Decision.REFUSED]
    assert hub.facts().bytes == 30
    other.close()
    hub.close()


def test_a_refused_record_leaves_no_number_behind(tmp_path: pathlib.Path) -> None:
    """What the index said within a transaction that was undone is not remembered."""

    def no_record(operation: op.Operation) -> Any:
        if isinstance(operation, op.Record) and refuses:
            raise OSError(5, "no")
        return perform(operation)

    (tmp_path / "hub").mkdir()
    refuses: List[bool] = []
    hub = HubSession(HubSpec(os.fsencode(tmp_path / "hub"), "a"), no_record)
    refuses.append(True)
    with pytest.raises(OSError, match="no"):
        put(hub, *new(folder("d"), file("d/a", "one")))
    refuses.clear()
    other = open_hub(tmp_path / "hub", "b")
    put(other, *new(folder("e"), file("e/b", "two")))
    assert [outcome.decision for outcome in put(hub, *new(file("d/a", "one")))] == [Decision.ALREADY]
    put(hub, change(file("d/a", "one"), file("d/a", "three")))
    found = {path: row for page in hub.news(None) for path, row in ((row.path, row) for row in page.rows)}
    assert set(found) == {b"d", b"d/a", b"e", b"e/b"}
    other.close()
    hub.close()


def pushed(folder: pathlib.Path, hub: Hub) -> HubReport:
    """What a push of ``here`` reports."""
    spec = PairSpec(os.fsencode(folder / "here"), b"hub", direction=Direction.PUSH, state=os.fsencode(folder / "state"))
    return hub_sync(spec, hub, b"hub:/srv")


@pytest.mark.skipif(not is_native(), reason="the C twin reads many at once")
def test_small_files_of_a_directory_are_read_at_once_for_a_hub(tmp_path: pathlib.Path) -> None:
    age(grow(tmp_path / "here", " ".join(f"d{number % 2}/{number}=text" for number in range(300))))
    hub = open_hub(tmp_path / "hub")
    reports: List[HubReport] = []
    assert calls_of("_one_by_one", lambda: reports.append(pushed(tmp_path, hub))) == 0
    assert reports[0].sent == len(tree(tmp_path / "hub")) == 300
    hub.close()


@pytest.mark.parametrize("rights", ["read", "read,write", "read,add"])
def test_a_client_that_may_not_is_told_before_it_sends_the_contents(tmp_path: pathlib.Path, rights: str) -> None:
    """One new file and one edited one are asked for; when that right lacks, all of them are."""
    here = grow(tmp_path / "here", " ".join(f"old{number}=text" for number in range(9)))
    (tmp_path / "hub").mkdir()
    age(here)
    everything = open_hub(tmp_path / "hub", "b")
    assert pushed(tmp_path, everything).sent == 9
    everything.close()
    grow(here, " ".join(f"new{number}=text old{number}=edited" for number in range(9)))
    age(here, 60)
    watch = Watch()
    hub = HubSession(HubSpec(os.fsencode(tmp_path / "hub"), "a", parse_rights(rights)), watch)
    report = pushed(tmp_path, hub)
    hub.close()
    may_add, may_write = "add" in rights, "write" in rights
    written = [part for each in watch.seen if isinstance(each, op.WriteFiles) for part in each.parts]
    assert report.sent == 9 * may_add + 9 * may_write
    assert len(report.pair.problems) == 18 - report.sent
    assert sum(part.names.count(b"\0") + 1 for part in written) == report.sent


def test_batches_over_a_line_are_each_answered(tmp_path: pathlib.Path) -> None:
    """More than one batch is on its way, and every file is in its place under a revision of its own batch."""
    offers = many(900)
    batches = [offers[start : start + 300] for start in range(0, len(offers), 300)]
    (tmp_path / "hub").mkdir()
    with Line("hub", {"root": os.fsencode(tmp_path / "hub"), "client": "a"}, LIMITS) as talk:
        hub = RemoteHub(talk)
        receipts = list(hub.put_all((batch, items_of(batch)) for batch in batches))
        assert [receipt.revision for receipt in receipts] == [1, 2, 3, 4]
        assert hub.facts().files == 900
    assert [len(receipt.outcomes) for receipt in receipts] == [300, 300, 300, 2]
    assert all(outcome.decision is Decision.COMMIT for receipt in receipts for outcome in receipt.outcomes)
