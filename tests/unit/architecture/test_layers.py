# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house keeps its rules, and each rule sees what breaks it."""

from __future__ import annotations

import pathlib
import shutil
from typing import Callable, Iterator

import pytest

from tests import house

ROOT = pathlib.Path(__file__).resolve().parents[3]
ENGINE = "plugins/module_utils/_copia"
KERNEL = "\n\ndef judge_more(text: object) -> object:\n    return text.{0}\n"
LONG = "\n\ndef long():\n" + "    print()\n" * 60
Rule = Callable[[pathlib.Path], Iterator[str]]

PLANTED = [
    (house.imports_follow_the_table, f"{ENGINE}/core/paths.py", "\nimport os\n"),
    (house.imports_follow_the_table, f"{ENGINE}/core/paths.py", "\nfrom ..disk.scan import Scan\n"),
    (house.imports_follow_the_table, f"{ENGINE}/core/paths.py", "\nimport blake3\n"),
    (house.imports_follow_the_table, f"{ENGINE}/core/paths.py", "\ndef late():\n    import time\n"),
    (house.imports_follow_the_table, f"{ENGINE}/wire/messages.py", "\nimport cbor2\n"),
    (house.imports_follow_the_table, f"{ENGINE}/wire/pack.py", "\nfrom .. import disk\n"),
    (house.imports_follow_the_table, f"{ENGINE}/disk/scan.py", "\nfrom ..wire import gate\n"),
    (house.imports_follow_the_table, f"{ENGINE}/disk/scan.py", "\nimport socket\n"),
    (house.imports_follow_the_table, f"{ENGINE}/flow/pump.py", "\nimport dataclasses\n"),
    (house.imports_follow_the_table, f"{ENGINE}/flow/pump.py", "\nfrom ansible.errors import AnsibleError\n"),
    (house.imports_follow_the_table, f"{ENGINE}/flow/pump.py", "\nimport argparse\n"),
    (house.imports_follow_the_table, f"{ENGINE}/cli.py", "\nfrom .disk.scan import Scan\n"),
    (house.imports_follow_the_table, "plugins/module_utils/_ansible.py", "\nfrom ._copia.core import errors\n"),
    (
        house.imports_follow_the_table,
        "plugins/modules/mirror.py",
        "\nfrom ansible_collections.copia.sync.plugins.module_utils._copia.disk import scan\n",
    ),
    (house.imports_follow_the_table, "plugins/modules/engine_step.py", "\nfrom ansible.module_utils import basic\n"),
    (house.every_file_has_a_room, f"{ENGINE}/attic.py", "\nimport os\n"),
    (house.rooms_call_only_what_they_may, f"{ENGINE}/core/paths.py", "\nopen('x')\n"),
    (house.rooms_call_only_what_they_may, f"{ENGINE}/flow/pump.py", "\nprint('x')\n"),
    (house.one_room_changes_the_world, f"{ENGINE}/disk/stage.py", "\nos.rename('a', 'b')\n"),
    (house.one_room_changes_the_world, f"{ENGINE}/disk/stage.py", "\nfrom os import unlink\n"),
    (house.one_room_changes_the_world, f"{ENGINE}/disk/stage.py", "\ntake_away = os.unlink\n"),
    (house.kernels_only_decide, f"{ENGINE}/core/quick_check.py", KERNEL.format("lower()")),
    (house.kernels_only_decide, f"{ENGINE}/core/quick_check.py", KERNEL.format("size")),
    (house.kernels_only_decide, f"{ENGINE}/core/cas.py", KERNEL.format("size")),
    (house.kernels_only_decide, f"{ENGINE}/core/rights.py", KERNEL.format("lower()")),
    (house.kernels_only_decide, f"{ENGINE}/core/brakes.py", "\n\ndef near(a: int) -> bool:\n    return a // 2 > 1\n"),
    (house.every_file_names_its_licence, f"{ENGINE}/core/unnamed.py", "\nx = 1\n"),
    (house.plugins_never_assert, f"{ENGINE}/disk/scan.py", "\nassert True\n"),
    (house.functions_and_files_are_short, f"{ENGINE}/disk/scan.py", LONG),
    (house.functions_and_files_are_short, f"{ENGINE}/disk/scan.py", "\n" * 400),
]


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    """Each sentence names a place and what is wrong with it."""
    assert not list(rule(ROOT)), "\n".join(rule(ROOT))


@pytest.mark.parametrize(("rule", "file", "text"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_sees_what_breaks_it(tmp_path: pathlib.Path, rule: Rule, file: str, text: str) -> None:
    """A violation planted in a copy of the plugins makes the rule name that file, and nothing more than before."""
    shutil.copytree(ROOT / "plugins", tmp_path / "plugins")
    before = set(rule(tmp_path))
    with (tmp_path / file).open("a") as stream:
        stream.write(text)
    found = set(rule(tmp_path)) - before
    assert found
    assert all(sentence.startswith(file) for sentence in found)


def test_every_rule_has_been_seen_to_fail() -> None:
    """A rule that nothing was planted for may see nothing."""
    assert {planted[0] for planted in PLANTED} == set(house.RULES)
