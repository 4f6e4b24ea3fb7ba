# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python for aarch64, run by qemu: unpacked below build from Debian's packages, nothing is installed.

apt is given folders of its own, so it neither needs root nor knows afterwards of another architecture.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import List

from tests.native.build import BUILD

HOME = BUILD / "emulated"
SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
SYSTEM_PYTHON = "/usr/bin/python3"
TOO_LONG = 300


class NoEmulator(Exception):
    """Why nothing can be emulated here: one sentence."""


def run(*command: object, cwd: pathlib.Path = BUILD) -> str:
    """What a program prints.

    :raises NoEmulator: where it fails.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=cwd, capture_output=True, check=False, timeout=TOO_LONG)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoEmulator(f"{words[0]}: {error}") from error
    if done.returncode:
        raise NoEmulator(f"{' '.join(words[:2])}: {(done.stderr.decode().strip().splitlines() or ['failed'])[-1]}")
    return done.stdout.decode()


def qemu() -> str:
    """The program that runs aarch64's programs.

    :raises NoEmulator: where there is none.
    """
    for name in ("qemu-aarch64-static", "qemu-aarch64"):
        found = shutil.which(name)
        if found:
            return found
    raise NoEmulator("no qemu-aarch64 is here: install qemu-user")


def apt(architecture: str) -> List[str]:
    """apt-get for packages of that architecture, with all that it remembers below HOME.

    :raises NoEmulator: where there is no Debian to ask.
    """
    sources = next((path for path in SOURCES if pathlib.Path(path).is_file()), None)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None or sources is None:
        raise NoEmulator("the packages of another architecture come from Debian's apt-get, which is not here")
    state = HOME / f"apt-{architecture}"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    said = {"APT::Architecture": architecture, "APT::Architectures": architecture, "Dir::State": state / "state"}
    said.update({"Dir::Cache": state / "cache", "Dir::Etc::SourceList": sources, "APT::Sandbox::User": "root"})
    said.update({"Dir::State::status": "/dev/null", "Dir::Etc::SourceParts": "/dev/null"})
    return ["apt-get", "-qq", *(word for key, value in said.items() for word in ("-o", f"{key}={value}"))]


def unpacked(name: str, architecture: str, packages: List[str]) -> pathlib.Path:
    """A folder with what the packages hold; made once.

    :raises NoEmulator: where they can't be had.
    """
    root = HOME / name
    if not (root / "ready").exists():
        command = apt(architecture)
        shutil.rmtree(root, ignore_errors=True)
        (root / "packages").mkdir(parents=True)
        run(*command, "update")
        run(*command, "download", *packages, cwd=root / "packages")
        for package in (root / "packages").iterdir():
            run("dpkg-deb", "-x", package, root)
        if not (root / "lib").exists():
            (root / "lib").symlink_to("usr/lib")
        (root / "ready").touch()
    return root


def python() -> List[str]:
    """The words that start Python on an emulated aarch64.

    :raises NoEmulator: where that is not possible.
    """
    program = qemu()
    version = run(SYSTEM_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    parts = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    root = unpacked("aarch64", "arm64", [*parts, "libc6", "libgcc-s1", "zlib1g", "libexpat1", "libffi8"])
    return [program, "-L", str(root), str(root / "usr" / "bin" / f"python{version}")]


def compiled(folder: pathlib.Path) -> None:
    """Compile the folder's Python files with this machine's Python of the same version: emulated, it takes a minute."""
    run(SYSTEM_PYTHON, "-m", "compileall", "-q", "-j", "0", folder)


def musl() -> pathlib.Path:
    """musl's C library, for aarch64.

    :raises NoEmulator: where it can't be had.
    """
    return unpacked("musl", "arm64", ["musl"]) / "lib" / "aarch64-linux-musl" / "libc.so"
