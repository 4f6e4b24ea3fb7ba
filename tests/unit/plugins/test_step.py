# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``engine_step`` as Ansible runs it: its text with the arguments in it, from a pipe or as a file, without Ansible."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from typing import Any, Dict

import pytest

from tests.conftest import ENGINE, ROOT
from tests.trees import grow, harvest

MODULE = (ROOT / "plugins" / "modules" / "engine_step.py").read_bytes()
PLACE = b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"
NEW_STYLE = re.compile(rb"from +ansible\.module_utils|import +ansible|from +\.{2,} *module_utils|import +ansible_coll")
"""What makes Ansible pack a module with everything it imports."""
OPTIONS: Dict[str, Any] = {
    **dict.fromkeys(("owner", "group", "mode", "directory_mode")),
    **dict.fromkeys(("delete", "force", "durable"), False),
    **dict.fromkeys(("exclude", "include", "preserve"), ()),
    "compare": "quick",
    "max_delete": "50%",
    "content_diff_limit": 1000,
    "report_limit": 100,
}


def run(place: pathlib.Path, arguments: Dict[str, Any], how: str = "pipe") -> Dict[str, Any]:
    """The result of the module in the folder ``place``, where nobody's modules may be imported from."""
    (place / "json.py").write_text("raise SystemExit('a module of the current folder was imported')")
    engine = {"engine_folder": str(ENGINE), "_ansible_check_mode": False, "_ansible_diff": False}
    text = MODULE.replace(PLACE, json.dumps({**engine, **arguments}).encode())
    (place / "elsewhere").mkdir(exist_ok=True)
    (place / "elsewhere" / "step").write_bytes(text)
    command = [sys.executable] if how == "pipe" else [sys.executable, str(place / "elsewhere" / "step")]
    done = subprocess.run(command, input=text if how == "pipe" else b"", capture_output=True, cwd=place, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return dict(json.loads(done.stdout))


def test_ansible_sends_it_as_it_is() -> None:
    assert MODULE.count(PLACE) == 1
    assert not NEW_STYLE.search(MODULE)


@pytest.mark.parametrize("how", ["pipe", "file"])
def test_it_runs_a_step_with_whatever_stands_in_the_arguments(tmp_path: pathlib.Path, how: str) -> None:
    grow(tmp_path / "src", "a=1 d/b=2")
    odd = ['"""', "\\", "'''", "\udcff", "x" * 200_000, "\u2028\n", "", '"']
    options = {**OPTIONS, "src": str(tmp_path / "src"), "dest": str(tmp_path / "dest"), "odd": odd}
    result = run(tmp_path, {"step": "mirror", "options": options}, how)
    assert result["changed"] and not result.get("failed")
    assert harvest(tmp_path / "dest") == harvest(tmp_path / "src")


def test_a_check_with_diff_of_a_destination_that_is_not_there(tmp_path: pathlib.Path) -> None:
    grow(tmp_path / "src", "a=1 d/b=2")
    options = {**OPTIONS, "src": str(tmp_path / "src"), "dest": str(tmp_path / "no" / "dest")}
    flags = {"_ansible_check_mode": True, "_ansible_diff": True}
    result = run(tmp_path, {"step": "mirror", "options": options, **flags})
    assert result["changed"] and "d/b" in result["diff"][0]["after"]
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "run by the action plugins"),
        ({"step": "other", "options": OPTIONS}, "run by the action plugins"),
        ({"step": "consider", "options": OPTIONS}, "this step needs the listing"),
        ({"step": "mirror", "options": {**OPTIONS, "src": "x", "dest": "/y"}}, "expected an absolute path"),
        ({"step": "mirror", "options": {**OPTIONS, "mode": "u=q"}}, "symbolic mode"),
        ({"step": "mirror", "options": OPTIONS, "engine": "0", "engine_folder": None}, "run the role"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: pathlib.Path, arguments: Dict[str, Any], said: str) -> None:
    result = run(tmp_path, arguments)
    assert result["failed"] and said in result["msg"]


def test_without_arguments_it_declares_them(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("ansible", reason="ansible-core is not installed for this interpreter: hosts have none either")
    asked = "import runpy, sys\nfrom ansible.module_utils import basic\n"
    asked += "basic.AnsibleModule.__init__ = lambda self, **given: print(*sorted(given['argument_spec']))\n"
    asked += f"runpy.run_path({str(ROOT / 'plugins/modules/engine_step.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert {"step", "options", "parcel_file"} <= set(done.stdout.split())
