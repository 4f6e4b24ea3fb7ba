# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia bisync`` on one host beside ``unison`` and, where it is installed, ``rclone bisync``; whole processes.

Each program has trees and archives of its own, and they take turns in being first.
"""

from __future__ import annotations

import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time
from typing import Dict, List

from tests.chores import ROOT

from .figures import Figures
from .ground import claim_memory

COPIA, UNISON, RCLONE = "copia bisync", "unison -batch", "rclone bisync"
COMMAND = "import sys; from copia.cli import main; sys.exit(main())"
IDLE_TIMES = 3
"""An idle run is over soon and measured more often."""
_PIECE = 1 << 20
_SECOND = 1.1
"""Some of them see no edit of the same size in the same second."""


def measure(folder: pathlib.Path, rounds: int, files: int, megabytes: int) -> Figures:
    """Everything, below ``folder``: ``files`` small ones, and one of ``megabytes`` MiB."""
    facts = {"rounds": str(rounds), "files": f"{files:,}", "system": platform.release()}
    facts["big file"] = f"{megabytes} MiB"
    figures = Figures(UNISON, facts)
    tools = [COPIA, UNISON, *([RCLONE] if shutil.which("rclone") else [])]
    if RCLONE not in tools:
        figures.facts[RCLONE] = "not installed here"
    for number in range(rounds):
        pairs = [Pair(folder / f"{number}-{index}", tool, figures) for index, tool in enumerate(tools)]
        pairs = [*pairs[number % len(pairs) :], *pairs[: number % len(pairs)]]
        for pair in pairs:
            plant(pair.left, files)
        _small(pairs, f"{files:,} small files", files)
        for pair in pairs:
            pair.start_again()
            (pair.left / "big").write_bytes(b"")
            grow(pair.left / "big", megabytes)
        _big(pairs, f"a file of {megabytes} MiB")
        for pair in pairs:
            shutil.rmtree(pair.folder)
    _memory(Pair(folder / "memory", COPIA, figures), 5 * files)
    return figures


def _memory(pair: "Pair", files: int) -> None:
    """The peak of memory of a first and of an idle run, which others need not have."""
    plant(pair.left, files)
    name = f"{files:,} small files"
    first, idle = (pair.run(name, phase) for phase in ("first", "idle"))
    pair.figures.facts["peak memory"] = f"{first:.0f} MB for {files:,} new files, {idle:.0f} MB when nothing changed"
    shutil.rmtree(pair.folder)


def _small(pairs: "List[Pair]", name: str, files: int) -> None:
    for pair in pairs:
        pair.run(name, "first")
    for _time in range(IDLE_TIMES):
        for pair in pairs:
            pair.run(name, "idle")
    for pair in pairs:
        edit(pair.left, files, 0)
        edit(pair.right, files, 50)
        pair.run(name, "1% changed on each side")
        pair.check()
        pair.note_archive()


def _big(pairs: "List[Pair]", name: str) -> None:
    size = (pairs[0].left / "big").stat().st_size
    for pair in pairs:
        pair.run(name, "first", size)
    time.sleep(_SECOND)
    for pair in pairs:
        with open(pair.right / "big", "r+b") as stream:
            stream.seek(5 * _PIECE)
            stream.write(b"edited")
        pair.run(name, "edited", size)
        pair.check()


class Pair:
    """Two trees, and the program that brings them together."""

    def __init__(self, folder: pathlib.Path, tool: str, figures: Figures) -> None:
        self.folder, self.tool, self.figures = folder, tool, figures
        library = folder / "lib"
        library.mkdir(parents=True)
        (library / "copia").symlink_to(ROOT / "plugins" / "module_utils" / "_copia")
        self.environment = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
            "PYTHONPATH": os.pathsep.join(filter(None, [str(library), os.environ.get("PYTHONPATH")])),
            "PYTHONPYCACHEPREFIX": str(folder.parent / "pyc"),
            "COPIA_STATE": str(folder / "state"),
            "UNISON": str(folder / "state"),
        }
        self.start_again()

    def start_again(self) -> None:
        """Two empty trees that never agreed on anything."""
        self.number = getattr(self, "number", 0) + 1
        self.left, self.right = (self.folder / f"{side}{self.number}" for side in ("left", "right"))
        for tree in (self.left, self.right):
            tree.mkdir()

    def run(self, name: str, phase: str, fills: int = 0) -> float:
        """One run, noted; the answer is its peak of memory in MB. Who flushes does not flush what others left dirty,
        and the memory for a large file of ``fills`` bytes was there a moment ago (see ``claim_memory``).

        :raises SystemExit: when the program failed.
        """
        os.sync()
        claim_memory(fills)
        began = time.perf_counter()
        with open(os.devnull, "r+b") as nothing:
            process = subprocess.Popen(
                self._command(phase), env=self.environment, stdin=nothing, stdout=nothing, stderr=nothing
            )
        _pid, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self.tool} failed: {process.returncode}")
        self.figures.note(name, phase, self.tool, took)
        peak = used.ru_maxrss / 1024
        print(f"{name}, {phase}: {self.tool} {took:.2f} s, {peak:.0f} MB", flush=True)
        return peak

    def _command(self, phase: str) -> List[str]:
        sides = [str(self.left), str(self.right)]
        if self.tool == COPIA:
            return [sys.executable, "-c", COMMAND, "bisync", *sides]
        if self.tool == UNISON:
            return ["unison", "-batch", "-silent", "-times", *sides]
        again = ["--resync"] if phase == "first" else ["--force"]
        return ["rclone", "bisync", *sides, "--workdir", str(self.folder / "state"), *again]

    def check(self) -> None:
        """Both trees are equal.

        :raises SystemExit: when not.
        """
        if subprocess.run(["diff", "-rq", str(self.left), str(self.right)], check=False).returncode:
            raise SystemExit(f"{self.tool} left {self.left} and {self.right} different")

    def note_archive(self) -> None:
        """How large what it remembers is."""
        found: Dict[str, int] = {path.name: path.stat().st_size for path in (self.folder / "state").glob("*.archive")}
        if found:
            self.figures.facts["archive"] = f"{sum(found.values()):,} bytes"


def plant(root: pathlib.Path, files: int) -> None:
    """A tree of small files, a hundred in each directory."""
    for number in range(files):
        folder = root / f"d{number // 100}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"f{number}").write_text(f"content {number}\n" * 8)


def edit(root: pathlib.Path, files: int, start: int) -> None:
    """Change 1% of the files."""
    for number in range(start, files, 100):
        (root / f"d{number // 100}" / f"f{number}").write_text(f"edited {number}, and it is longer now\n")


def grow(path: pathlib.Path, megabytes: int) -> None:
    """A file of random bytes."""
    with open(path, "ab") as stream:
        for _number in range(megabytes):
            stream.write(os.urandom(_PIECE))
