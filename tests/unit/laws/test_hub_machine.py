# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three clients and a hub: any sequence of edits, runs in any direction, crashes and lost bases; no content is gone.

The model is a set of owed contents: every text that a user wrote, until a user writes over it or deletes it there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Dict, Set

from copia.core.brakes import Limit
from copia.core.hub_plan import Direction
from copia.flow.hub_door import Reach, sync_with
from copia.flow.pair import PairSpec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.faults.test_kill import KillAfter, Killed
from tests.trees import harvest

CLIENTS = st.sampled_from([0, 1, 2])
PATHS = st.sampled_from(["a", "b", "d", "d/a", "d/b", "d/e/a", "e"])
DIRECTIONS = st.sampled_from(list(Direction))
EXAMPLES = int(os.environ.get("COPIA_HUB_EXAMPLES", "25"))
STEPS = 30


class Fleet(RuleBasedStateMachine):
    """Three trees, a hub, users who work in the trees, and runs that may die."""

    @initialize(portion=st.sampled_from([1, 3, 1000]))
    def begin(self, portion: int) -> None:
        self.portion = portion
        self.folder = os.fsencode(tempfile.mkdtemp(prefix="copia-fleet-"))
        self.hub = os.path.join(self.folder, b"hub")
        self.roots = [os.path.join(self.folder, b"client%d" % number) for number in range(3)]
        for root in (self.hub, *self.roots):
            os.mkdir(root)
        self.owed: Set[bytes] = set()
        self.number = 0
        self.time = 10**18

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def run(self, client: int, direction: Direction, carry_out: Any = None) -> Any:
        rules: Dict[str, Any] = {"limit": Limit(100, True), "force": True, "durable": False, "max_conflicts": 1000}
        state = os.path.join(self.folder, b"state%d" % client)
        how: Dict[str, Any] = {"direction": direction, "state": state, "portion": self.portion}
        spec = PairSpec(self.roots[client], self.hub, **how, **rules)
        return sync_with(spec, Reach(retries=0), carry_out=carry_out)

    def own(self, root: bytes) -> Dict[bytes, bytes]:
        found = {path: what for path, what in harvest(root).items() if not path.startswith(b".copia")}
        return {path: what[1] for path, what in found.items() if what[0] in ("file", "link")}

    def clear(self, client: int, name: str) -> bytes:
        """Make room at a path: what stands there, or in the way of it, is owed no more."""
        path, root = os.fsencode(name), self.roots[client]
        parts = path.split(b"/")
        for depth in range(1, len(parts) + 1):
            upper = b"/".join(parts[:depth])
            full = os.path.join(root, upper)
            if os.path.lexists(full) and (depth == len(parts) or not os.path.isdir(full) or os.path.islink(full)):
                for below, text in self.own(root).items():
                    if below == upper or below.startswith(upper + b"/"):
                        self.owed.discard(text)
                shutil.rmtree(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    @rule(client=CLIENTS, name=PATHS, link=st.integers(0, 7))
    def write(self, client: int, name: str, link: int) -> None:
        full = self.clear(client, name)
        self.number += 1
        self.time += 10**9 + 1
        text = b"text %03d" % self.number
        if link == 0:
            os.symlink(text, full)
        else:
            with open(full, "wb") as stream:
                stream.write(text)
        os.utime(full, ns=(self.time, self.time), follow_symlinks=False)
        self.owed.add(text)

    @rule(client=CLIENTS, name=PATHS)
    def make_directory(self, client: int, name: str) -> None:
        os.mkdir(self.clear(client, name))

    @rule(client=CLIENTS, name=PATHS)
    def delete(self, client: int, name: str) -> None:
        self.clear(client, name)

    @rule(client=CLIENTS, name=PATHS, to=PATHS)
    def rename(self, client: int, name: str, to: str) -> None:
        source, target = (os.path.join(self.roots[client], os.fsencode(each)) for each in (name, to))
        if os.path.isfile(source) and not os.path.lexists(target) and os.path.isdir(os.path.dirname(target)):
            os.rename(source, target)

    @rule(client=CLIENTS, direction=DIRECTIONS)
    def sync(self, client: int, direction: Direction) -> None:
        report = self.run(client, direction)
        assert not report.pair.problems, report.pair.problems

    @rule(client=CLIENTS)
    def sync_both_ways_until_it_rests(self, client: int) -> None:
        for _time in range(2):
            report = self.run(client, Direction.BOTH)
            assert not report.pair.problems, report.pair.problems
        assert not report.pair.changed and not report.pair.conflicts
        assert report.pair.base == "trusted"
        assert self.own(self.roots[client]) == self.own(self.hub)

    @rule(client=CLIENTS, direction=DIRECTIONS, count=st.integers(0, 60))
    def sync_and_die(self, client: int, direction: Direction, count: int) -> None:
        try:
            self.run(client, direction, KillAfter(count, after=False))
        except Killed:
            pass

    @rule(client=CLIENTS)
    def lose_the_base(self, client: int) -> None:
        shutil.rmtree(os.path.join(self.folder, b"state%d" % client), ignore_errors=True)

    @precondition(lambda self: hasattr(self, "roots"))
    @invariant()
    def nothing_owed_is_gone(self) -> None:
        there = {text for root in (self.hub, *self.roots) for text in self.own(root).values()}
        assert self.owed <= there, self.owed - there


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
