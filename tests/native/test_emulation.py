# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels for machines that this one is not: ``make emulation``."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import List

import pytest

from tests.native import build, emulated, library, unit
from tests.native.test_wheels import SMOKE

LIBRARIES = ("blake3>=1.0", "pytest>=8.0", "hypothesis>=6.100", "filelock>=3.12", "pathspec>=0.12")
"""What the tests of the twins import."""
ARM = "manylinux_2_17_aarch64.manylinux2014_aarch64"


@pytest.fixture(scope="module")
def arm() -> List[str]:
    """The words that start an emulated Python."""
    try:
        return emulated.python()
    except emulated.NoEmulator as error:
        pytest.skip(str(error))


def started(arm: List[str], *words: str, path: str) -> "subprocess.CompletedProcess[bytes]":
    """What the emulated Python does with these words."""
    environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run([*arm, *words], cwd=build.ROOT, env=environment, capture_output=True, check=False)


def test_the_library_for_aarch64_is_imported(arm: List[str], tmp_path: pathlib.Path) -> None:
    folder = library.unpacked(ARM, tmp_path)
    done = started(arm, "-c", SMOKE, path=str(folder))
    assert done.stdout.decode().startswith(str(folder)), done.stderr.decode()


def test_the_twins_agree_on_aarch64(arm: List[str], tmp_path: pathlib.Path) -> None:
    """The unit tests of both twins, run by the emulated Python; the laws take too long where each step is emulated."""
    version = pathlib.Path(arm[-1]).name[len("python") :]
    site = emulated.HOME / "site"
    if not site.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(site)]
        where = ["--platform", "manylinux_2_17_aarch64", "--python-version", version, "--only-binary=:all:"]
        if subprocess.run([*pip, *where, *LIBRARIES], check=False).returncode:
            pytest.skip("the tests' libraries for aarch64 can't be had from the package index")
        for made in (site, emulated.HOME / "aarch64" / "usr" / "lib" / f"python{version}"):
            emulated.compiled(made)
    folder = library.unpacked(ARM, tmp_path)
    words = ("-x", "--assert=plain", "--twin", "native", *unit.about_twins("core", "disk"))
    done = started(arm, "-m", "pytest", *words, path=f"{folder}{os.pathsep}{site}")
    said = done.stdout.decode()
    assert done.returncode == 0 and " passed" in said, said + done.stderr.decode()


@pytest.mark.parametrize("tag", [tag for tag in library.TAGS if tag.startswith("musl")])
def test_musl_has_all_that_its_wheels_ask_for(tag: str, tmp_path: pathlib.Path) -> None:
    """There is no Python for musl to be had here, so its C library is asked for each name."""
    try:
        musl = emulated.musl()
    except emulated.NoEmulator as error:
        pytest.skip(str(error))
    needs = library.needs(library.unpacked(tag, tmp_path) / library.LIBRARY)
    assert {name for name in needs.symbols if not name.startswith(("Py", "_Py"))} <= library.exports(musl)
