# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of a hub replace and remove is kept for its operator, within bounds, and out of their reach."""

from __future__ import annotations

import errno
import os
import pathlib
import re
from typing import Any, List, Tuple

import pytest
from copia.core.cas import Decision
from copia.core.entries import ABSENT
from copia.core.hub_words import Keeping
from copia.core.paths import TreePath
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.hub import HubSession, HubSpec
from copia.flow.hub_keeping import KeepSpec, facts_of, keep_hub

from tests.hubs import change, file, folder, link, new, open_hub, put, rows, tree

ONE, TWO, THREE, FOUR = (file("d/a", text) for text in ("one", "two", "three", "four"))
MANY = Keeping(versions=10)


@pytest.fixture(name="root")
def fixture_root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "hub"


def kept(root: pathlib.Path) -> List[Tuple[str, str]]:
    """``(path, text)`` of what is kept, the oldest first."""
    top = root / ".copia/hub/versions"
    found = sorted((path for path in top.rglob("*") if path.is_file()), key=lambda path: path.stat().st_ctime_ns)
    return [(str(path.relative_to(top)).split("/", 1)[1], path.read_text()) for path in found]


def test_what_is_replaced_and_removed_is_kept_as_it_was(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=MANY)
    put(hub, *new(ONE._replace(mode=0o640), file("gone", "g"), file("tolink", "t"), link("l", "x")))
    inode = (root / "d/a").stat().st_ino
    put(hub, change(ONE, TWO), change(file("gone", "g"), ABSENT), change(file("tolink", "t"), link("tolink", "l")))
    put(hub, change(link("l", "x"), link("l", "y")), change(TWO, THREE))
    assert sorted(kept(root)) == [("d/a", "one"), ("d/a", "two"), ("gone", "g"), ("tolink", "t")]
    places = sorted(path.name for path in (root / ".copia/hub/versions").iterdir())
    assert len(places) == 2 and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{8}", name) for name in places)
    (first,) = (path for path in (root / ".copia/hub/versions").rglob("a") if path.read_text() == "one")
    assert (first.stat().st_ino, first.stat().st_mode & 0o777, first.stat().st_nlink) == (inode, 0o640, 1)
    assert hub.versions() == (4, 3 + 3 + 1 + 1)
    hub.close()


def test_nothing_is_kept_of_what_nobody_displaces(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=MANY)
    put(hub, *new(ONE))
    put(hub, change(ONE, ONE._replace(mode=0o600)))
    assert put(hub, change(TWO, THREE))[0].decision is Decision.STALE
    assert put(hub, change(ONE, ONE._replace(mode=0o600)))[0].decision is Decision.ALREADY
    assert put(hub, change(ONE, ONE))[0].decision is Decision.COMMIT
    assert put(hub, change(folder("d"), ABSENT))[0].decision is Decision.STALE
    assert kept(root) == [] and hub.versions() == (0, 0)
    hub.close()
    careless = open_hub(root)
    put(careless, change(ONE, TWO))
    assert kept(root) == []
    careless.close()


def test_the_newest_of_each_path_are_kept(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=Keeping(versions=2))
    put(hub, *new(ONE, file("b", "b1")))
    put(hub, change(file("b", "b1"), file("b", "b2")))
    for old, young in ((ONE, TWO), (TWO, THREE), (THREE, FOUR), (FOUR, ONE)):
        put(hub, change(old, young))
    assert kept(root) == [("b", "b1"), ("d/a", "three"), ("d/a", "four")]
    assert len(list((root / ".copia/hub/versions").iterdir())) == 3, "no empty folder stays"
    hub.close()


def test_the_oldest_go_when_they_are_too_many_bytes(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=Keeping(versions=9, bytes=10))
    put(hub, *new(ONE, file("b", "12345")))
    put(hub, change(file("b", "12345"), ABSENT))
    for old, young in ((ONE, TWO), (TWO, THREE)):
        put(hub, change(old, young))
    assert kept(root) == [("d/a", "one"), ("d/a", "two")]
    put(hub, change(THREE, file("d/a", "x" * 11)))
    put(hub, change(file("d/a", "x" * 11), ABSENT))
    assert kept(root) == [], "one that is too large for the bound is not kept"
    hub.close()


