# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests on the C module of this checkout, for the sanitizers and the emulator."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from typing import List, Mapping, Sequence

from tests.native import build


def library_for_this_machine() -> pathlib.Path:
    """A folder to import the module from, made by this machine's compiler.

    :raises build.backend.BuildError: where it can't be built.
    """
    folder = build.BUILD / "native"
    library = build.backend.compile_library(build.backend.host_compiler(), build.backend.host_headers(), {})
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build.backend.put(str(folder), build.backend.LIBRARY, library)
    return folder


def about_twins(*suites: str) -> List[str]:
    """The files of tests/unit that are about twins, of these suites."""
    found = [path for suite in suites for path in sorted((build.ROOT / "tests" / "unit" / suite).glob("test_*.py"))]
    return [str(path) for path in found if "twin" in path.read_text(encoding="utf-8")]


def run(folder: pathlib.Path, more: Mapping[str, str], words: Sequence[str]) -> int:
    """The exit status of pytest on the module of that folder; ``more`` is added to the environment."""
    path = f"{folder}{os.pathsep}{build.ROOT}"
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}
    command = [sys.executable, "-m", "pytest", "-rs", "--twin", "native", *words]
    return subprocess.run(command, cwd=build.ROOT, env=environment, check=False).returncode
