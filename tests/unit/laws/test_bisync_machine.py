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
from typing import Any, ClassVar, Dict, Iterator, Optional, Set

from copia.core.brakes import Limit
from copia.core.entries import Problem
from copia.core.manifest import Block
from copia.core.paths import TreePath, path_key
from copia.core.selection import Rules
from copia.disk import operations as op
from copia.disk.perform import perform
from copia.flow.bisync import bisync
from copia.flow.local_side import LocalSide
from copia.flow.pair import PairSpec
from copia.flow.sides import Scanned
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.trees import harvest

SIDES = st.sampled_from([0, 1])
PATHS = st.sampled_from(["a", "b", "d", "d/a", "d/b", "d/e/a", "e"])
STEPS = int(os.environ.get("COPIA_BISYNC_STEPS", "20000"))
"""Steps in all, at least."""
WALK = 50
"""Steps of one walk, at most."""
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Nothing here needs a disk, and in memory a step costs less."""


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


class HalfBlind(LocalSide):
    """A tree of which one directory cannot be listed."""

    def __init__(self, path: bytes, blind: bytes) -> None:
        super().__init__(path, durable=False)
        self.blind = TreePath(blind)

    def scan(self, rules: Rules) -> Scanned:
        """What is left when nobody can look below ``blind``."""
        found = super().scan(rules)
        return found if not os.path.isdir(os.path.join(self._path, self.blind)) else self._blinded(found)

    def _blinded(self, found: Scanned) -> Scanned:
        """It is found out when the walk comes by."""

        def blocks() -> Iterator[Optional[Block]]:
            for block in found.blocks:
                if path_key(block.directory) >= path_key(self.blind):
                    yield None
                if block.directory != self.blind and not block.directory.startswith(below):
                    yield block
            yield None

        def blinded() -> Iterator[Block]:
            for block in blocks():
                if block is not None:
                    yield block
                elif not found.seen.unlisted:
                    found.seen.unlisted.append(self.blind)
                    found.seen.problems.append(Problem(self.blind, "cannot be listed"))

        below = self.blind + b"/" if self.blind else b""
        return found._replace(blocks=blinded())


def texts_of(root: bytes) -> Dict[bytes, bytes]:
    """The content of every file and the text of every link below ``root``."""
    found: Dict[bytes, bytes] = {}
    waiting = [b""]
    while waiting:
        directory = waiting.pop()
        with os.scandir(os.path.join(root, directory)) as entries:
            for entry in entries:
                path = os.path.join(directory, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif entry.is_symlink():
                    found[path] = os.readlink(entry.path)
                else:
                    with open(entry.path, "rb") as stream:
                        found[path] = stream.read()
    return found


class TwoTrees(RuleBasedStateMachine):
    """Two trees, users who work in them, and runs that may die."""

    steps: ClassVar[int] = 0

    @initialize(portion=st.sampled_from([1, 3, 1000]))
    def begin(self, portion: int) -> None:
        self.portion = portion
        self.folder = os.fsencode(tempfile.mkdtemp(prefix="copia-machine-", dir=MEMORY))
        self.roots = [os.path.join(self.folder, name) for name in (b"left", b"right")]
        for root in self.roots:
            os.mkdir(root)
        self.owed: Set[bytes] = set()
        self.number = 0
        self.time = 10**18

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def spec(self, swapped: bool, **options: Any) -> PairSpec:
        left, right = self.roots[::-1] if swapped else self.roots
        state = os.path.join(self.folder, b"state")
        rules = {"limit": Limit(100, True), "force": True, "durable": False, "state": state, "max_conflicts": 1000}
        return PairSpec(left, right, **{**rules, "portion": self.portion, **options})

    def own(self, root: bytes) -> Dict[bytes, bytes]:
        return texts_of(root)

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

    @rule(swapped=st.booleans(), name=st.sampled_from(["", "d", "d/e"]))
    def sync_half_blind(self, swapped: bool, name: str) -> None:
        """Of a directory that cannot be listed on one side nothing is touched, on either."""
        blind = os.fsencode(name)
        side = HalfBlind(self.roots[0 if swapped else 1], blind)
        existed = os.path.isdir(os.path.join(side.place, blind))
        before = [self.below(root, blind) for root in self.roots]
        report = bisync(self.spec(swapped), right=side)
        assert not existed or ([self.below(root, blind) for root in self.roots] == before and report.problems)

    def below(self, root: bytes, directory: bytes) -> Dict[bytes, bytes]:
        inside = directory + b"/" if directory else b""
        found = texts_of(root).items()
        return {path: text for path, text in found if path.startswith(inside) and not path.startswith(b".copia")}

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
        type(self).steps += 1
        there = {text for root in self.roots for text in self.own(root).values()}
        assert self.owed <= there, self.owed - there


def test_no_sequence_of_steps_loses_what_is_owed() -> None:
    """Walks until there were enough steps: some walks are short."""
    TwoTrees.steps = 0
    while TwoTrees.steps < STEPS:
        walks = (STEPS - TwoTrees.steps) // WALK + 1
        run_state_machine_as_test(
            TwoTrees, settings=settings(max_examples=walks, stateful_step_count=WALK, deadline=None)
        )
