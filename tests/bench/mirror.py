# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror task beside ``ansible.posix.synchronize``, ``ansible.builtin.copy`` and ``rsync -a``, over the same ssh.

In every round each tool writes to new file systems of its own (see ``new_disk``), what others left dirty is on disk
before its time begins, and the tools take turns in being first.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import subprocess
import time
from typing import Any, Dict, Iterator, List, Sequence

from tests.hosts import Hosts, engine_venv

from .figures import Figures
from .ground import Player, assert_equal, copy_of, edit, new_disk, real_tree, small_tree

MIRROR, SYNCHRONIZE, RSYNC, COPY = (
    "copia.sync.mirror",
    "ansible.posix.synchronize",
    "rsync -a",
    "ansible.builtin.copy, a file",
)
COPIED = 20
"""Files that ansible.builtin.copy is given: it takes a good part of a second for each."""


ROWS = ("small", "real", "fleet")
"""The workloads; each can be measured by itself."""


def measure(folder: pathlib.Path, row: str, rounds: int, small: int, fleet: int) -> Figures:
    """One of ``ROWS``, over ssh to hosts of this machine whose files are on this disk. ``small`` counts files."""
    figures = Figures(SYNCHRONIZE, {"rounds": str(rounds), "cpus": _cpus(), "system": platform.release()})
    real = real_tree()
    with Hosts(folder / "hosts", fleet if row == "fleet" else 1, "loopback", engine_venv()) as hosts:
        player = Player(hosts.inventory, folder)
        small_tree(folder / "one", 1)
        small_tree(folder / "few", COPIED)
        name, tree = f"{small:,} small files", folder / "tree"
        if row == "real":
            name, tree = "a real tree", copy_of(real, tree)
        else:
            small_tree(tree, small)
        figures.facts[name] = _size(tree)
        for number in range(rounds):
            workload = f"{fleet} hosts, {name}" if row == "fleet" else name
            run = _Round(figures, player, folder, workload, tree, number)
            with run.disks(fleet if row == "fleet" else 1):
                _all_hosts(run, fleet) if row == "fleet" else _one_host(run, hosts)
    return figures


class _Round:
    """One round of one workload. ``warm`` are tasks on a tree of one file, to come before those that are measured."""

    def __init__(
        self, figures: Figures, player: Player, folder: pathlib.Path, name: str, tree: pathlib.Path, number: int
    ) -> None:
        self.figures, self.player, self.folder, self.name, self.tree = figures, player, folder, name, tree
        self.number = number
        self.place = folder / "there" / f"{name.replace(' ', '-')}-{number}"
        self.place.mkdir(parents=True)
        self.warm = [task_of(tool, folder / "one", folder / f"one-{tool}") for tool in (MIRROR, SYNCHRONIZE)]

    @contextlib.contextmanager
    def disks(self, copies: int) -> Iterator[None]:
        """New file systems, one for each tool, that so many copies of the tree fit on twice."""
        sizes = [path.lstat().st_size for path in self.tree.rglob("*")]
        files, room = 2 * copies * len(sizes), 2 * copies * (sum(sizes) + 4096 * len(sizes))
        with contextlib.ExitStack() as stack:
            for tool in (MIRROR, SYNCHRONIZE, RSYNC):
                stack.enter_context(new_disk(self.place / tool, files, room))
            yield

    def there(self, tool: str, name: str = "tree") -> pathlib.Path:
        """Where that tool writes to."""
        return self.place / tool / name

    def turn(self, tools: Sequence[Any]) -> List[Any]:
        """The tools, another one first in every round."""
        first = self.number % len(tools)
        return [*tools[first:], *tools[:first]]

    def note(self, phase: str, took: Dict[str, float]) -> None:
        for tool, seconds in took.items():
            self.figures.note(self.name, phase, tool, seconds)
            print(f"{self.name}, round {self.number + 1}, {phase}: {tool} {seconds:.2f} s", flush=True)


def _one_host(run: _Round, hosts: Hosts) -> None:
    for phase in ("first", "no-op", "check of 1%", "1% changed"):
        check = phase.startswith("check")
        if check:
            edit(run.tree, 100, run.number)
        for tool in run.turn((MIRROR, SYNCHRONIZE) if check else (MIRROR, SYNCHRONIZE, RSYNC)):
            os.sync()
            if tool == RSYNC:
                took = {tool: _rsync(run.tree, run.there(tool), hosts)}
            else:
                took = run.player.play("h1", run.warm, [task_of(tool, run.tree, run.there(tool))], check=check)
            run.note(phase, took)
    for tool in (MIRROR, SYNCHRONIZE, RSYNC):
        assert_equal(run.tree, run.there(tool))
    few = run.folder / "few"
    copied = run.player.play("h1", run.warm, [task_of(COPY, few, run.place / "copy")])[COPY]
    run.note("first", {COPY: copied / COPIED})


def _all_hosts(run: _Round, forks: int) -> None:
    for phase in ("first", "no-op", "1% changed"):
        if phase == "1% changed":
            edit(run.tree, 100, run.number + 50)
        for tool in run.turn((MIRROR, SYNCHRONIZE)):
            os.sync()
            task = task_of(tool, run.tree, run.there(tool, "{{ inventory_hostname }}"))
            play = [{"hosts": "h*", "gather_facts": False, "tasks": [task]}]
            run.note(phase, {tool: run.player.run(play, str(forks))})
    for tool in (MIRROR, SYNCHRONIZE):
        assert_equal(run.tree, run.there(tool, f"h{forks}"))


def task_of(tool: str, source: pathlib.Path, target: pathlib.Path) -> Dict[str, Any]:
    """The task of that tool, with its defaults."""
    if tool == MIRROR:
        return {"name": tool, "copia.sync.mirror": {"src": str(source), "dest": str(target)}}
    if tool == COPY:
        return {"name": tool, "ansible.builtin.copy": {"src": f"{source}/", "dest": str(target), "mode": "preserve"}}
    options = {"src": f"{source}/", "dest": str(target), "archive": True, "use_ssh_args": True}
    return {"name": tool, "ansible.posix.synchronize": options}


def _rsync(source: pathlib.Path, target: pathlib.Path, hosts: Hosts) -> float:
    began = time.perf_counter()
    shell = f"ssh -F {hosts.folder}/ssh_config"
    subprocess.run(["rsync", "-a", "-e", shell, f"{source}/", f"h1:{target}/"], check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def _size(tree: pathlib.Path) -> str:
    sizes = [path.lstat().st_size for path in tree.rglob("*") if not path.is_dir()]
    return f"{len(sizes):,} files, {sum(sizes) / 1e6:.0f} MB"


def _cpus() -> str:
    with open("/proc/cpuinfo") as stream:
        models = [line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")]
    return f"{len(models)} × {models[0]}" if models else platform.machine()
