# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the C code, read from its text: who includes Python, how long files are, whose they are."""

from __future__ import annotations

import pathlib
import re
from typing import Iterator, List

import pytest

NATIVE = pathlib.Path(__file__).resolve().parents[3] / "native"
DOORS = re.compile(r"bind(_\w+)?\.[ch]|module\.c")
LONGEST = 400
SPDX = " * SPDX-License-Identifier: GPL-3.0-or-later"


def files(root: pathlib.Path) -> List[pathlib.Path]:
    """Every C file of the project."""
    return sorted(path for folder in ("src", "fuzz", "proofs") for path in (root / folder).glob("*.[ch]"))


def broken(path: pathlib.Path) -> Iterator[str]:
    """One sentence for each rule that the file breaks."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if not any(line.startswith(SPDX) for line in lines[:5]):
        yield f"{path.name} has no line {SPDX!r} at its top"
    if len(lines) > LONGEST:
        yield f"{path.name} has {len(lines)} lines, more than {LONGEST}"
    if re.search(r'#\s*include\s*[<"](Python|bind)\.h', text) and not DOORS.fullmatch(path.name):
        yield f"{path.name} includes Python.h; only the doors do"
    if re.search(r"__builtin_cpu_\w+\(", text):
        yield f"{path.name} asks the compiler's runtime for the processor; ask cpu.h"


@pytest.mark.parametrize("path", files(NATIVE), ids=lambda path: path.name)
def test_a_file_keeps_the_rules(path: pathlib.Path) -> None:
    assert list(broken(path)) == []


@pytest.mark.parametrize(
    "planted", ['#include "Python.h"\n', "#include <bind.h>\n", "\n" * 400, "int x = __builtin_cpu_supports(1);\n"]
)
def test_a_rule_sees_what_breaks_it(tmp_path: pathlib.Path, planted: str) -> None:
    path = tmp_path / "walk.c"
    path.write_text(f"/* Ours\n{SPDX} */\n")
    assert list(broken(path)) == []
    path.write_text(f"/* Ours\n{SPDX} */\n{planted}")
    assert len(list(broken(path))) == 1
    path.write_text("int x;\n")
    assert len(list(broken(path))) == 1
