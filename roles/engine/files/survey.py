# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what the engine role has to do on this host. Reads only; runs from standard input, nothing is left behind.

Takes the role's order as JSON in its first argument, prints the answer as JSON.

1. A host is system wide (root) or one user's; the order may ask for one of them.
2. A folder that this role did not make is never written into, cleared or removed.
3. An environment is rebuilt when its interpreter does not run, when it has lost pip (an upgrade of the operating
   system brought another Python), or when the order names another Python.
4. Otherwise it is left alone if all requirements are met and its stamp equals the order.
5. Only wheels of the wheelhouse that fit this host are carried; a requirement without one is a problem, told
   before anything is changed.

It does not know what an index offers: there pip decides.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not evaluated, for an interpreter below 3.9 has to come as far as saying so
    from typing import Any

    Facts = dict[str, Any]  # what goes to and from JSON
    Version = tuple[int, ...]
    Shelf = dict[str, list[tuple[Version, str]]]  # by name: versions and files of the wheels that fit

MINIMUM = (3, 9)
MARK = "copia-engine"  # `python -m venv --prompt` writes it into pyvenv.cfg before anything else can fail
STAMP = "copia-engine.json"
PROBE = """
import json, os, sys
said = {"version": list(sys.version_info[:3]), "base": getattr(sys, "_base_executable", "") or sys.executable}
if sys.version_info >= (3, 9):
    import importlib.metadata, importlib.util
    said["ensurepip"] = all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))
    said["venv"] = importlib.util.find_spec("venv") is not None
    said["prefix"] = os.path.realpath(sys.prefix)
    said["installed"] = {
        (d.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-"): d.version
        for d in importlib.metadata.distributions(path=[p for p in sys.path if p.startswith(sys.prefix)])}
print(json.dumps(said))
"""
GLIBC_OF = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


class Trouble(Exception):
    """One sentence for the user: what was expected, and the next step."""


def numbers(version: str) -> Version:
    """The release numbers of a version: '5.9.0rc1' gives (5, 9, 0)."""
    return tuple(int(digits) for digits in re.findall(r"(?:^|\.)(\d+)", version))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def split_requirement(requirement: str) -> tuple[str, Version]:
    """'cbor2>=5.9' gives ('cbor2', (5, 9)); any other condition than a minimum is left to pip."""
    name = re.match(r"[A-Za-z0-9._-]*[A-Za-z0-9]", requirement.strip())
    if name is None:
        raise Trouble(f"{requirement!r} is no requirement, expected one like 'cbor2>=5.9' in engine_extra_packages")
    minimum = re.search(r">=\s*([0-9][^,;\s]*)", requirement)
    return canonical(name.group()), numbers(minimum.group(1)) if minimum else ()


def release(python: Facts) -> str:
    """'3.11', as users and pip name a Python."""
    return "{}.{}".format(*python["version"][:2])


def probe(python: str) -> Facts | None:
    """What an interpreter says about itself, or None where it does not run."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
        said: Facts = json.loads(done.stdout.decode())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return said


# --- which wheels fit -------------------------------------------------------------------------------------------


def python_fits(tag: str, abi: list[str], version: Version) -> bool:
    """Tags as in https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/"""
    found = re.match(r"(py|cp)(\d)(\d*)$", tag)
    if found is None or int(found.group(2)) != version[0]:
        return False
    minor = int(found.group(3) or 0)
    if tag.startswith("py"):
        return "none" in abi and minor <= version[1]
    if "abi3" in abi and 2 <= minor <= version[1]:
        return True
    return minor == version[1] and ("none" in abi or tag in abi)


def glibc() -> Version:
    try:
        return numbers((os.confstr("CS_GNU_LIBC_VERSION") or "").replace("glibc ", ""))
    except (ValueError, OSError):
        return ()


def platform_fits(tag: str, machine: str, libc: Version) -> bool:
    if tag == "any":
        return True
    if not tag.endswith("_" + machine):
        return tag.startswith("macosx") and tag.endswith("_universal2") and sys.platform == "darwin"
    kind = tag[: -len(machine) - 1]
    if kind in GLIBC_OF:
        return libc >= GLIBC_OF[kind]
    if kind.startswith("manylinux_"):
        return libc >= numbers(kind[len("manylinux_") :].replace("_", "."))
    if kind.startswith("musllinux"):
        return not libc and sys.platform.startswith("linux")
    return kind.startswith("macosx" if sys.platform == "darwin" else "linux")


def wheel_fits(wheel: str, version: Version, machine: str, libc: Version) -> bool:
    """True if the file's three compatibility tags allow this interpreter on this machine."""
    parts = wheel[: -len(".whl")].split("-")
    if len(parts) not in (5, 6):
        return False
    pythons, abi, platforms = (tags.split(".") for tags in parts[-3:])
    return any(python_fits(tag, abi, version) for tag in pythons) and any(
        platform_fits(tag, machine, libc) for tag in platforms
    )


