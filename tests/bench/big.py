# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One large file through the mirror task, beside ``ansible.posix.synchronize``: first, and with 1% of it edited.

Real ssh to a host of this machine; the mirror flushes what it wrote (``durable: true``), synchronize does not. Right
before each task memory is claimed, see ``ground.claim_memory``.
"""

from __future__ import annotations

import os
import pathlib
import platform
import random
import shutil
import time
from typing import Any, Dict

from tests.hosts import Hosts, engine_venv

from .delta import MIB, random_file, scatter
from .figures import Figures
from .ground import Player, assert_equal, claim_command, real_tree, small_tree
from .mirror import MIRROR, SYNCHRONIZE, task_of

COPIES = 3
"""As many copies of the file a tool may have by the end: the new one, and what a connection carries, on either side."""


def measure(folder: pathlib.Path, rounds: int, megabytes: int) -> Figures:
    """Every round has places of its own; the tools take turns in being first."""
    facts = {"file": f"{megabytes} MiB", "rounds": str(rounds), "system": platform.release()}
    figures = Figures(SYNCHRONIZE, facts)
    real_tree()
    source = folder / "source"
    source.mkdir()
    random_file(source / "big", megabytes, random.Random(1))
    with Hosts(folder / "hosts", 1, "loopback", engine_venv()) as hosts:
        player = Player(hosts.inventory, folder)
        small_tree(folder / "one", 1)
        for number in range(rounds):
            _round(figures, player, folder, number)
    return figures


def _round(figures: Figures, player: Player, folder: pathlib.Path, number: int) -> None:
    source, there = folder / "source", folder / f"there-{number}"
    there.mkdir()
    tools = [MIRROR, SYNCHRONIZE][:: -1 if number % 2 else 1]
    for phase in ("first", "1% scattered", "no-op"):
        if phase == "1% scattered":
            scatter(source / "big", (source / "big").stat().st_size // MIB, random.Random(number + 10))
            later = time.time() + 5 * (number + 1)
            os.utime(source / "big", (later, later))
        for tool in tools:
            os.sync()
            warm = [task_of(tool, folder / "one", folder / f"one-{tool}"), _claim(source / "big")]
            took = player.play("h1", warm, [task_of(tool, source, there / tool)])[tool]
            figures.note("one file", phase, tool, took)
            print(f"round {number + 1}, {phase}: {tool} {took:.2f} s", flush=True)
    for tool in tools:
        assert_equal(source, there / tool)
    shutil.rmtree(there)


def _claim(file: pathlib.Path) -> Dict[str, Any]:
    """A task on the controller that claims the memory for what a tool does with ``file``."""
    command = claim_command(COPIES * file.stat().st_size)
    return {"name": "memory", "ansible.builtin.command": {"argv": command}, "delegate_to": "localhost"}
