# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-test sanity`` on the installed collection.

ansible-test wants the collection in a folder named after it and under git. It also wants pip's bootstrap script, which
it fetches from a host that may be out of reach: a stand-in with the same interface, which installs from a pip wheel of
the package index, goes into a cache folder of our own.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

from tests.checkout import checkout_files
from tests.chores import BIN, BUILD, INSTALLED, environment

STAND_IN = """
import runpy, sys
wheel = {wheel!r}
sys.path.insert(0, wheel)
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", *(wheel if word.startswith("pip==") else word for word in words)]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
NOT_HERE = ("pslint", "shellcheck")
"""Tests that need PowerShell or a program that the package index does not have."""


def seed_pip(home: pathlib.Path) -> None:
    """Put the stand-in for pip's bootstrap script where ansible-test looks first."""
    spec = importlib.util.find_spec("ansible_test")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("ansible-test is not installed beside this interpreter")
    source = pathlib.Path(spec.submodule_search_locations[0], "_internal", "python_requirements.py").read_text()
    found = re.search(r"pip='([0-9.]+)'", source)
    if found is None:
        raise SystemExit("ansible-test does not say which pip it wants")
    version = found[1]
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache), f"pip=={version}"],
            check=True,
        )
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(STAND_IN.format(wheel=str(wheel)))


def copy_collection(place: pathlib.Path) -> None:
    """The checkout's files under the name of the collection, in a git repository without a history."""
    shutil.rmtree(place, ignore_errors=True)
    root = pathlib.Path(__file__).resolve().parents[1]
    for name in checkout_files():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, place / name)
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    subprocess.run(["git", "add", "-A"], cwd=place, check=True)


def main() -> int:
    """Run every sanity test that can run here; an ignore list would be read, and there is none."""
    home = BUILD / "sanity-home"
    place = BUILD / "sanity" / "ansible_collections" / INSTALLED.parent.name / INSTALLED.name
    seed_pip(home)
    copy_collection(place)
    skipped = [argument for name in NOT_HERE for argument in ("--skip-test", name)]
    for name in NOT_HERE:
        print(f"skipped: sanity test {name}: it needs a program that is not a Python package")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [str(BIN / "ansible-test"), "sanity", "--venv", "--python", version, "--color", "no", *skipped]
    variables = {
        **environment(),
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.environ.get("PIP_CONFIG_FILE", pip_settings()),
    }
    return subprocess.run(command, cwd=place, env=variables, stdin=subprocess.DEVNULL, check=False).returncode


def pip_settings() -> str:
    """The user's pip settings, which another HOME would hide."""
    places = (pathlib.Path.home() / ".config" / "pip" / "pip.conf", pathlib.Path.home() / ".pip" / "pip.conf")
    return next((str(place) for place in places if place.exists()), os.devnull)


if __name__ == "__main__":
    sys.exit(main())
