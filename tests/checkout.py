# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the checkout: the files that git does not ignore, and copies of them for tools that need a place."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import List

ROOT = pathlib.Path(__file__).resolve().parents[1]


def checkout_files() -> List[str]:
    """The files of the checkout that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def copy_files(place: pathlib.Path, *prefixes: str) -> None:
    """The checkout's files whose names begin so, and nothing else, at ``place``: tools build in the sources' folder."""
    shutil.rmtree(place, ignore_errors=True)
    for name in checkout_files():
        if name.startswith(prefixes):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
