# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia signature | delta | patch`` beside ``rdiff``, whole processes, one basis and several new files.

All files are read once before and what was written is on disk before a command starts, so nobody waits for the disk,
and the memory that a new file fills was there a moment ago (see ``claim_memory``).
Block sizes are equal for both. A basis is signed in the first case only. Where rsync is installed, one update of the
whole by it stands beside the sum of ours; xdelta3 sees both files, so its delta is a floor for sizes and it is no peer.
"""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import subprocess
import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

from tests.hosts import engine_venv

from .figures import Figures
from .ground import claim_memory

RDIFF, ONE, TWO = "rdiff", "copia -j 1", "copia"
ENGINE = engine_venv()
BLOCK = 4096
SHORT = 3
"""What is over in a second is measured so much more often."""
MIB = 1 << 20


def measure(folder: pathlib.Path, rounds: int, megabytes: int) -> Figures:
    """Every case in every round, the tools in turn.

    :raises SystemExit: when rdiff is missing, or a patched file is not the new one.
    """
    if shutil.which("rdiff") is None:
        raise SystemExit("rdiff is not installed: the bench has no peer; install the package rdiff")
    facts = {"basis": f"{megabytes} MiB", "block": f"{BLOCK} bytes", "rounds": str(rounds)}
    figures = Figures(RDIFF, facts)
    basis = folder / "basis"
    random_file(basis, megabytes, random.Random(1))
    for name, make in CASES.items():
        new = folder / "new"
        make(basis, new, megabytes)
        for number in range(rounds):
            tools = [RDIFF, ONE, TWO]
            turned = tools[number % 3 :] + tools[: number % 3]
            for tool in turned:
                _differences(figures, folder, name, tool)
            for tool in SHORT * turned:
                _patch(figures, folder, name, tool)
            if number == 0:
                _whole(figures, folder, name)
        _floor(figures, folder, name)
        new.unlink()
    return figures


def _differences(figures: Figures, folder: pathlib.Path, case: str, tool: str) -> None:
    """Sign the basis, and make the delta."""
    basis, new = folder / "basis", folder / "new"
    signed, delta = folder / f"signature of {tool}", folder / f"delta of {tool}"
    delta.unlink(missing_ok=True)
    commands: Dict[str, List[Any]] = {
        "signature": _copia(tool, "signature", "-b", BLOCK, basis, "-o", signed),
        "delta": _copia(tool, "delta", new, signed, "-o", delta),
    }
    if tool == RDIFF:
        commands = {
            "signature": ["rdiff", "-f", "-b", BLOCK, "-S", 16, "signature", basis, signed],
            "delta": ["rdiff", "delta", signed, new, delta],
        }
    if case != "identical":
        del commands["signature"]
    for phase, command in commands.items():
        _note(figures, case, phase, tool, command, new.stat().st_size)
    figures.facts[f"delta of {case}, {tool}"] = f"{delta.stat().st_size:,} bytes"


def _patch(figures: Figures, folder: pathlib.Path, case: str, tool: str) -> None:
    """Make the new file.

    :raises SystemExit: when it is another one.
    """
    basis, new, delta, made = (folder / name for name in ("basis", "new", f"delta of {tool}", "made"))
    command = ["rdiff", "patch", basis, delta, made] if tool == RDIFF else _copia("", "patch", basis, delta, "-o", made)
    _note(figures, case, "patch", tool, command, new.stat().st_size)
    if subprocess.run(["cmp", "-s", str(new), str(made)], check=False).returncode:
        raise SystemExit(f"{tool} did not make the new file of case {case}")
    made.unlink()


def _note(figures: Figures, case: str, phase: str, tool: str, command: Sequence[Any], fills: int) -> None:
    seconds, megabytes = _timed(command, fills)
    figures.note(case, phase, tool, seconds)
    print(f"{case}, {phase}: {tool} {seconds:.2f} s, {megabytes:.0f} MB of memory", flush=True)
    peak = f"peak memory, {tool}"
    figures.facts[peak] = f"{max(megabytes, float(figures.facts.get(peak, '0 MB').split()[0])):.0f} MB"


def _whole(figures: Figures, folder: pathlib.Path, case: str) -> None:
    """An update of the whole file by rsync's own delta."""
    if shutil.which("rsync") is None:
        return
    copy = folder / "copy"
    shutil.copy(folder / "basis", copy)
    os.utime(copy, (1, 1))
    new = folder / "new"
    command = ["rsync", "--no-whole-file", "-t", new, copy]
    figures.note(case, "whole", "rsync --no-whole-file", _timed(command, new.stat().st_size)[0])
    sums = [sum(figures.seconds[key][-1] for key in _keys(case, tool)) for tool in (RDIFF, TWO)]
    for tool, seconds in zip((RDIFF, TWO), sums):
        figures.note(case, "whole", tool, seconds)
    copy.unlink()


