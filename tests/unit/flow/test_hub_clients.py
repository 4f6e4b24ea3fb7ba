# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several clients of a hub may do and learn, and what becomes of them when its index is lost."""

from __future__ import annotations

import pathlib
import shutil
from typing import Iterator

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT
from copia.core.errors import Busy, InputError
from copia.core.parcel import Begin, Data, End, Item, Small, Trouble
from copia.core.paths import TreePath
from copia.core.rights import READ_ONLY, parse_rights
from copia.flow.hub import HubSession

from tests.hubs import change, file, folder, mark_of, new, open_hub, put, rows, tree

ONE, TWO, THREE = (file("a", text) for text in ("one", "two", "three"))


@pytest.fixture(name="root")
def fixture_root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "hub"


@pytest.fixture(name="hub")
def fixture_hub(root: pathlib.Path) -> Iterator[HubSession]:
    session = open_hub(root)
    yield session
    session.close()


def test_a_lost_index_is_made_anew_and_is_another_hub(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE, file("d/b", "b")))
    before, before_mark = hub.facts(), mark_of(hub)
    hub.close()
    index = root / ".copia/hub/index.sqlite"
    for damage in (index.unlink, lambda: index.write_bytes(b"no index at all" * 999), lambda: index.write_bytes(b"")):
        damage()
        with_new = open_hub(root)
        facts = with_new.facts()
        assert facts.hub_id != before.hub_id
        assert facts.files == 2
        pages = list(with_new.news(before_mark))
        assert all(page.is_full for page in pages)
        assert not any(row.held == ABSENT for page in pages for row in page.rows)
        with_new.close()
    assert tree(root) == {"a": "one", "d/b": "b"}


def test_a_session_notices_that_its_index_was_made_anew(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    (root / ".copia/hub/index.sqlite").unlink()
    other = open_hub(root, "b")
    with pytest.raises(InputError, match="connect again"):
        put(hub, change(ONE, TWO))
    other.close()
    assert tree(root) == {"a": "one"}


def test_news_of_a_forgotten_time_are_everything(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE, file("b", "b")))
    mark = mark_of(hub)
    put(hub, change(ONE, ABSENT))
    assert not any(page.is_full for page in hub.news(mark))
    forgetful = open_hub(root, tombstone_days=0)
    assert all(page.is_full for page in forgetful.news(mark))
    assert set(rows(forgetful, mark)) == {b"b"}
    assert forgetful.facts().oldest == forgetful.facts().revision
    assert not any(page.is_full for page in forgetful.news(mark_of(forgetful)))
    forgetful.close()


def test_a_hub_restored_from_a_backup_is_found_out_although_it_has_as_many_revisions_again(
    root: pathlib.Path, tmp_path: pathlib.Path, hub: HubSession
) -> None:
    put(hub, *new(ONE, file("b", "b")))
    early = mark_of(hub)
    shutil.copytree(root, tmp_path / "backup", symlinks=True)
    put(hub, change(ONE, TWO))
    late = mark_of(hub)
    hub.close()
    shutil.rmtree(root)
    shutil.move(tmp_path / "backup", root)
    restored = open_hub(root)
    assert all(page.is_full for page in restored.news(late)), "it has no such revision"
    assert not any(page.is_full for page in restored.news(early)), "what was before the backup is still true"
    put(restored, change(ONE, THREE))
    now = mark_of(restored)
    assert (now.hub_id, now.revision) == (late.hub_id, late.revision) and now.stamp != late.stamp
    assert all(page.is_full for page in restored.news(late)), "it has another revision of that number"
    assert set(rows(restored, early)) == {b"a"}
    restored.close()


def test_a_client_is_away_from_when_its_revision_was_not_the_newest_any_more(root: pathlib.Path) -> None:
    """However old a revision is: who was told of it and nothing came after has missed nothing."""
    session = open_hub(root)
    put(session, *new(ONE))
    mark = mark_of(session)
    session.close()
    for _again in range(2):
        forgetful = open_hub(root, tombstone_days=0)
        assert not any(page.is_full for page in forgetful.news(mark))
        forgetful.close()


def test_news_come_in_pages(hub: HubSession) -> None:
    empty = mark_of(hub)
    put(hub, *new(*(file(f"d{number % 7}/{number}", "x") for number in range(2500))))
    for since in (None, empty):
        pages = list(hub.news(since))
        assert [page.is_last for page in pages] == [False, False, True]
        paths = [row.path for page in pages for row in page.rows]
        assert len(paths) == len(set(paths)) == 2507
        assert {(page.revision, page.stamp) for page in pages} == {(1, mark_of(hub).stamp)}
        assert any(page.is_full for page in pages) is (since is None)


