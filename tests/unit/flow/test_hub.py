# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client's session with a hub, in this process."""

from __future__ import annotations

import os
import pathlib
from typing import Any, Iterator

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT, Entry, Kind
from copia.core.errors import RemoteProtocolError
from copia.core.hub_words import Offer
from copia.core.parcel import Begin, Data, Same, Small, Trouble
from copia.core.paths import TreePath
from copia.disk import hub_notice
from copia.flow.hub import HubSession

from tests.hubs import LONG_AGO, change, file, folder, link, mark_of, new, open_hub, put, rows, tree

ONE, TWO, THREE = (file("a", text) for text in ("one", "two", "three"))


@pytest.fixture(name="root")
def fixture_root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "hub"


@pytest.fixture(name="hub")
def fixture_hub(root: pathlib.Path) -> Iterator[HubSession]:
    session = open_hub(root)
    yield session
    session.close()


def test_what_is_put_is_a_plain_tree_and_one_revision(root: pathlib.Path, hub: HubSession) -> None:
    given = new(folder("d"), file("d/a", "one", mode=0o600), link("l", "d/a"), file("deep/er/b", "two"))
    outcomes = put(hub, *given)
    assert {outcome.decision for outcome in outcomes} == {Decision.COMMIT}
    assert {outcome.revision for outcome in outcomes} == {hub.facts().revision} == {1}
    assert tree(root) == {"d/a": "one", "l": "->d/a", "deep/er/b": "two"}
    assert (root / "d/a").stat().st_mode & 0o777 == 0o600
    assert (root / "d/a").stat().st_mtime_ns == LONG_AGO
    assert (root / "d").stat().st_mtime_ns == LONG_AGO


def test_a_client_with_an_old_copy_overwrites_nothing(root: pathlib.Path, hub: HubSession) -> None:
    """L1: a second client never heard of ``two``; its version is kept beside, and it is told."""
    put(hub, *new(ONE))
    put(hub, change(ONE, TWO))
    (stale,) = put(hub, change(ONE, THREE))
    assert stale.decision is Decision.STALE
    assert stale.held == TWO
    assert tree(root) == {"a": "two", stale.kept_as.decode(): "three"}
    assert stale.kept_as.startswith(b"a.conflict-")


def test_a_client_that_was_killed_before_the_answer_offers_again(hub: HubSession) -> None:
    put(hub, *new(ONE))
    assert put(hub, change(ONE, TWO))[0].decision is Decision.COMMIT
    again = put(hub, change(ONE, TWO))[0]
    assert (again.decision, again.revision) == (Decision.ALREADY, 2)
    stale, repeated = put(hub, change(ONE, THREE))[0], put(hub, change(ONE, THREE))[0]
    assert stale.kept_as == repeated.kept_as
    assert hub.facts().conflicts == 1


def test_an_offer_changes_nothing(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    offers = [change(ONE, TWO), change(TWO, THREE), *new(ONE), change(ONE, ABSENT)]
    wanted = [Decision.COMMIT, Decision.STALE, Decision.ALREADY, Decision.COMMIT]
    assert [answer.decision for answer in hub.offer(offers)] == wanted
    assert tree(root) == {"a": "one"}
    assert hub.facts().revision == 1


def test_a_removal_is_conditional_and_leaves_a_tombstone(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE, file("b", "b")))
    mark = mark_of(hub)
    put(hub, change(ONE, TWO))
    assert put(hub, change(ONE, ABSENT))[0].decision is Decision.STALE
    assert put(hub, change(TWO, ABSENT))[0].decision is Decision.COMMIT
    assert put(hub, change(TWO, ABSENT))[0].decision is Decision.ALREADY
    assert tree(root) == {"b": "b"}
    assert rows(hub, mark)[b"a"].held == ABSENT
    assert b"a" not in rows(hub)


