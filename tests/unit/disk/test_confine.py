# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is shut into a hub's root gets nowhere else; each test is a process of its own."""

from __future__ import annotations

import errno
import pathlib
import subprocess
import sys

import pytest
from copia.disk.confine import landlock_version

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
BEGIN = "import sys, os, tests.conftest; from copia.disk.confine import confine; root, other = sys.argv[1:]; "
ALLOWED = (
    "assert 'no_new_privs' in confine(os.fsencode(root)); open(root + '/a', 'w').write('x'); os.mkdir(root + '/d'); "
    "os.rename(root + '/a', root + '/d/a'); print(os.listdir(root), open('/proc/self/status').read())"
)
FORBIDDEN = (
    "open(other + '/file').read()",
    "open(other + '/new', 'w')",
    "os.listdir(other)",
    "os.mkdir(other + '/d')",
    "os.rename(root + '/file', other + '/out')",
    "os.truncate(other + '/file', 0)",
    "os.unlink(other + '/file')",
)
ATTEMPTS = f"""
for number, deed in enumerate({FORBIDDEN!r}):
    try:
        eval(deed)
    except OSError:
        continue
    print(number)
"""
"""Prints the numbers of the deeds that were possible."""

GROW = """
import mmap, resource
def reserve():
    mmap.mmap(-1, 5 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000).close()
reserve()
confine(os.fsencode(root))
try:
    reserve()
except OSError as error:
    print(error.errno)
opened = []
try:
    while True:
        opened.append(os.open(root, os.O_RDONLY))
except OSError as error:
    print(error.errno, len(opened) < 1024)
for name in ("CORE", "AS", "NOFILE", "NPROC"):
    print(*resource.getrlimit(getattr(resource, "RLIMIT_" + name)))
"""


def alone(text: str, *arguments: pathlib.Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", text, *map(str, arguments)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_it_can_do_all_in_its_root_and_gain_no_rights(tmp_path: pathlib.Path) -> None:
    (tmp_path / "root").mkdir()
    done = alone(BEGIN + ALLOWED, tmp_path / "root", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NoNewPrivs:\t1" in done.stdout
    assert (tmp_path / "root/d/a").read_text() == "x"


FIRST = BEGIN + "import copia.disk.confine as walls; walls.landlock_version = lambda: 1; "


def test_the_first_landlock_would_allow_no_renames_and_is_no_wall(tmp_path: pathlib.Path) -> None:
    """Linux 5.13 to 5.18: a hub moves what it staged from one directory to another."""
    (tmp_path / "root").mkdir()
    done = alone(FIRST + ALLOWED, tmp_path / "root", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "root/d/a").read_text() == "x"
    assert alone(FIRST + "print(*confine(os.fsencode(root)))", tmp_path / "root", tmp_path).stdout == "no_new_privs\n"


@pytest.mark.skipif(landlock_version() < 2, reason="this kernel has no Landlock that allows renames")
def test_without_the_right_to_rename_the_wall_is_in_the_way(tmp_path: pathlib.Path) -> None:
    (tmp_path / "root").mkdir()
    done = alone(FIRST + "walls._landlock(os.fsencode(root)); " + ALLOWED, tmp_path / "root", tmp_path)
    assert done.returncode == 1 and "Invalid cross-device link" in done.stderr


@pytest.mark.skipif(landlock_version() < 2, reason="this kernel has no Landlock that allows renames")
def test_it_can_do_nothing_elsewhere(tmp_path: pathlib.Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for folder in (root, other):
        folder.mkdir()
        (folder / "file").write_text("secret")
    assert alone(BEGIN + ATTEMPTS, root, other).stdout.split() == [str(number) for number in range(len(FORBIDDEN))]
    (root / "file").write_text("in")
    (other / "file").write_text("secret")
    done = alone(BEGIN + "confine(os.fsencode(root))" + ATTEMPTS, root, other)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (other / "file").read_text() == "secret"


def test_it_grows_to_a_bound(tmp_path: pathlib.Path) -> None:
    """5 GiB of addresses could be had before, and cannot be had then; files end at 1024; nothing is raised."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (900, 900))\n"
    done = alone(BEGIN.rstrip("; ") + "\n" + limited + GROW, tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(errno.ENOMEM),
        f"{errno.EMFILE} True",
        "0 0",
        f"{4 << 30} {4 << 30}",
        "1024 1024",
        "900 900",
    ]
