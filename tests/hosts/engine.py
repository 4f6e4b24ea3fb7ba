# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as the role copia.sync.engine would install it, kept in the checkout's build folder."""

from __future__ import annotations

import fcntl
import pathlib
import subprocess

from .sshd import HostsUnavailable

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "plugins" / "module_utils" / "_copia"
NEEDS = ("blake3>=1.0", "cbor2>=5.9", "pathspec>=0.12", "filelock>=3.12", "zstandard>=0.21")

COMMAND = """#!/bin/sh
"exec" "${0%/*}/python" "$0" "$@"
import sys

from copia.cli import main

sys.exit(main())
"""
"""The command, which finds its interpreter beside itself: hosts have the environment in another place, and can't see
this one where it is in a home or below /tmp. To the shell the second line is a command, to Python a string."""


def engine_venv(python: str = "/usr/bin/python3", folder: "pathlib.Path | None" = None) -> pathlib.Path:
    """The folder of a virtual environment of ``python`` with the engine's libraries and the checkout's ``copia``; with
    its C twin too where that has been built.

    :raises HostsUnavailable: when it cannot be made, for instance without a package index.
    """
    folder = folder or ROOT / "build" / "engine-venv"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recipe = " ".join((_run(python, "--version"), *NEEDS))
        made = folder / "recipe"
        if not made.exists() or made.read_text() != recipe:
            _run(python, "-m", "venv", "--clear", str(folder))
            _run(str(folder / "bin/python"), "-m", "pip", "install", "--quiet", *NEEDS)
            made.write_text(recipe)
        _put_copia(folder)
    return folder


def _put_copia(folder: pathlib.Path) -> None:
    """The package as the checkout has it now, compiled; only what differs is touched, hosts may be using it."""
    site = pathlib.Path(
        _run(str(folder / "bin/python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    )
    wanted = {path.relative_to(SOURCES): path.read_bytes() for path in SOURCES.rglob("*.py")}
    for found in set((site / "copia").rglob("*.py")):
        if found.relative_to(site / "copia") not in wanted:
            found.unlink()
    for path, content in wanted.items():
        place = site / "copia" / path
        if not place.exists() or place.read_bytes() != content:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    _run(str(folder / "bin/python"), "-m", "compileall", "-q", str(site / "copia"))
    command = folder / "bin" / "copia"
    if not command.exists() or command.read_text() != COMMAND:
        command.write_text(COMMAND)
        command.chmod(0o755)
    carried = ROOT / "build" / "carried"
    if any(carried.glob("copia_native-*.whl")):
        pip = (str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
        _run(*pip, "--force-reinstall", "--find-links", str(carried), "copia-native")


def _run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        lines = done.stdout.strip().splitlines() or ["no reason given"]
        raise HostsUnavailable(f"the hosts' engine cannot be made: {' '.join(command)}: {lines[-1]}")
    return done.stdout.strip()
