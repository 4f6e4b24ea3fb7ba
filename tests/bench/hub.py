# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia hub-sync`` beside ``rsync -a``, whole processes over ssh to one real sshd of this machine.

Each writes to a new file system of its own (see ``new_disk``), what others left dirty is on disk before its time
begins, and they take turns in being first.

Time and memory of the hub itself are those that the kernel counts for its ``copia serve``, asked for while it runs.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import shutil
import subprocess
import threading
import time
from typing import Dict, Iterator, List, Tuple

from tests.hosts import Hosts, engine_venv

from .figures import Figures
from .ground import assert_equal, edit, new_disk, small_tree

COPIA, RSYNC = "copia hub-sync", "rsync -a"
CLIENTS = 8
IDLE_TIMES = 3
"""An idle run is over soon and measured more often."""


def measure(folder: pathlib.Path, rounds: int, sizes: List[int]) -> Figures:
    """Everything, below ``folder``: trees of ``sizes`` small files, and eight clients of a hub."""
    figures = Figures(RSYNC, {"rounds": str(rounds), "cpus": str(os.cpu_count()), "system": platform.release()})
    engine = engine_venv()
    with Hosts(folder / "hosts", 1, "loopback", engine) as hosts:
        for number in range(rounds):
            ground = Ground(folder / f"round{number}", engine / "bin" / "copia", hosts)
            for files in sizes:
                with ground.disks(files):
                    _one_tree(ground, files, number, figures)
            with ground.disks(CLIENTS * sizes[0] // 5):
                _many_clients(ground, sizes[0] // 5, figures)
            shutil.rmtree(ground.folder)
    return figures


class Ground:
    """Trees, hubs and clients of one round."""

    def __init__(self, folder: pathlib.Path, command: pathlib.Path, hosts: Hosts) -> None:
        folder.mkdir()
        self.folder, self.command = folder, command
        self.config = hosts.folder / "ssh_config"

    @contextlib.contextmanager
    def disks(self, files: int) -> Iterator[None]:
        """New file systems for the hub and for rsync, with room for that many files twice."""
        with contextlib.ExitStack() as stack:
            for name in ("hub", "rsync"):
                stack.enter_context(new_disk(self.folder / name, 2 * files, 2 * files * 8192))
            yield

    def client(
        self, tree: pathlib.Path, hub: pathlib.Path, state: str = "state", direction: str = "push"
    ) -> "subprocess.Popen[bytes]":
        """A client that pushes a tree, or pulls it. What it remembers is in ``state``."""
        words = [str(self.command), "hub-sync", "--direction", direction, f"--ssh-arg=-F{self.config}"]
        words += [str(tree), f"h1:{hub}"]
        variables = {**os.environ, "COPIA_STATE": str(self.folder / state)}
        return subprocess.Popen(words, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def sync(self, tree: pathlib.Path, hub: pathlib.Path, state: str = "state", direction: str = "push") -> "Watched":
        """One client's run.

        :raises SystemExit: when it failed.
        """
        watch = Watched()
        began = time.perf_counter()
        process = self.client(tree, hub, state, direction)
        if watch.until_end_of(process):
            raise SystemExit(f"copia hub-sync of {tree} failed")
        watch.seconds = time.perf_counter() - began
        return watch

    def rsync(self, tree: pathlib.Path, place: pathlib.Path) -> float:
        """Seconds of rsync, over the same ssh."""
        began = time.perf_counter()
        subprocess.run(["rsync", "-a", "-e", f"ssh -F{self.config}", f"{tree}/", f"h1:{place}/"], check=True)
        return time.perf_counter() - began


class Watched:
    """A run, and what its servers took: the seconds of processor time, and the largest memory of one, in bytes.
    ``client`` is the largest memory of the client.
    """

    def __init__(self) -> None:
        self.seconds, self.memory, self.client = 0.0, 0, 0
        self._processor: Dict[int, float] = {}

    @property
    def processor(self) -> float:
        """Seconds of processor time of all servers, up to when they were last asked."""
        return sum(self._processor.values())

    def until_end_of(self, process: "subprocess.Popen[bytes]") -> int:
        """Ask the servers until ``process`` ends; its exit status."""
        over = threading.Event()
        asking = threading.Thread(target=self._ask, args=(over, process.pid))
        asking.start()
        status = process.wait()
        over.set()
        asking.join()
        return status

    def _ask(self, over: threading.Event, client: int) -> None:
        while not over.wait(0.02):
            self.client = max(self.client, _taken(client)[1])
            for pid in _servers():
                seconds, peak = _taken(pid)
                self._processor[pid] = max(seconds, self._processor.get(pid, 0.0))
                self.memory = max(self.memory, peak)


def _taken(pid: int) -> Tuple[float, int]:
    """Seconds of processor time of a process, and its largest memory in bytes; nothing when it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        peak = pathlib.Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]
    except (OSError, IndexError):
        return 0.0, 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak) * 1024


def _servers() -> List[int]:
    """The processes that run ``copia serve``."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"serve" in words and any(word.endswith(b"/copia") for word in words):
                found.append(int(entry.name))
    return found


def _one_tree(ground: Ground, files: int, number: int, figures: Figures) -> None:
    """First push, idle, 1% changed; who is first alternates."""
    name = f"{files:,} small files"
    tree = small_tree(ground.folder / f"tree{files}", files)
    hub, place = (ground.folder / what / "tree" for what in ("hub", "rsync"))
    for path in (hub, place):
        path.mkdir()

    def both(phase: str) -> None:
        turns = [ours, theirs] if number % 2 == 0 else [theirs, ours]
        for turn in turns:
            os.sync()
            turn(phase)

    def ours(phase: str) -> None:
        run = ground.sync(tree, hub)
        figures.note(name, phase, COPIA, run.seconds)
        figures.facts[f"hub, {name}, {phase}"] = f"{run.processor:.2f} s, {run.memory / 1e6:.0f} MB"

    def theirs(phase: str) -> None:
        figures.note(name, phase, RSYNC, ground.rsync(tree, place))

    both("first push")
    for _time in range(IDLE_TIMES):
        both("idle")
    edit(tree, 100, number)
    both("1% changed")
    assert_equal(tree, place)
    assert_equal_but_ours(tree, hub)


def assert_equal_but_ours(tree: pathlib.Path, hub: pathlib.Path) -> None:
    """A hub holds the tree, and beside it its own folder.

    :raises SystemExit: when not.
    """
    if subprocess.run(["diff", "-rq", "--no-dereference", "-x", ".copia", str(tree), str(hub)], check=False).returncode:
        raise SystemExit(f"{hub} does not hold {tree}")


def _many_clients(ground: Ground, files: int, figures: Figures) -> None:
    """One client's push of some files, and the same of eight at once, each with files of its own."""
    trees = []
    for number in range(CLIENTS + 1):
        tree = ground.folder / f"client{number}"
        small_tree(tree / f"of{number}", files)
        trees.append(tree)
    hub = ground.folder / "hub" / "shared"
    hub.mkdir()
    os.sync()
    alone = ground.sync(trees[0], hub).seconds
    figures.note(f"{files:,} files each", "one client", COPIA, alone)
    began = time.perf_counter()
    running = [ground.client(tree, hub, f"state{number}") for number, tree in enumerate(trees[1:])]
    ends = [process.wait() for process in running]
    if any(ends):
        raise SystemExit("one of many clients failed")
    together = time.perf_counter() - began
    figures.note(f"{files:,} files each", f"{CLIENTS} clients at once", COPIA, together)
    figures.facts[f"throughput of {CLIENTS} clients to that of one"] = f"{CLIENTS * alone / together:.2f}"
