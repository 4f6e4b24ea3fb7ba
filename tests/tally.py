# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that are run, counted and logged: what :mod:`tests.chores` is made of."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Sequence

from tests.checkout import ROOT

BUILD = ROOT / "build"
LOGS = BUILD / "logs"
BIN = pathlib.Path(sys.executable).parent
COLLECTIONS = BUILD / "collections"
COUNT = r"(\d+) (passed|failed|skipped|error|deselected|warning)s?"
CLOSING = re.compile(rf"^=*\s*{COUNT}(, {COUNT})*( in .*)?$", re.MULTILINE)
"""The last line of pytest and of our own runners."""
SKIPPED = re.compile(
    r"^(?:SKIPPED \[(?P<times>\d+)\] (?P<test>.*)|skipped: (?P<ours>.*)|skipped \((?P<why>.*?)\) (?P<what>.*))$",
    re.MULTILINE,
)
"""How pytest, our own runners and the integration runner say why."""
NOISE = ("Installing ", "Collecting ", "  Downloading ", "  Using cached ", "Processing ", "Successfully ", "     ")
"""What pip says while ansible-test makes its environments."""


@dataclass
class Tally:
    """What the checks came to; ``skipped`` has one reason for each."""

    ok: List[str] = field(default_factory=list)
    passed: int = 0
    failed: List[str] = field(default_factory=list)
    skipped: List[str] = field(default_factory=list)

    def take(self, name: str, code: int, output: str) -> None:
        """Count one finished check: its own tests where it says how many, else itself."""
        closing = [match[0] for match in CLOSING.finditer(output)][-1:]
        counts = {word: int(number) for line in closing for number, word in re.findall(COUNT, line)}
        self.passed += counts.get("passed", int(code == 0))
        known = []
        for match in SKIPPED.finditer(output):
            reason = match["test"] or match["ours"] or f"{match['what']}: {match['why']}"
            known += [f"{name}: {reason}"] * int(match["times"] or 1)
        self.skipped += known + [f"{name}: no reason given"] * max(0, counts.get("skipped", 0) - len(known))
        if code == 0:
            self.ok.append(f"{name}: {counts['passed']} tests" if counts.get("passed") else name)
        else:
            self.failed += [name] * max(1, counts.get("failed", 0) + counts.get("error", 0))


def environment() -> Dict[str, str]:
    """Our own tools first, our own collections only, and nothing of the user's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHONPATH"))}
    path = f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"
    ours = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return {**kept, "PATH": path, **ours}


def run(tally: Tally, name: str, command: Sequence[object], cwd: pathlib.Path = ROOT) -> bool:
    """Run one check, write its log, print one line, count it."""
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = done.stdout.decode("utf-8", "replace")
    (LOGS / f"{name.replace(' ', '-')}.log").write_text(output)
    verdict = "failed" if done.returncode else "ok"
    print(f"{verdict:7} {time.monotonic() - started:6.1f} s  {name}", flush=True)
    if done.returncode:
        shown = [line for line in output.splitlines() if not line.startswith(NOISE)][-60:]
        print("\n".join(f"        {line}" for line in shown), flush=True)
    tally.take(name, done.returncode, output)
    return done.returncode == 0


def skip(tally: Tally, name: str, reason: str) -> None:
    """Count a check that can't run here."""
    print(f"skipped           {name}: {reason}", flush=True)
    tally.skipped.append(f"{name}: {reason}")


def in_lanes(tally: Tally, *lanes: Sequence[Callable[[Tally], None]]) -> None:
    """Work through several rows of checks side by side: each row in its order, each on a core of its own."""

    def work(lane: Sequence[Callable[[Tally], None]]) -> None:
        for wish in lane:
            try:
                wish(tally)
            except Exception as error:
                print(f"failed            {wish.__name__}: {error!r}", flush=True)
                tally.take(wish.__name__, 1, "")

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
