# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the memory of ``copia hub-sync`` and of its hub grows with the tree: the same steps with a tenth of the files and
with all.

One client pushes a tree over ssh to a hub on a new file system, does so again with nothing to do, and with one file
changed in every directory. Then a second client pulls everything into an empty folder, and again with nothing to do.
Peaks of memory are the kernel's ``VmHWM`` of the client's process and of the hub's ``copia serve``. Once each.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import random
import shutil
from typing import List

from tests.hosts import Hosts, engine_venv

from .figures import Figures
from .ground import assert_equal, new_disk
from .hub import Ground, assert_equal_but_ours

IN_A_FOLDER = 100
LARGEST = 200
"""Bytes of a file."""
ROOM = 2 * 4096
"""On disk for each file: itself, and its share of folders and of an index."""


def measure(folder: pathlib.Path, sizes: List[int]) -> Figures:
    """Trees of ``sizes`` files in turn; ratios are to the first."""
    facts = {"cpus": str(os.cpu_count()), "system": platform.release()}
    figures = Figures(f"{sizes[0]:,} files", facts, unit="MB")
    engine = engine_venv()
    with Hosts(folder / "hosts", 1, "loopback", engine) as hosts:
        for files in sizes:
            ground = Ground(folder / f"of-{files}", engine / "bin" / "copia", hosts)
            with contextlib.ExitStack() as stack:
                hub = stack.enter_context(new_disk(ground.folder / "hub", 2 * files, files * ROOM))
                trees = stack.enter_context(new_disk(ground.folder / "trees", 3 * files, 2 * files * ROOM))
                _Steps(ground, figures, hub / "tree", trees, files).run()
            shutil.rmtree(ground.folder)
    return figures


class _Steps:
    """What is done with one tree."""

    def __init__(self, ground: Ground, figures: Figures, hub: pathlib.Path, trees: pathlib.Path, files: int) -> None:
        self.ground, self.figures, self.hub, self.files = ground, figures, hub, files
        self.tree, self.copy = trees / "tree", trees / "copy"

    def run(self) -> None:
        for path in (self.hub, self.copy):
            path.mkdir()
        plant(self.tree, self.files)
        self._step("first push", self.tree, "push")
        self._step("idle", self.tree, "push")
        edit(self.tree, self.files)
        self._step("1% changed", self.tree, "push")
        assert_equal_but_ours(self.tree, self.hub)
        self._step("second client, first pull", self.copy, "pull")
        assert_equal(self.tree, self.copy)
        self._step("second client, idle", self.copy, "pull")
        kept = {"client": self._state("push").rglob("*"), "hub": (self.hub / ".copia").rglob("index.sqlite*")}
        for side, found in kept.items():
            size = sum(path.stat().st_size for path in found if path.is_file())
            self.figures.facts[f"what the {side} keeps of {self.files:,} files"] = f"{size / 1e6:.1f} MB"

    def _step(self, name: str, tree: pathlib.Path, direction: str) -> None:
        os.sync()
        run = self.ground.sync(tree, self.hub, self._state(direction).name, direction)
        size = f"{self.files:,} files"
        self.figures.note(name, "client", size, run.client / 1e6, f"{run.seconds:.1f} s")
        self.figures.note(name, "hub", size, run.memory / 1e6, f"{run.processor:.1f} s of processor time")
        print(
            f"{size}, {name}: {run.seconds:.1f} s, client {run.client / 1e6:.0f} MB, "
            f"hub {run.memory / 1e6:.0f} MB and {run.processor:.1f} s of processor time",
            flush=True,
        )

    def _state(self, direction: str) -> pathlib.Path:
        """What the client of that direction remembers."""
        return self.ground.folder / f"state-{direction}"


def plant(root: pathlib.Path, files: int) -> None:
    """``files`` files of a few bytes to ``LARGEST``, ``IN_A_FOLDER`` in each directory."""
    dice = random.Random(files)
    for number in range(files):
        path = _path(root, number)
        if number % IN_A_FOLDER == 0:
            os.makedirs(os.path.dirname(path))
        with open(path, "xb", buffering=0) as stream:
            stream.write((b"%d " % number * LARGEST)[: dice.randrange(5, LARGEST)])


def edit(root: pathlib.Path, files: int) -> None:
    """One file in each directory is longer."""
    for number in range(0, files, IN_A_FOLDER):
        with open(_path(root, number), "ab", buffering=0) as stream:
            stream.write(b"edited\n")


def _path(root: pathlib.Path, number: int) -> str:
    folder = number // IN_A_FOLDER
    return f"{root}/d{folder // IN_A_FOLDER}/e{folder % IN_A_FOLDER}/file{number}"