def test_rights_are_those_of_the_hub_side(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    reader = open_hub(root, rights=READ_ONLY)
    adder = open_hub(root, rights=parse_rights("read,add"))
    for offer in (*new(file("b", "b")), change(ONE, TWO), change(ONE, ABSENT)):
        assert put(reader, offer)[0].decision is reader.offer([offer])[0].decision is Decision.REFUSED
    assert put(adder, *new(file("b", "b")))[0].decision is Decision.COMMIT
    assert put(adder, change(ONE, TWO))[0].decision is Decision.REFUSED
    reader.close()
    adder.close()
    blind = open_hub(root, rights=parse_rights("add"))
    assert not rows(blind)
    assert isinstance(next(blind.fetch([ONE.path], [None])), Trouble)
    (stale,) = put(blind, *new(file("a", "other")))
    assert (stale.decision, stale.held) == (Decision.STALE, ABSENT)
    blind.close()
    assert tree(root) == {"a": "one", "b": "b", stale.kept_as.decode(): "other"}


def test_a_prefix_is_a_wall(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(file("a/x", "x"), file("ab/y", "y"), file("z", "z")))
    inner = open_hub(root, prefix=TreePath(b"a"))
    assert set(rows(inner)) == {b"a", b"a/x"}
    assert inner.facts().files == 1
    for path in ("ab/y", "z", "ab", ".copia/hub/x", ".COPIA/x"):
        (outcome,) = put(inner, *new(file(path, "mine")))
        assert outcome.decision is Decision.REFUSED
        assert outcome.held == ABSENT
        assert isinstance(next(inner.fetch([TreePath(path.encode())], [None])), Trouble)
    assert put(inner, *new(file("a/y", "mine")))[0].decision is Decision.COMMIT
    inner.close()


def test_the_way_to_a_prefix_is_there_and_nobody_changes_it(root: pathlib.Path, hub: HubSession) -> None:
    inner = open_hub(root, prefix=TreePath(b"a/b"))
    assert set(rows(inner)) == {b"a", b"a/b"}
    mode = (root / "a").stat().st_mode
    assert put(inner, *new(folder("a", mode=0o700)))[0].decision is Decision.ALREADY
    assert (root / "a").stat().st_mode == mode
    assert put(inner, change(folder("a"), ABSENT))[0].decision is Decision.REFUSED
    inner.close()


def test_the_quota_is_checked_before_the_first_byte_and_again_under_the_lock(root: pathlib.Path) -> None:
    one, two = (open_hub(root, name, quota=10) for name in "ab")

    def meanwhile() -> Iterator[Item]:
        put(two, *new(file("b", "1234567")))
        yield Small(TreePath(b"a"), b"1234567", b"")

    (late,) = one.put(new(file("a", "1234567")), meanwhile()).outcomes
    assert late.decision is Decision.REFUSED
    (big,) = one.put(new(file("c", "x" * 11)), items_that_are_passed_over("c", b"x" * 11)).outcomes
    assert big.decision is Decision.REFUSED
    assert put(one, *new(file("d", "123")))[0].decision is Decision.COMMIT
    assert tree(root) == {"b": "1234567", "d": "123"}
    one.close()
    two.close()


def items_that_are_passed_over(path: str, data: bytes) -> Iterator[Item]:
    yield Begin(TreePath(path.encode()), len(data))
    yield Data(data)
    yield End(b"")


def test_the_lock_times_out(root: pathlib.Path, hub: HubSession) -> None:
    impatient = open_hub(root, "b", patience=0.01)
    with hub._hub.locked(), pytest.raises(Busy, match="busy"):
        put(impatient, *new(ONE))
    assert put(impatient, *new(ONE))[0].decision is Decision.COMMIT
    impatient.close()


def test_how_far_a_client_is(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    hub.acknowledge(1)
    other = open_hub(root, "b")
    other.acknowledge(99)
    assert [(seen.name, seen.revision) for seen in other.facts().clients] == [("a", 1), ("b", 1)]
    other.close()


def test_a_killed_session_leaves_no_rubbish_and_a_live_one_is_not_swept(root: pathlib.Path, hub: HubSession) -> None:
    put(hub, *new(ONE))
    dead = root / ".copia/hub/0123456789abcdef"
    dead.mkdir()
    (dead / "1").write_text("half")
    open_hub(root, "b").close()
    assert not dead.exists()
    assert put(hub, change(ONE, TWO))[0].decision is Decision.COMMIT