def test_the_old_ones_go_with_their_days(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=MANY)
    put(hub, *new(ONE))
    put(hub, change(ONE, TWO))
    index = hub._hub.index
    index.connection.execute("UPDATE versions SET made_ns = made_ns - ?", (31 * 86_400 * 10**9,))
    put(hub, change(TWO, THREE))
    assert kept(root) == [("d/a", "two")]
    index.connection.execute("UPDATE versions SET made_ns = made_ns - ?", (31 * 86_400 * 10**9,))
    hub.close()
    facts_of(os.fsencode(root))
    open_hub(root).close()
    assert kept(root) == [("d/a", "two")], "who only asks, or keeps nothing, removes nothing"
    open_hub(root, keep=MANY).close()
    assert kept(root) == []


def test_the_operator_lowers_the_bound_and_counts(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=MANY)
    put(hub, *new(ONE))
    for old, young in ((ONE, TWO), (TWO, THREE), (THREE, FOUR)):
        put(hub, change(old, young))
    hub.close()
    spec = KeepSpec(os.fsencode(root), keep_versions=1)
    assert keep_hub(spec).versions == (1, 5)
    assert kept(root) == [("d/a", "three")]
    assert facts_of(os.fsencode(root))[1] == (1, 5)
    (version,) = (root / ".copia/hub/versions").rglob("a")
    version.unlink()
    assert keep_hub(spec).versions == (0, 0), "who removes one by hand is right"


def test_no_client_gets_at_them_and_a_copy_brings_one_back(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=MANY)
    put(hub, *new(ONE))
    put(hub, change(ONE, TWO))
    (version,) = (root / ".copia/hub/versions").rglob("a")
    path = str(version.relative_to(root))
    assert TreePath(os.fsencode(path)) not in rows(hub)
    assert put(hub, change(file(path, "one"), ABSENT))[0].decision is Decision.REFUSED
    hub.close()
    (root / "d/a").write_bytes(version.read_bytes())
    back = open_hub(root)
    assert rows(back)[b"d/a"].held.digest == ONE.digest  # type: ignore[union-attr]
    back.close()


def test_where_a_file_can_have_no_second_name_it_is_copied(root: pathlib.Path) -> None:
    def without_links(operation: op.Operation) -> Any:
        if isinstance(operation, op.Link):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return perform(operation)

    root.mkdir()
    hub = HubSession(HubSpec(os.fsencode(root), "a", keep=MANY), without_links)
    put(hub, *new(ONE._replace(mode=0o640)))
    put(hub, change(ONE, TWO))
    (version,) = (root / ".copia/hub/versions").rglob("a")
    assert (version.read_text(), version.stat().st_mode & 0o777) == ("one", 0o640)
    assert tree(root) == {"d/a": "two"}
    hub.close()


def test_what_cannot_be_kept_is_not_displaced(root: pathlib.Path) -> None:
    def without_room(operation: op.Operation) -> Any:
        if isinstance(operation, op.Link):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return perform(operation)

    root.mkdir()
    hub = HubSession(HubSpec(os.fsencode(root), "a", keep=MANY), without_room)
    put(hub, *new(ONE))
    (refused,) = put(hub, change(ONE, TWO))
    assert refused.decision is Decision.REFUSED and "space" in refused.why
    assert tree(root) == {"d/a": "one"}
    hub.close()


def test_a_new_index_counts_what_is_there(root: pathlib.Path) -> None:
    hub = open_hub(root, keep=MANY)
    put(hub, *new(ONE))
    put(hub, change(ONE, TWO))
    hub.close()
    (root / ".copia/hub/index.sqlite").unlink()
    again = open_hub(root, keep=MANY)
    assert again.versions() == (1, 3) and kept(root) == [("d/a", "one")]
    again.close()
