# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine is, and whether it is the one that the collection was made with."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from typing import Iterator, List, Optional

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


def engine_id(folder: str) -> str:
    """What tells one build of the package in ``folder`` from another: a digest of its sources."""
    state = hashlib.sha256()
    for path in sorted(_sources(folder)):
        with open(os.path.join(folder, path), "rb") as stream:
            text = stream.read()
        state.update(b"%s %d\n" % (path.encode(), len(text)))
        state.update(text)
    return state.hexdigest()


def _sources(folder: str) -> Iterator[str]:
    for place, _folders, names in os.walk(folder):
        yield from (os.path.relpath(os.path.join(place, name), folder) for name in names if name.endswith(".py"))


def find_engine(wanted: Optional[str] = None, beside: Optional[str] = None) -> None:
    """Make the package ``copia`` importable: that of this interpreter, else that of an installed engine of the same
    Python version, whose folder is put before the others.

    ``wanted`` is the ``engine_id`` of the collection that asks; without one, any build will do. ``beside`` is the
    collection's own package, where this host is the controller: it serves where only the libraries are installed.

    :raises EngineMissing: when there is none; it names the interpreter of an engine of another Python version.
    """
    troubles = []
    for site in ("", *_installed()):
        if site:
            sys.path.insert(0, site)
            importlib.invalidate_caches()
        trouble = _trouble(wanted, beside)
        if not trouble:
            return
        troubles.append(trouble)
    homes = [os.path.expanduser(home) for home in ENGINE_HOMES]
    others = [home for home in homes if os.access(os.path.join(home, "bin", "python"), os.X_OK)]
    elsewhere = None if not others or sys.executable.startswith(others[0]) else os.path.join(others[0], "bin", "python")
    raise EngineMissing(f"{troubles[-1]}; run the role {ROLE} on this host", elsewhere)


def _trouble(wanted: Optional[str], beside: Optional[str]) -> str:
    """Why the engine that would be imported now can't be used; empty when it can."""
    folder = _folder_of_copia()
    if beside and not (folder and engine_id(folder) == wanted):
        folder = _adopt(beside)
    missing = missing_libraries() if folder else ["copia", *missing_libraries()]
    if missing:
        return f"the copia engine is missing or too old: {sys.executable} has no usable {', '.join(missing)}"
    if wanted and engine_id(folder) != wanted:
        return f"the copia engine is missing or too old: {folder} is another build than that of the collection"
    return ""


def _folder_of_copia() -> str:
    """Where the package would be imported from; empty when it can't be found."""
    spec = importlib.util.find_spec("copia")
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""


def _adopt(folder: str) -> str:
    """Make the package in ``folder`` the one that is imported as ``copia``; empty when nothing can be read there."""
    init = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location("copia", init, submodule_search_locations=[folder])
    if spec is None or spec.loader is None or not os.access(init, os.R_OK):
        return ""
    sys.modules["copia"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["copia"])
    return folder


def require_libraries() -> None:
    """Check what the collection itself needs on the controller.

    :raises EngineMissing: naming what is missing.
    """
    missing = missing_libraries()
    if missing:
        raise EngineMissing(
            f"{sys.executable} has no usable {', '.join(missing)}; "
            "install the collection's requirements/controller.txt beside ansible-core"
        )


def missing_libraries() -> List[str]:
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
