# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a copy of a wheel under another version: `newer_wheel.py SOURCE.whl TARGET.whl`.

An upgrade is tested with a build that differs in its version only. RECORD is left as it is but for the names: pip
reads it, and does not compare its digests.
"""

from __future__ import annotations

import pathlib
import sys
import zipfile


def copy_as(source: pathlib.Path, target: pathlib.Path) -> None:
    """Rename the metadata folder and the version inside it from source's version to target's."""
    old, new = (path.name.split("-")[1] for path in (source, target))
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            if name.endswith(".dist-info/METADATA"):
                content = content.replace(f"\nVersion: {old}\n".encode(), f"\nVersion: {new}\n".encode(), 1)
            if name.endswith(".dist-info/RECORD"):
                content = content.replace(f"copia-{old}.dist-info".encode(), f"copia-{new}.dist-info".encode())
            after.writestr(name.replace(f"copia-{old}.dist-info", f"copia-{new}.dist-info"), content)


copy_as(*map(pathlib.Path, sys.argv[1:]))
