# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia sync -r`` on one host beside ``rsync -a``: nothing to do, first copies, walking; many small files.

Copies go to a new ext4 of their own each time, since file systems are slow at making files just after they removed
many; that needs root.
"""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import sys
import time
from typing import Dict, List, Mapping, Sequence, Tuple

from tests.chores import ROOT

from .figures import Figures
from .ground import new_disk

RSYNC, NATIVE, PYTHON = "rsync -a", "copia, C twin", "copia, Python"
NATIVE_WALK, PYTHON_WALK = "scan, C twin", "scan, Python"
SIZE = 4096
SHORT = 3
"""What is over in a second is measured more often: the rounds are multiplied."""
COMMAND = "import sys; from copia.cli import main; sys.exit(main())"
WALK = "import os, sys; from copia.disk.scan import Scan; Scan().tree(os.open(sys.argv[1], os.O_RDONLY))"
WITHOUT_C = "import sys; sys.modules['_copia_native'] = None; "


def measure(folder: pathlib.Path, rounds: int, files: int) -> Figures:
    """Everything, below ``folder``; ``files`` of 4 KiB in directories of a hundred."""
    facts = {"rounds": str(rounds), "files": f"{files:,} of {SIZE} bytes", "system": platform.release()}
    figures = Figures(RSYNC, facts)
    bench = _Bench(folder, figures)
    with new_disk(folder / "source", 2 * files, files * 4 * SIZE) as disk:
        source = tree(disk / "tree", files)
        bench.run(("cp", "-a", f"{source}", f"{disk / 'same'}"))
        for number in range(SHORT * rounds):
            bench.walk(source, number)
            bench.nothing_to_do(source, disk / "same", number)
        for number in range(rounds if not os.geteuid() else 0):
            for durable in (False, True):
                bench.first_copy(source, files, durable, number)
    figures.facts["peak memory, nothing to do"] = f"{bench.peak / 1024:.0f} MB"
    return figures


def tree(place: pathlib.Path, files: int) -> pathlib.Path:
    """The source: nothing in it was changed just now."""
    for number in range(files):
        path = place / f"a{number // 10_000}" / f"b{number // 100 % 100}" / f"file{number}.txt"
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(SIZE))
        when = 1_600_000_000_000_000_000 + number * 1000
        os.utime(path, ns=(when, when))
    return place


class _Bench:
    """Runs commands and notes how long they took; ``peak`` is in KiB."""

    def __init__(self, folder: pathlib.Path, figures: Figures) -> None:
        self.folder, self.figures = folder, figures
        self.peak = 0
        (folder / "lib").mkdir()
        (folder / "lib" / "copia").symlink_to(ROOT / "plugins" / "module_utils" / "_copia")
        paths = [str(folder / "lib"), *filter(None, [os.environ.get("PYTHONPATH")])]
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
        self.starts = {PYTHON: WITHOUT_C, NATIVE: ""} if self._has_c() else {PYTHON: WITHOUT_C}

    def _has_c(self) -> bool:
        code = "from copia.core import twin; raise SystemExit(twin.native is None)"
        return not subprocess.run([sys.executable, "-c", code], env=self.environment, check=False).returncode

    def run(self, command: Sequence[str]) -> Tuple[float, int]:
        """Seconds, and the peak of memory in KiB."""
        started = time.perf_counter()
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed: {process.returncode}")
        return seconds, usage.ru_maxrss

    def _alternate(self, workload: str, phase: str, commands: Mapping[str, Sequence[str]], number: int) -> None:
        for tool in turned(list(commands), number):
            seconds, peak = self.run(commands[tool])
            self.figures.note(workload, phase, tool, seconds)
            if phase == "nothing to do" and tool == NATIVE:
                self.peak = max(self.peak, peak)

    def _copia(self, *words: str) -> Dict[str, List[str]]:
        words = ("sync", "-r", *words)
        return {tool: [sys.executable, "-c", start + COMMAND, *words] for tool, start in self.starts.items()}

    def walk(self, source: pathlib.Path, number: int) -> None:
        """One tree looked at; rsync has to look at both of its own."""
        scans = {
            {PYTHON: PYTHON_WALK, NATIVE: NATIVE_WALK}[tool]: [sys.executable, "-c", start + WALK, str(source)]
            for tool, start in self.starts.items()
        }
        find = {"find -printf": ["find", str(source), "-printf", "%y %m %s %T@ %p\\n"]}
        dry = {RSYNC: ["rsync", "-an", f"{source}/", f"{source.parent / 'same'}/"]}
        self._alternate("walk", "one tree (rsync -an: two)", {**dry, **find, **scans}, number)

    def nothing_to_do(self, source: pathlib.Path, same: pathlib.Path, number: int) -> None:
        """Two equal trees."""
        commands = {RSYNC: ["rsync", "-a", f"{source}/", f"{same}/"], **self._copia(str(source), str(same))}
        self._alternate("mirror", "nothing to do", commands, number)

    def first_copy(self, source: pathlib.Path, files: int, durable: bool, number: int) -> None:
        """All files are new; ``durable`` ends when they are on disk."""
        phase = "first copy, on disk (rsync; sync -f)" if durable else "first copy"
        for tool in turned([RSYNC, *self.starts], number):
            with new_disk(self.folder / "target", 2 * files, files * 4 * SIZE) as disk:
                there = str(disk / "tree")
                sync = "; sync -f" if durable else ""
                rsync = ["sh", "-c", f'rsync -a "$0/" "$1/" && {{ :{sync} "$1"; }}', str(source), there]
                words = [str(source), there] if durable else ["--no-durable", str(source), there]
                command = rsync if tool == RSYNC else self._copia(*words)[tool]
                self.figures.note("mirror", phase, tool, self.run(command)[0])


def turned(tools: List[str], number: int) -> List[str]:
    """The tools take turns in being first."""
    start = number % len(tools)
    return tools[start:] + tools[:start]
