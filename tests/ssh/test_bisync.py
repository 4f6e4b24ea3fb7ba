# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia bisync A HOST:B`` over real ssh."""

from __future__ import annotations

import os
import pathlib

from ansible_collections.copia.sync.plugins.module_utils._ansible import BISYNC_OPTIONS
from copia.task.pair import bisync_here

from tests.hosts import Hosts
from tests.links import both, link
from tests.pairs import equal
from tests.ssh.conftest import Run
from tests.trees import age, contents, grow

DONE = "Bidirectional sync complete: {} applied, {} conflict(s) preserved."


def test_two_trees_on_two_hosts(run: Run, tmp_path: pathlib.Path) -> None:
    age(grow(tmp_path / "left", "a=1 d/b=2:600 l->a both=ours -x=3"))
    age(grow(tmp_path / "right", "c=4 e/ both=theirs"))
    right = f"h1:{tmp_path}/right"
    status, lines, err = run("bisync", "left", right, "-n")
    assert (status, lines[1]) == (1, "(dry run) nothing was modified") and "no trusted base" in err
    assert not (tmp_path / "left" / "c").exists()
    status, lines, _err = run("bisync", "left", right)
    assert status == 1 and lines[-1].endswith("1 conflict(s) preserved.") and equal(tmp_path)
    assert run("bisync", "left", right) == (0, [DONE.format(0, 0)], "")
    (tmp_path / "left" / "a").unlink()
    (tmp_path / "right" / "c").write_bytes(os.urandom(300_000))
    assert run("bisync", "left", right)[:2] == (0, [DONE.format(2, 0)])
    assert equal(tmp_path) and b"a" not in contents(tmp_path / "right")


def test_what_either_side_displaces_stays_below_its_own_root(run: Run, tmp_path: pathlib.Path) -> None:
    age(grow(tmp_path / "left", "a=1 d/b=2 c=3"))
    age(grow(tmp_path / "right", "a=1 d/b=2 c=3"))
    words = ("bisync", "left", f"h1:{tmp_path}/right", "--backup-dir", ".old")
    assert run(*words)[0] == 0
    (tmp_path / "left" / "a").write_text("new")
    (tmp_path / "right" / "d" / "b").write_text("newer")
    (tmp_path / "left" / "c").unlink()
    assert run(*words)[:2] == (0, [DONE.format(3, 0)])
    assert (tmp_path / "right" / ".old" / "a").read_text() == "1"
    assert (tmp_path / "right" / ".old" / "c").read_text() == "3"
    assert (tmp_path / "left" / ".old" / "d" / "b").read_text() == "2"
    assert run(*words)[:2] == (0, [DONE.format(0, 0)])


def test_what_stops_it_is_one_line(run: Run, tmp_path: pathlib.Path) -> None:
    grow(tmp_path / "left", "a=1")
    for words, status, reason in (
        (("left", f"h1:{tmp_path}/nothing"), 1, "copia: root_missing: h1:"),
        (("left", f"h2:{tmp_path}/right"), 1, "copia: h2 has no copia: put the engine there"),
        ((f"h1:{tmp_path}/right", "left"), 2, "name that one as B"),
    ):
        found, lines, err = run("bisync", *words)
        assert (found, lines) == (status, []) and reason in err
        assert status == 2 or err.count("\n") == 1


def test_the_task_takes_a_tree_on_another_host(hosts: Hosts, tmp_path: pathlib.Path) -> None:
    """What the module runs on the host of ``left``."""
    link(grow(tmp_path / "left", "a=1"), "a", "a2")
    link(grow(tmp_path / "right", "b=2"), "b", "b2", "b3")
    options = {name: what.get("default") for name, what in BISYNC_OPTIONS.items()}
    options.update(left=f"{tmp_path}/left", right=f"h1:{tmp_path}/right", state_dir=f"{tmp_path}/state")
    options.update(ssh_args=["-F", f"{hosts.folder}/ssh_config"], preserve=["hard_links"])
    result = bisync_here(options, check=False, diff=True)
    assert result["changed"] and result["changes_total"] == 5
    assert both(tmp_path) == {frozenset({"a", "a2"}), frozenset({"b", "b2", "b3"})}
    assert not bisync_here(options, check=False, diff=False)["changed"]
