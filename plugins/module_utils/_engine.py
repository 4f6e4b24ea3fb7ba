# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine is: its libraries, and its modules already compiled."""

from __future__ import annotations

import importlib
import os
import re
import sys
import zipimport
from typing import List, Optional

ENGINE_HOMES = ("/opt/copia", "~/.local/share/copia")
"""Where the role copia.sync.engine puts the engine: as root, as a user."""
ROLE = "copia.sync.engine"
NEEDED = {"blake3": (1, 0), "cbor2": (5, 9)}
"""Lower bounds of what every run needs; the others are checked where they are used."""


class EngineMissing(Exception):
    """No engine that this interpreter can use. ``interpreter`` is one that can, where there is one."""

    def __init__(self, message: str, interpreter: Optional[str] = None) -> None:
        super().__init__(message)
        self.interpreter = interpreter


def find_engine() -> None:
    """Make the engine's libraries importable: those of this interpreter, else those of an installed engine of the
    same Python version, whose folder is added to the path.

    :raises EngineMissing: when there is none; it names the interpreter of an engine of another Python version.
    """
    missing = _missing()
    if not missing:
        return
    for site in _installed():
        sys.path.append(site)
        missing = _missing()
        if not missing:
            return
    homes = [os.path.expanduser(home) for home in ENGINE_HOMES]
    others = [home for home in homes if os.access(os.path.join(home, "bin", "python"), os.X_OK)]
    elsewhere = None if not others or sys.executable.startswith(others[0]) else os.path.join(others[0], "bin", "python")
    raise EngineMissing(
        f"the copia engine is missing or too old: {sys.executable} has no usable {', '.join(missing)}; "
        f"run the role {ROLE} on this host",
        elsewhere,
    )


def _missing() -> List[str]:
    """The libraries that can't be imported, or are older than the lower bounds of the engine."""
    found = []
    for name, least in NEEDED.items():
        try:
            __import__(name)
        except ImportError:
            found.append(name)
            continue
        version = _version_of(name)
        if version and tuple(map(int, re.findall(r"\d+", version)[:2])) < least:
            found.append(f"{name} of version {'.'.join(map(str, least))} or newer (it has {version})")
    return found


def _version_of(name: str) -> str:
    """The version in the metadata beside an imported library; empty where there is none. Reading the folder costs a
    tenth of what ``importlib.metadata`` does, in every task.
    """
    library = os.path.dirname(os.path.dirname(str(sys.modules[name].__file__)))
    for entry in os.listdir(library):
        if entry.startswith(f"{name}-") and entry.endswith((".dist-info", ".egg-info")):
            return entry[len(name) + 1 :]
    return ""


def _installed() -> List[str]:
    """The library folders of installed engines that this interpreter can use."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    sites = [os.path.join(os.path.expanduser(home), "lib", version, "site-packages") for home in ENGINE_HOMES]
    return [site for site in sites if os.path.isdir(site)]


def prefer_installed(name: str) -> None:
    """Take the modules of the package ``name`` from an installed engine, where it has the very same ones.

    What Ansible sends is compiled anew in every task; an installed engine is compiled already. The files are compared
    byte by byte, so it is never another version that runs. On the controller nothing changes.
    """
    package = importlib.import_module(name)
    loader = package.__spec__.loader if package.__spec__ else None
    if isinstance(loader, zipimport.zipimporter):
        for site in _installed():
            folder = os.path.join(site, "copia")
            if _same_files(loader, package.__path__[0], folder):
                package.__path__ = [folder]
                return


def _same_files(loader: zipimport.zipimporter, inside: str, folder: str) -> bool:
    """Whether every module that was sent stands in ``folder`` too, byte for byte."""
    prefix = os.path.relpath(inside, loader.archive) + os.sep
    sent = [name[len(prefix) :] for name in getattr(loader, "_files", ()) if name.startswith(prefix)]
    try:
        for name in sent:
            with open(os.path.join(folder, name), "rb") as stream:
                if stream.read() != loader.get_data(os.path.join(loader.archive, prefix + name)):
                    return False
    except OSError:
        return False
    return bool(sent)
