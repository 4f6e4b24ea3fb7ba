# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a package index of a folder of wheels: `simple_index.py FOLDER`, and let pip use it and nothing else.

The pages are those of https://packaging.python.org/en/latest/specifications/simple-repository-api/, read by pip from
the disk, so that installing from an index needs no server and no way out of the host.
"""

from __future__ import annotations

import pathlib
import re
import sys


def make_index(folder: pathlib.Path) -> None:
    """Write simple/NAME/index.html for every wheel's name."""
    for wheel in folder.glob("*.whl"):
        name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        page = folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f'<!DOCTYPE html><a href="../../{wheel.name}">{wheel.name}</a>\n', encoding="utf-8")


def configure_pip(folder: pathlib.Path) -> None:
    """Name the index in the user's own configuration of pip."""
    config = pathlib.Path.home() / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    index = (folder / "simple").as_uri()
    config.write_text(f"[global]\nindex-url = {index}\nextra-index-url =\nfind-links =\n", encoding="utf-8")


make_index(pathlib.Path(sys.argv[1]).resolve())
configure_pip(pathlib.Path(sys.argv[1]).resolve())