def _floor(figures: Figures, folder: pathlib.Path, case: str) -> None:
    """The size of xdelta3's delta."""
    if shutil.which("xdelta3") is None:
        return
    new, place = folder / "new", folder / "xdelta"
    _timed(["xdelta3", "-e", "-1", "-f", "-s", folder / "basis", new, place], new.stat().st_size)
    figures.facts[f"delta of {case}, xdelta3 -1"] = f"{place.stat().st_size:,} bytes"
    place.unlink()


def _keys(case: str, tool: str) -> Sequence[Any]:
    return (("identical", "signature", tool), (case, "delta", tool), (case, "patch", tool))


def _copia(tool: str, *words: Any) -> List[Any]:
    return [ENGINE / "bin" / "python", "-m", "copia", *words, *(["-j", "1"] if tool == ONE else [])]


def _timed(command: Sequence[Any], fills: int) -> Tuple[float, float]:
    """Seconds, and the largest resident set in MB, of a command that writes ``fills`` bytes at most.

    :raises SystemExit: when the command fails.
    """
    os.sync()
    claim_memory(fills)
    began = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a benchmark's command failed: {command}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def random_file(path: pathlib.Path, megabytes: int, dice: random.Random) -> None:
    """A file of random bytes."""
    with open(path, "wb") as stream:
        for _megabyte in range(megabytes):
            stream.write(dice.randbytes(MIB))


def _identical(basis: pathlib.Path, new: pathlib.Path, _megabytes: int) -> None:
    shutil.copy(basis, new)


def _scattered(basis: pathlib.Path, new: pathlib.Path, megabytes: int) -> None:
    """1% of the ranges of 2 KiB have other bytes."""
    shutil.copy(basis, new)
    scatter(new, megabytes, random.Random(2))


def scatter(path: pathlib.Path, megabytes: int, dice: random.Random) -> None:
    """Give 1% of the file's ranges of 2 KiB other bytes."""
    with open(path, "r+b") as stream:
        for place in dice.sample(range(megabytes * 512), megabytes * 512 // 100):
            stream.seek(place * 2048)
            stream.write(dice.randbytes(2048))


def _inserted(basis: pathlib.Path, new: pathlib.Path, _megabytes: int) -> None:
    with open(basis, "rb") as old, open(new, "wb") as stream:
        stream.write(b"x" * 37)
        shutil.copyfileobj(old, stream, MIB)


def _half(basis: pathlib.Path, new: pathlib.Path, megabytes: int) -> None:
    """Every second MiB is another one."""
    shutil.copy(basis, new)
    dice = random.Random(3)
    with open(new, "r+b") as stream:
        for place in range(0, megabytes, 2):
            stream.seek(place * MIB)
            stream.write(dice.randbytes(MIB))


def _random(_basis: pathlib.Path, new: pathlib.Path, megabytes: int) -> None:
    random_file(new, megabytes, random.Random(4))


CASES: Dict[str, Callable[[pathlib.Path, pathlib.Path, int], None]] = {
    "identical": _identical,
    "1% scattered": _scattered,
    "37 bytes in front": _inserted,
    "50% changed": _half,
    "random": _random,
}
