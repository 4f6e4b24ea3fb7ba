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

COPIA, UNISON, RCLONE = "copia bisync", "unison -batch", "rclone bisync"
COMMAND = "import sys; from copia.cli import main; sys.exit(main())"
IDLE_TIMES = 3
"""An idle run is over soon and measured more often."""
_PIECE = 1 << 20


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
    return figures


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
    for pair in pairs:
        pair.run(name, "first")
    for pair in pairs:
        with open(pair.right / "big", "r+b") as stream:
            stream.seek(5 * _PIECE)
            stream.write(b"edited")
        pair.run(name, "edited")
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

    def run(self, name: str, phase: str) -> None:
        """One run, noted.

        :raises CalledProcessError: when the program failed.
        """
        began = time.perf_counter()
        subprocess.run(
            self._command(phase), env=self.environment, check=True, stdin=subprocess.DEVNULL, capture_output=True
        )
        took = time.perf_counter() - began
        self.figures.note(name, phase, self.tool, took)
        print(f"{name}, {phase}: {self.tool} {took:.2f} s", flush=True)

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