def file_fits(wheel: str, python: Facts) -> bool:
    return wheel_fits(wheel, tuple(python["version"]), platform.machine().lower(), glibc())


def carried(order: Facts, python: Facts) -> Shelf:
    """The wheelhouse's fitting wheels: {name: [(version, file), ...]}, sorted."""
    shelf: Shelf = {}
    for wheel in sorted(order["wheelhouse"] or []):
        if file_fits(wheel, python):
            shelf.setdefault(canonical(wheel.split("-")[0]), []).append((numbers(wheel.split("-")[1]), wheel))
    return shelf


def missing_from(shelf: Shelf, requirements: list[str]) -> list[str]:
    """Requirements that no wheel of the shelf can meet."""
    wanted = [(requirement, *split_requirement(requirement)) for requirement in requirements]
    return [
        requirement
        for requirement, name, minimum in wanted
        if not any(version >= minimum for version, _file in shelf.get(name, []))
    ]


# --- where the engine lives -------------------------------------------------------------------------------------


def place(order: Facts) -> Facts:
    """Scope, folder and link of the engine."""
    root = os.geteuid() == 0
    scope = order["scope"] if order["scope"] != "auto" else "system" if root else "user"
    if scope == "system" and not root:
        raise Trouble(
            f"engine_scope is system, but the task runs as user id {os.geteuid()}: set become to true, or "
            "engine_scope to user"
        )
    home = os.path.expanduser("~")
    path = order["path"] or ("/opt/copia" if scope == "system" else os.path.join(home, ".local/share/copia"))
    path = os.path.normpath(os.path.expanduser(path))
    if not os.path.isabs(path):
        raise Trouble(f"engine_path is {path}, expected an absolute path")
    link = "/usr/local/bin/copia" if scope == "system" else os.path.join(home, ".local/bin/copia")
    return {"scope": scope, "path": path, "link": link}


