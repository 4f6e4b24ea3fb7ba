# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any sequence of edits, syncs, crashes and lost archives: no content that a user owns is ever gone.

The model is a set of owed contents: every text that a user wrote and has not written over or deleted on every side that
had it. A text that was edited or deleted on one side, while the other side has not changed it, is owed no more.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Dict, Set

from copia.core.brakes import Limit
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync
from copia.flow.pair import PairSpec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.trees import harvest

SIDES = st.sampled_from([0, 1])
PATHS = st.sampled_from(["a", "b", "d", "d/a", "d/b", "d/e/a", "e"])
EXAMPLES = int(os.environ.get("COPIA_BISYNC_EXAMPLES", "100"))
STEPS = 50


class Killed(BaseException):
    """The process is gone."""


class KillAfter:
    """Performs ``count`` operations and dies at the next."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, operation: op.Operation) -> Any:
        if self.count == 0:
            raise Killed
        self.count -= 1
        return perform(operation)


class TwoTrees(RuleBasedStateMachine):
    """Two trees, users who work in them, and runs that may die."""

    @initialize()
    def begin(self) -> None:
        self.folder = os.fsencode(tempfile.mkdtemp(prefix="copia-machine-"))
        self.roots = [os.path.join(self.folder, name) for name in (b"left", b"right")]
        for root in self.roots:
            os.mkdir(root)
        self.owed: Set[bytes] = set()
        self.number = 0
        self.time = 10**18
        self.unreadable: Dict[bytes, bool] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def spec(self, swapped: bool, **options: Any) -> PairSpec:
        left, right = self.roots[::-1] if swapped else self.roots
        state = os.path.join(self.folder, b"state")
        rules = {"limit": Limit(100, True), "force": True, "durable": False, "state": state, "max_conflicts": 1000}
        return PairSpec(left, right, **{**rules, **options})

    def own(self, root: bytes) -> Dict[bytes, bytes]:
        return {path: what[1] for path, what in harvest(root).items() if what[0] in ("file", "link")}

    def forget(self, side: int, path: bytes) -> None:
        """The user lets go of what stands at and below a path: owed no more, wherever else the same text is."""
        for name, text in self.own(self.roots[side]).items():
            if name == path or name.startswith(path + b"/"):
                self.owed.discard(text)

    def clear(self, side: int, name: str) -> bytes:
        """Make room at a path: what stands there, or in the way of it, is let go."""
        path, root = os.fsencode(name), self.roots[side]
        parts = path.split(b"/")
        for depth in range(1, len(parts) + 1):
            upper = b"/".join(parts[:depth])
            full = os.path.join(root, upper)
            if os.path.lexists(full) and (depth == len(parts) or not os.path.isdir(full) or os.path.islink(full)):
                self.forget(side, upper)
                shutil.rmtree(full) if os.path.isdir(full) and not os.path.islink(full) else os.unlink(full)
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    @rule(side=SIDES, name=PATHS, link=st.integers(0, 7))
    def write(self, side: int, name: str, link: int) -> None:
        full = self.clear(side, name)
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

    @rule(side=SIDES, name=PATHS)
    def make_directory(self, side: int, name: str) -> None:
        os.mkdir(self.clear(side, name))

    @rule(side=SIDES, name=PATHS)
    def delete(self, side: int, name: str) -> None:
        self.clear(side, name)

    @rule(side=SIDES, name=PATHS, to=PATHS)
    def rename(self, side: int, name: str, to: str) -> None:
        source, target = (os.path.join(self.roots[side], os.fsencode(each)) for each in (name, to))
        if os.path.isfile(source) and not os.path.lexists(target) and os.path.isdir(os.path.dirname(target)):
            os.rename(source, target)

    @rule(swapped=st.booleans())
    def sync(self, swapped: bool) -> None:
        report = bisync(self.spec(swapped))
        assert not report.problems, report.problems
        assert self.own(self.roots[0]) == self.own(self.roots[1])
        again = bisync(self.spec(not swapped))
        assert not again.changed and not again.conflicts
        assert not any(side.touched for side in again.sides)
        assert again.base == "trusted"

    @rule(swapped=st.booleans(), count=st.integers(0, 60))
    def sync_and_die(self, swapped: bool, count: int) -> None:
        try:
            bisync(self.spec(swapped), carry_out=KillAfter(count))
        except Killed:
            pass

    @rule(swapped=st.booleans())
    def check(self, swapped: bool) -> None:
        before = [harvest(root) for root in self.roots]
        bisync(self.spec(swapped, check=True))
        assert [harvest(root) for root in self.roots] == before

    @rule(newest_only=st.booleans())
    def lose_the_archive(self, newest_only: bool) -> None:
        state = os.path.join(self.folder, b"state")
        for name in os.listdir(state) if os.path.isdir(state) else ():
            if name.endswith(b".archive"):
                with open(os.path.join(state, name), "r+b") as stream:
                    stream.seek(-1, os.SEEK_END)
                    last = stream.read(1)
                    stream.seek(-1, os.SEEK_END)
                    stream.write(bytes([last[0] ^ 1]))
            elif not newest_only:
                os.unlink(os.path.join(state, name))

    @precondition(lambda self: hasattr(self, "roots"))
    @invariant()
    def nothing_owed_is_gone(self) -> None:
        there = {text for root in self.roots for text in self.own(root).values()}
        assert self.owed <= there, self.owed - there


TestTwoTrees = TwoTrees.TestCase
TestTwoTrees.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
