#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine is on a host, whether it is the one that the collection was made with, and one step run by it.

Ansible puts the arguments into this text and runs it as it is: nothing else is carried to the host. So what stands
here imports neither Ansible nor the collection. The controller imports the finder from here.
"""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_step
short_description: One step of a task, run by the engine that is installed on the host
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - The action plugins of this collection run this module on the host, once or twice in a task. It is not for
    playbooks; the options are messages in a format of their own.
  - It is one small file that needs nothing of Ansible on the host. It finds the engine that the role
    copia.sync.engine installed, and has it do the step.
  - Every step can be run twice. Nothing is kept on the host between two of them but what stands in the task's temporary
    folder.
extends_documentation_fragment:
  - copia.sync.attributes
options:
  options:
    description: The options of the M(copia.sync.mirror) or M(copia.sync.bisync) task, checked and complete.
    type: dict
    required: true
  step:
    description:
      - What to do. V(consider) plans against a listing, V(finish) applies a parcel, V(offer) lists a source, V(answer)
        builds a parcel, and V(mirror) does all at once where both trees are on the host.
      - V(bisync), V(hub_serve), V(hub_info) and V(hub_sync) are a whole task each, for the action plugin of that name.
    type: str
    choices: [consider, finish, offer, answer, mirror, bisync, hub_serve, hub_info, hub_sync]
    required: true
  engine:
    description: The build of the engine that the collection was made with.
    type: str
  engine_folder:
    description: The collection's own engine, where the host is the controller itself.
    type: path
  spool:
    description: A folder on the host for large answers.
    type: path
  codec:
    description: How to compress a parcel.
    type: str
    default: zlib
  listing:
    description: What the source holds, in base64.
    type: str
  listing_file:
    description: The same as a file on the host.
    type: path
  wants:
    description: What the destination wants of it, in base64.
    type: str
  wants_file:
    description: The same as a file on the host.
    type: path
  plan:
    description: The plan that the step before made, in base64.
    type: str
  plan_file:
    description: The same as a file on the host.
    type: path
  parcel:
    description: The contents, in base64.
    type: str
  parcel_file:
    description: The same as a file on the host.
    type: path
seealso:
  - module: copia.sync.mirror
  - module: copia.sync.bisync
"""

EXAMPLES = r"""
- name: Use a module that this one serves
  copia.sync.mirror:
    src: site
    dest: /srv/www/site
"""

RETURN = r"""
wants:
  description: What the destination wants, inside the result or as the name of a file on the host.
  returned: when there is something that it wants
  type: dict
plan:
  description: The plan, for the next step.
  returned: when there is something that the destination wants
  type: dict
listing:
  description: What the source holds.
  returned: for the step that lists
  type: dict
parcel:
  description: The contents.
  returned: for the step that builds a parcel
  type: dict
codecs:
  description: The codecs that the host has, best first.
  returned: when a parcel is to follow
  type: list
  elements: str
"""

import sys

if __name__ == "__main__":  # a text from a pipe has the current folder among the places to import from: not here
    sys.path[:] = [place for place in sys.path if place not in ("", ".")]

import hashlib
import importlib
import importlib.util
import json
import os
import pwd
import re
from typing import Any, Dict, Iterator, List, Optional

ARGUMENTS = r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"""
"""What Ansible puts here is one line of JSON in ASCII, which can hold no three quotes in a row."""
STEPS = ("consider", "finish", "offer", "answer", "mirror", "bisync", "hub_serve", "hub_info", "hub_sync")
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
    others = [home for home in _homes() if os.access(os.path.join(home, "bin", "python"), os.X_OK)]
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


def _homes() -> List[str]:
    """Where an engine may be: root's place, and that of the user who runs this."""
    user = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    return [home.replace("~", user, 1) if home.startswith("~/") else home for home in ENGINE_HOMES]


def _installed() -> List[str]:
    """The library folders of installed engines that this interpreter can use."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    sites = [os.path.join(home, "lib", version, "site-packages") for home in _homes()]
    return [site for site in sites if os.path.isdir(site)]


def main() -> None:
    """Run the step that the arguments ask for, and print its result."""
    if ARGUMENTS.startswith("{"):
        sys.stdout.write(json.dumps(answer(json.loads(ARGUMENTS))) + "\n")
    else:
        declare()


def answer(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """The result of a step of the engine that is found here."""
    try:
        find_engine(arguments.get("engine"), arguments.get("engine_folder"))
    except EngineMissing as error:
        return {"failed": True, "msg": str(error), "engine_interpreter": error.interpreter}

    from copia.task.steps import run_module

    return dict(run_module(arguments))


def declare() -> None:
    """Without arguments: name them, for tools that read the arguments of modules."""
    messages = ("listing", "wants", "plan", "parcel")
    importlib.import_module("ansible.module_utils.basic").AnsibleModule(
        argument_spec={
            "options": {"type": "dict", "required": True},
            "step": {"type": "str", "choices": [*STEPS], "required": True},
            "engine": {"type": "str"},
            "engine_folder": {"type": "path"},
            "spool": {"type": "path"},
            "codec": {"type": "str", "default": "zlib"},
            **{name: {"type": "str", "no_log": True} for name in messages},
            **{f"{name}_file": {"type": "path"} for name in messages},
        },
        supports_check_mode=True,
    )


if __name__ == "__main__":
    main()