def read(*parts: str) -> str:
    try:
        with open(os.path.join(*parts), encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def is_ours(path: str) -> bool:
    return bool(read(path, STAMP)) or MARK in read(path, "pyvenv.cfg")


def is_taken(path: str) -> bool:
    """True if something that this role did not make stands there."""
    if not os.path.lexists(path) or is_ours(path):
        return False
    return not os.path.isdir(path) or bool(os.listdir(path))


def link_is_ours(link: str, path: str) -> bool:
    return os.path.islink(link) and os.path.dirname(os.readlink(link)) == os.path.join(path, "bin")


# --- what to do -------------------------------------------------------------------------------------------------


def interpreter(order: Facts) -> Facts:
    """The interpreter that an environment is made with: the real one behind a virtual environment."""
    path = order["python"] or sys.executable
    python = probe(path)
    if python is None:
        raise Trouble(f"{path} does not run as a Python interpreter: name another one in engine_python")
    if tuple(python["version"]) < MINIMUM:
        raise Trouble(
            f"{path} is Python {release(python)}, expected 3.9 or newer: install one and name it in engine_python"
        )
    if not python["venv"]:
        raise Trouble(
            f"{path} has no module venv, expected a full Python: install the package python3-venv "
            "(Debian, Ubuntu) or python3 (elsewhere)"
        )
    return python


def why_rebuild(order: Facts, path: str, python: Facts) -> str:
    """Why the environment has to be made (again), or ''."""
    if not os.path.lexists(os.path.join(path, "bin", "python")):
        return f"no engine in {path}"
    there = probe(os.path.join(path, "bin", "python"))
    if there is None or "pip" not in there.get("installed", {}) or there["prefix"] != os.path.realpath(path):
        return f"the environment in {path} is broken"
    if order["python"] and there["version"][:2] != python["version"][:2]:
        return f"the environment in {path} is Python {release(there)}"
    return ""


def why_install(order: Facts, path: str, shelf: Shelf) -> str:
    """Why pip has to run in a sound environment, or ''."""
    installed = (probe(os.path.join(path, "bin", "python")) or {}).get("installed", {})
    for requirement in order["wanted"]["requirements"]:
        name, minimum = split_requirement(requirement)
        if numbers(installed.get(name, "")) < (minimum or (0,)):
            return f"{requirement} is wanted, {installed.get(name, 'none')} is installed"
    if order["wanted"]["native"] == "required" and "copia-native" not in installed:
        return "engine_native is required, and copia-native is not installed"
    wheel = order["wanted"]["wheel"].split("-")[1]
    if installed.get("copia") != wheel:
        return f"copia {wheel} is wanted, {installed.get('copia', 'none')} is installed"
    if order["wanted"]["zstandard"] == "auto" and "zstandard" in shelf and "zstandard" not in installed:
        return "the wheelhouse has a zstandard for this host"
    try:
        same = bool(json.loads(read(path, STAMP) or "{}") == order["wanted"])
    except ValueError:
        same = False
    return "" if same else "the engine's build or the order has changed"


def check_wheelhouse(order: Facts, shelf: Shelf, python: Facts, *, build: bool) -> None:
    """Tell before any change what the wheelhouse, or this host, is lacking."""
    if order["wheelhouse"] is not None:
        missing = missing_from(shelf, order["wanted"]["requirements"])
        if missing:
            folder, quoted = order["wheelhouse_path"], " ".join(f"'{requirement}'" for requirement in missing)
            raise Trouble(
                f"the wheelhouse {folder} has no wheel of {', '.join(missing)} for Python {release(python)} on "
                f"{platform.machine()}: run `pip download --only-binary=:all: --python-version {release(python)} "
                f"--dest {folder} {quoted}` on a machine like this host, or add --platform"
            )
    if build and not python["ensurepip"] and "pip" not in shelf:
        raise Trouble(
            f"{python['base']} has no ensurepip, so a virtual environment gets no pip: install the package "
            "python3-venv (Debian, Ubuntu), or put a wheel of pip into the wheelhouse (`pip download pip`)"
        )


def refuse_what_others_made(order: Facts, path: str, link: str) -> None:
    if is_taken(path):
        raise Trouble(f"{path} exists and was not made by this role: move it away, or choose another engine_path")
    if order["link"] and os.path.lexists(link) and not link_is_ours(link, path):
        raise Trouble(f"{link} exists and is not this engine's command: move it away, or set engine_link to false")


def plan_present(order: Facts) -> Facts:
    plan = place(order)
    refuse_what_others_made(order, plan["path"], plan["link"])
    python = interpreter(order)
    shelf = carried(order, python)
    rebuild = why_rebuild(order, plan["path"], python)
    reason = rebuild or why_install(order, plan["path"], shelf)
    if reason:
        check_wheelhouse(order, shelf, python, build=bool(rebuild))
    pip = max(shelf["pip"])[1] if rebuild and not python["ensurepip"] else ""
    return dict(
        plan,
        python=python["base"],
        mark=MARK,
        stamp=os.path.join(plan["path"], STAMP),
        build=bool(rebuild),
        install=bool(reason),
        reason=reason,
        pip_wheel=pip,
        link_folder_missing=not os.path.isdir(os.path.dirname(plan["link"])),
        carry=[file for name, versions in shelf.items() for _version, file in versions if file == pip or name != "pip"],
        native=[file for file in order["native"] if file.endswith(".tar.gz") or file_fits(file, python)],
        try_zstandard=order["wanted"]["zstandard"] == "auto" and (order["wheelhouse"] is None or "zstandard" in shelf),
    )


def plan_absent(order: Facts) -> Facts:
    plan = place(order)
    if is_taken(plan["path"]):
        raise Trouble(
            f"{plan['path']} was not made by this role, so it is not removed: remove it by hand, or correct engine_path"
        )
    plan["unlink"] = link_is_ours(plan["link"], plan["path"])
    return plan


def main() -> None:
    order = json.loads(sys.argv[1])
    try:
        answer = plan_present(order) if order["state"] == "present" else plan_absent(order)
        answer["problem"] = ""
    except Trouble as trouble:
        answer = {"problem": str(trouble)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
