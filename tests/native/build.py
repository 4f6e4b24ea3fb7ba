# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The C module's wheels as the collection carries them: ``python -m tests.native.build [--all]``, into build/carried.

``--all`` installs zig into build/zig (see requirements/wheels.txt) and builds a wheel for each platform. Without it, or
where zig can't be had, there is the wheel for this machine alone, unless an earlier build of the same source has left
more. The source is always there.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import subprocess
import sys
from typing import List, Optional, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CARRIED = BUILD / "carried"
ZIG = BUILD / "zig"

sys.path.insert(0, str(ROOT / "native"))
import backend
import wheels


def requirement() -> str:
    """The line of requirements/wheels.txt that names zig."""
    lines = (ROOT / "requirements" / "wheels.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line and not line.startswith("#"))


def installed_zig() -> Optional[pathlib.Path]:
    """The program of the wanted version, if it has been installed here."""
    program = ZIG / requirement() / "ziglang" / "zig"
    return program if program.is_file() else None


def zig() -> pathlib.Path:
    """The program, installed where it is not here yet.

    :raises backend.BuildError: where the package index does not give it.
    """
    if installed_zig() is None:
        shutil.rmtree(ZIG, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        done = subprocess.run(
            [*pip, "--no-deps", "--target", str(ZIG / requirement()), requirement()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise backend.BuildError(f"{requirement()} can't be installed: {' '.join(said)}")
    found = installed_zig()
    if found is None:
        raise backend.BuildError(f"{requirement()} has no program for this machine")
    return found


def build(everything: bool) -> List[str]:
    """Fill build/carried; one line for each thing that could not be built, as ``skipped: what: why``."""
    skipped = []
    crossed, here = BUILD / "wheels", BUILD / "wheel-here"
    folder = here
    try:
        program = zig() if everything else installed_zig()
        if program and (everything or wheels.is_current(crossed, wheels.recipe(str(program)))):
            wheels.build(crossed, str(program))
            folder = crossed
    except backend.BuildError as error:
        skipped.append(f"skipped: wheels for other platforms: {error}")
    if folder == here:
        try:
            wheels.build(here, None)
        except backend.BuildError as error:
            skipped.append(f"skipped: wheel for this machine: {error}")
    shutil.rmtree(CARRIED, ignore_errors=True)
    CARRIED.mkdir(parents=True)
    for path in folder.glob("copia_native-*"):
        shutil.copy(path, CARRIED)
    backend.build_sdist(str(CARRIED))
    return skipped


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Build what the collection carries of the C module.")
    parser.add_argument("--all", action="store_true", help="a wheel for each platform, not only for this machine")
    skipped = build(parser.parse_args(words).all)
    for path in sorted(CARRIED.iterdir()):
        print(f"carried: {path.name}, {path.stat().st_size} bytes")
    print("\n".join(skipped))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
