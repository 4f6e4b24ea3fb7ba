# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where benchmarks run: source trees, real sshd hosts of this machine, and the peers."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import zipfile
from typing import Any, Dict, Iterator, List, Sequence

from tests.chores import BIN, BUILD, COLLECTIONS, environment

HERE = pathlib.Path(__file__).resolve().parent
PEERS = BUILD / "bench" / "peers"
"""The unpacked wheel ``ansible``: the collection ansible.posix, and a real tree of more than 20,000 files."""


def real_tree() -> pathlib.Path:
    """The collections of the wheel ``ansible``, fetched from the package index once."""
    tree = PEERS / "ansible_collections"
    if not tree.exists():
        wheels = BUILD / "bench" / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*pip, "-d", str(wheels), "ansible>=11"], check=True)
        with zipfile.ZipFile(next(wheels.glob("ansible-*.whl"))) as wheel:
            wheel.extractall(PEERS.with_suffix(".part"))
        PEERS.with_suffix(".part").rename(PEERS)
    return tree


def small_tree(place: pathlib.Path, files: int) -> pathlib.Path:
    """``files`` files of 0 to 4 KiB of text in directories of a hundred."""
    dice = random.Random(files)
    words = [f"word{number}" for number in range(500)]
    for number in range(files):
        path = place / f"d{number // 1000}" / f"e{number // 100 % 10}" / f"file{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(dice.choices(words, k=dice.randrange(600))))
    return place


def copy_of(tree: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """A copy that may be edited."""
    shutil.copytree(tree, place, symlinks=True)
    return place


def edit(tree: pathlib.Path, every: int, salt: int) -> int:
    """Change every ``every``-th file, with a later time that whole seconds see too; how many that were."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    later = time.time() + 5 * (salt + 1)
    chosen = files[salt % every :: every]
    for path in chosen:
        with open(path, "ab") as stream:
            stream.write(b"edited %d\n" % salt)
        os.utime(path, (later, later))
    return len(chosen)


@contextlib.contextmanager
def new_disk(place: pathlib.Path, files: int, size: int) -> Iterator[pathlib.Path]:
    """A new ext4 with room for ``files`` of ``size`` bytes together; for others than root, a folder. What was removed a
    moment ago makes the next file slow, whoever makes it, and a flush takes what others left dirty: not here.
    """
    image = place.with_name(f"{place.name}.img")
    place.mkdir()
    if os.geteuid():
        yield place
        return
    with open(image, "wb") as stream:
        stream.truncate((64 << 20) + files * 512 + size)
    inodes = ("-N", str(files * 3 // 2 + 1000), "-E", "lazy_itable_init=0,lazy_journal_init=0")
    subprocess.run(["mkfs.ext4", "-q", "-F", *inodes, str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()
        image.unlink()


def claim_memory(size: int) -> None:
    """Have the host of a virtual machine find the memory that a command is about to fill with ``size`` bytes.

    A kernel may tell its host which large blocks have been free for two seconds. The host takes them, and who touches
    them next waits until they are found again: writing 1 GiB takes 0.25 s or 1 to 3 s, whoever writes. So a quarter
    more than ``size`` is touched and let go of right before a command's time begins, for every tool alike, and in huge
    pages, which come out of just those blocks. What a command fills later than two seconds may be gone again. No cached
    file has to go: the bound is what is free.
    """
    subprocess.run(claim_command(size), check=True)


def claim_command(size: int) -> List[str]:
    """What does it, in a process of its own: a parent's peak of memory counts as one of what it starts."""
    pages = min(size * 5 // 4 // mmap.PAGESIZE, os.sysconf("SC_AVPHYS_PAGES") * 3 // 4)
    return [sys.executable, "-S", "-c", _CLAIM, str(pages + 1)]


_CLAIM = """
import mmap, sys
memory = mmap.mmap(-1, int(sys.argv[1]) * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_HUGEPAGE)
memory[:: mmap.PAGESIZE] = bytes(int(sys.argv[1]))
"""


class Player:
    """Runs playbooks against an inventory and knows how long each task took."""

    def __init__(self, inventory: pathlib.Path, folder: pathlib.Path) -> None:
        self.inventory, self.folder = inventory, folder

    def play(
        self, hosts: str, warm: Sequence[Dict[str, Any]], tasks: Sequence[Dict[str, Any]], *, check: bool = False
    ) -> Dict[str, float]:
        """Seconds by name of the ``tasks``. Those of ``warm`` come first: they open connections and have Ansible pack
        each module, and are not counted.

        :raises SystemExit: when a task failed.
        """
        first = [{**task, "name": f"warm {task['name']}"} for task in warm]
        play: List[Dict[str, Any]] = [{"hosts": hosts, "gather_facts": False, "tasks": [*first, *tasks]}]
        if check:
            play[0]["check_mode"] = True
        self.run(play, "1")
        took = dict(json.loads((self.folder / "clock.json").read_text()))
        return {task["name"]: took[task["name"]] for task in tasks}

    def run(self, play: Sequence[Dict[str, Any]], forks: str) -> float:
        """Seconds of the whole command."""
        (self.folder / "play.json").write_text(json.dumps(play))
        command = [str(BIN / "ansible-playbook"), "-i", str(self.inventory), "-f", forks]
        variables = {
            **environment(),
            "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}{os.pathsep}{PEERS}",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "clock",
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_PIPELINING": "true",
            "COPIA_CLOCK": str(self.folder / "clock.json"),
        }
        began = time.perf_counter()
        done = subprocess.run(
            [*command, str(self.folder / "play.json")], env=variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"a benchmark's playbook failed:\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
        return time.perf_counter() - began


def assert_equal(source: pathlib.Path, target: pathlib.Path) -> None:
    """A tool that did not do its work has no time.

    :raises SystemExit: when the trees differ.
    """
    if subprocess.run(["diff", "-rq", "--no-dereference", str(source), str(target)], check=False).returncode:
        raise SystemExit(f"{target} is not equal to {source}")