def test_a_directory_that_is_not_empty_stays(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(folder("d"), file("d/a", "one")))
    assert put(hub, change(folder("d"), ABSENT))[0].decision is Decision.STALE
    gone = put(hub, change(file("d/a", "one"), ABSENT), change(folder("d"), ABSENT))
    assert {outcome.decision for outcome in gone} == {Decision.COMMIT}
    assert not (root / "d").exists()


def test_kinds_change_places_only_as_expected(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    assert put(hub, change(ONE, link("a", "x")))[0].decision is Decision.COMMIT
    assert put(hub, change(link("a", "x"), folder("a")))[0].decision is Decision.COMMIT
    assert put(hub, change(link("a", "x"), ONE))[0].decision is Decision.STALE
    assert put(hub, change(folder("a"), TWO))[0].decision is Decision.COMMIT
    assert tree(root)["a"] == "two"


def test_below_something_that_is_no_directory_a_version_is_kept_above(root: pathlib.Path, hub: HubSession) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    root.joinpath("l").symlink_to(outside)
    put(hub, *new(ONE))
    for path in ("a/b", "l/b"):
        (stale,) = put(hub, *new(file(path, path)))
        assert stale.decision is Decision.STALE
        assert tree(root)[stale.kept_as.decode()] == path
    assert not list(outside.iterdir())


def test_conflict_copies_are_capped(hub: HubSession) -> None:
    put(hub, *new(ONE))
    outcomes = [put(hub, *new(file("a", f"version {number}")))[0] for number in range(10)]
    assert [outcome.decision for outcome in outcomes] == [Decision.STALE] * 8 + [Decision.REFUSED] * 2
    assert hub.facts().conflicts == 8


def test_a_name_that_is_taken_is_never_written_to(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    wanted = file("a", "mine")
    taken = "a.conflict-" + (wanted.digest or b"").hex()[:16]
    (root / taken).write_text("somebody's")
    (stale,) = put(hub, *new(wanted))
    assert tree(root)[taken] == "somebody's"
    assert tree(root)[stale.kept_as.decode()] == "mine"


def test_permissions_and_times_alone_are_an_offer_too(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    other = ONE._replace(mode=0o600, mtime_ns=LONG_AGO + 5)
    receipt = hub.put([change(ONE, other)], iter([Same(ONE.path)]))
    assert receipt.outcomes[0].decision is Decision.COMMIT
    found = (root / "a").stat()
    assert (found.st_mode & 0o7777, found.st_mtime_ns) == (0o600, LONG_AGO + 5)


def test_permissions_alone_of_what_somebody_edited_meanwhile_are_stale_and_leave_no_copy(
    root: pathlib.Path, hub: HubSession
) -> None:
    put(hub, *new(ONE))
    put(hub, change(ONE, TWO))
    (stale,) = hub.put([change(ONE, ONE._replace(mode=0o600))], iter([Same(ONE.path)])).outcomes
    assert (stale.decision, stale.kept_as, stale.held) == (Decision.STALE, b"", TWO)
    assert tree(root) == {"a": "two"}


def test_bits_beyond_the_permissions_are_stripped(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE._replace(mode=0o6755, uid=5, gid=5)))
    assert (root / "a").stat().st_mode & 0o7777 == 0o755
    assert put(hub, *new(ONE._replace(mode=0o4755)))[0].decision is Decision.ALREADY


def test_changes_by_hand_become_revisions(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE, file("b", "b"), file("d/c", "c")))
    mark = mark_of(hub)
    (root / "a").write_text("by hand")
    (root / "b").unlink()
    (root / "d/c").rename(root / "c")
    (root / "d").rmdir()
    (root / "e").mkdir()
    hub.refresh()
    news = rows(hub, mark)
    assert {path for path, row in news.items() if row.held == ABSENT} == {b"b", b"d", b"d/c"}
    assert {path for path, row in news.items() if isinstance(row.held, Entry)} == {b"a", b"c", b"e"}
    assert put(hub, change(ONE, TWO))[0].decision is Decision.STALE
    assert hub.refresh() == 0


def test_a_change_of_the_same_size_and_time_is_found_by_a_scrub(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    (root / "a").write_text("eno")
    os.utime(root / "a", ns=(LONG_AGO, LONG_AGO))
    assert hub.refresh() == 0
    assert hub.refresh(everything=True) == 1
    assert put(hub, change(ONE, TWO))[0].decision is Decision.STALE


def test_a_time_within_its_grain_vouches_for_nothing(root: pathlib.Path, hub: HubSession) -> None:
    """The same size and the same, recent time: the digest is taken from the file."""
    future = 2**62
    put(hub, *new(ONE._replace(mtime_ns=future)))
    (root / "a").write_text("eno")
    os.utime(root / "a", ns=(future, future))
    assert put(hub, change(ONE, TWO))[0].decision is Decision.STALE
    assert tree(root)["a"] == "eno"


def test_content_that_is_not_what_was_offered_is_not_taken(root: pathlib.Path, hub: HubSession) -> None:
    (outcome,) = hub.put(new(ONE), iter([Small(ONE.path, b"eno", b"")])).outcomes
    assert outcome.decision is Decision.REFUSED
    (changed,) = hub.put(new(ONE), iter([Trouble(ONE.path, "changed while it was read")])).outcomes
    assert (changed.decision, changed.why) == (Decision.REFUSED, "changed while it was read")
    with pytest.raises(RemoteProtocolError):
        hub.put(new(ONE), iter([]))
    with pytest.raises(RemoteProtocolError):
        hub.put(new(ONE), iter([Begin(ONE.path, 10**9)]))
    with pytest.raises(RemoteProtocolError):
        hub.put(new(ONE), iter([Small(TreePath(b"b"), b"one", b"")]))
    assert tree(root) == {}
    assert put(hub, *new(ONE))[0].decision is Decision.COMMIT


def test_large_files_travel_as_deltas_both_ways(root: pathlib.Path, hub: HubSession) -> None:
    before, after = "x" * 500_000, "x" * 499_999 + "y"
    put(hub, *new(file("a", before)))
    offer = change(file("a", before), file("a", after))
    (answer,) = hub.offer([offer])
    assert answer.signature is not None
    assert answer.signature.length == len(before)
    items = list(hub.fetch([TreePath(b"a")], [answer.signature]))
    assert sum(len(item.data) for item in items if isinstance(item, Data)) < 100_000


def test_what_is_neither_file_nor_directory_nor_link_is_left_alone(root: pathlib.Path, hub: HubSession) -> None:
    os.mkfifo(root / "a")
    assert hub.refresh() == 0
    (outcome,) = put(hub, *new(ONE))
    assert outcome.decision is Decision.REFUSED
    assert (root / "a").is_fifo()
    (special,) = put(hub, Offer(TreePath(b"b"), ABSENT, Entry(TreePath(b"b"), Kind.SPECIAL, 0, 0, 0)))
    assert special.decision is Decision.REFUSED


def test_what_is_put_while_a_look_reads_is_not_taken_for_what_was_read(
    root: pathlib.Path, hub: HubSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have one size and one time. The first was put by a session that was killed before it said so."""
    put(hub, *new(THREE))
    other = open_hub(root, "b")
    (root / "a").write_text("one")
    os.utime(root / "a", ns=(LONG_AGO, LONG_AGO))
    read = hub_notice.digests_of

    def meanwhile(*asked: Any) -> Any:
        digests = read(*asked)
        (outcome,) = put(other, change(ONE, TWO))
        assert outcome.decision is Decision.COMMIT
        return digests

    monkeypatch.setattr(hub_notice, "digests_of", meanwhile)
    hub.refresh()
    monkeypatch.undo()
    assert rows(hub)[b"a"].held == TWO
    (outcome,) = put(hub, change(ONE, THREE))
    assert outcome.decision is Decision.STALE
    assert tree(root) == {"a": "two", outcome.kept_as.decode(): "three"}
    assert not hub.refresh() and not other.refresh()
    other.close()
