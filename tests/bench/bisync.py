# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two-way sync beside unison, in one run: ``python -m tests.bench.bisync [FILES]``.

First run into an empty tree, idle runs, and 1% changed on each side; medians of three where a run can be repeated.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Callable, Dict, List

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIA = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); import tests.conftest; "
    "from copia.cli import main; sys.exit(main(sys.argv[1:]))"
)


def plant(root: pathlib.Path, files: int) -> None:
    """A tree of small files, a hundred in each directory."""
    for number in range(files):
        folder = root / f"d{number // 100}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"f{number}").write_text(f"content {number}\n" * 8)


def edit(root: pathlib.Path, files: int, start: int, round_number: int) -> None:
    """Change 1% of the files."""
    for number in range(start, files, 100):
        (root / f"d{number // 100}" / f"f{number}").write_text(f"edited {number} in round {round_number}\n")


def timed(command: List[str], environment: Dict[str, str]) -> float:
    """Seconds of one run."""
    clock = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - clock


def measure(folder: pathlib.Path, files: int, command: Callable[[str, str], List[str]]) -> Dict[str, float]:
    """Seconds of each case for one program, in a folder of its own."""
    left, right = folder / "left", folder / "right"
    plant(left, files)
    right.mkdir()
    environment = {**os.environ, "COPIA_STATE": str(folder / "state"), "UNISON": str(folder / "unison")}
    words = command(str(left), str(right))
    found = {"first": timed(words, environment)}
    found["idle"] = statistics.median(timed(words, environment) for _time in range(3))
    changed = []
    for round_number in range(3):
        edit(left, files, 0, round_number)
        edit(right, files, 50, round_number)
        changed.append(timed(words, environment))
    found["1% on each side"] = statistics.median(changed)
    archives = (folder / "state").glob("*.archive")
    found["archive, bytes"] = sum(path.stat().st_size for path in archives)
    return found


def main() -> int:
    """Measure what is installed and print one line for each case."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    programs: Dict[str, Callable[[str, str], List[str]]] = {
        "copia": lambda left, right: [sys.executable, "-c", COPIA, "bisync", left, right],
    }
    if shutil.which("unison"):
        programs["unison"] = lambda left, right: ["unison", "-batch", "-silent", "-times", left, right]
    results = {}
    for name, command in programs.items():
        with tempfile.TemporaryDirectory(prefix="bench-bisync-") as folder:
            results[name] = measure(pathlib.Path(folder), files, command)
    for case in results["copia"]:
        print(f"{case:20}", "  ".join(f"{name} {found[case]:.2f}" for name, found in results.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
