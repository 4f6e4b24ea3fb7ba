# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's dataclasses do what those of the standard library do, and cost a start little."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List, Tuple

import pytest
from copia import values


def family(module: Any) -> Tuple[Any, ...]:
    """The same three classes, made by one module or the other."""

    @module.dataclass(frozen=True)
    class Point:
        x: int
        y: int = 2
        names: Tuple[str, ...] = ()

    @module.dataclass
    class Bag:
        things: List[int] = module.field(default_factory=list)
        known: Dict[int, int] = module.field(default_factory=dict, compare=False, repr=False)
        total: int = 0

        def __post_init__(self) -> None:
            self.known.update((thing, 1) for thing in self.things)
            self.total = len(self.things)

    @module.dataclass(frozen=True)
    class Nothing:
        pass

    return Point, Bag, Nothing, module.replace


THEIRS, OURS = family(dataclasses), family(values)
SAYINGS = {
    "by position": lambda point, bag, nothing, replace: point(1, 3, ("a",)),
    "by name and default": lambda point, bag, nothing, replace: point(y=3, x=1),
    "defaults": lambda point, bag, nothing, replace: point(1),
    "made for each": lambda point, bag, nothing, replace: (bag(), bag().things is bag().things),
    "finished": lambda point, bag, nothing, replace: (bag([5, 6]), bag([5, 6]).known, bag([1, 2, 3]).total),
    "no fields": lambda point, bag, nothing, replace: (nothing(), nothing() == nothing(), len({nothing(), nothing()})),
    "equal": lambda point, bag, nothing, replace: (point(1) == point(1, 2), point(1) == point(2), point(1) == (1, 2)),
    "not compared": lambda point, bag, nothing, replace: bag([1], {2: 2}) == bag([1], {}),
    "hash": lambda point, bag, nothing, replace: len({point(1), point(1, 2), point(2)}),
    "no hash": lambda point, bag, nothing, replace: bag.__hash__,
    "replaced": lambda point, bag, nothing, replace: (replace(point(1), y=9), replace(bag([1]), things=[2, 3])),
    "too many": lambda point, bag, nothing, replace: point(1, 2, (), 4),
    "too few": lambda point, bag, nothing, replace: point(y=1),
    "twice": lambda point, bag, nothing, replace: point(1, x=1),
    "unknown": lambda point, bag, nothing, replace: point(1, z=1),
    "replaced by unknown": lambda point, bag, nothing, replace: replace(point(1), z=1),
}


def answer(saying: Any, made: Tuple[Any, ...]) -> str:
    try:
        return repr(saying(*made))
    except TypeError as error:
        return type(error).__name__


@pytest.mark.parametrize("name", SAYINGS)
def test_they_answer_as_the_library_does(name: str) -> None:
    assert answer(SAYINGS[name], OURS) == answer(SAYINGS[name], THEIRS)


def test_a_class_may_have_slots() -> None:
    @values.dataclass(frozen=True)
    class Slim:
        __slots__ = ("x", "y")
        x: int
        y: int

    assert Slim(1, 2) == Slim(1, y=2) != Slim(1, 3)
    assert not hasattr(Slim(1, 2), "__dict__")


COSTLY = {
    "--version": ("json", "subprocess", "pathspec", "cbor2", "blake3", "copia.core.entries"),
    "sync": ("json", "subprocess", "pathspec", "cbor2", "zstandard", "ctypes", "copia.link.child"),
    "bisync": ("json", "subprocess", "pathspec", "cbor2", "zstandard", "copia.link.child"),
    "hub-sync": ("json", "subprocess", "pathspec", "cbor2", "zstandard", "copia.link.child", "copia.flow.remote"),
    "signature": ("json", "subprocess", "pathspec", "cbor2", "zstandard", "ctypes", "copia.disk.read"),
}
EVERYWHERE = ("dataclasses", "inspect", "tempfile", "shutil", "lzma", "logging", "copia.flow.serve")
TOLD = "import sys; from copia.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize("word", COSTLY)
def test_a_run_without_work_loads_nothing_that_it_does_not_need(word: str, tmp_path: pathlib.Path) -> None:
    package = pathlib.Path(values.__file__).parent
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "copia").symlink_to(package)
    sides = [tmp_path / name for name in ("left", "right")]
    for side in sides:
        side.mkdir()
        os.utime(side, (1, 1))
    left, right = map(str, sides)
    others = {"--version": [], "sync": ["-r", left, right], "signature": [__file__, "-o", f"{left}/made"]}
    words = [word, *others.get(word, [left, right])]
    environment = {"PYTHONPATH": str(tmp_path / "lib"), "COPIA_STATE": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *words], env=environment, capture_output=True, text=True, check=True
    )
    at_start = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split()) - set(at_start.stdout.split())
    assert "argparse" in loaded
    assert loaded.isdisjoint({*COSTLY[word], *EVERYWHERE}), sorted(loaded & {*COSTLY[word], *EVERYWHERE})
