# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin for pytest: each door of the C module is called again with the arguments of a real call, thousands of times.

Memory and open descriptors must be the same afterwards, whether the calls succeed or fail. It has to be named before
the engine is imported (``pytest -p tests.native.again``), for the engine binds the doors when it is imported.
"""

from __future__ import annotations

import functools
import gc
import os
import pathlib
from typing import Any, Callable, Dict, List

import _copia_native
import pytest

TIMES = 10_000
LARGEST = 1 << 14
"""Calls on more bytes than this are not repeated: they take too long, and others tell the same."""
ROUNDS = 3
"""Python takes memory in large pieces now and then, and other threads of a test open files: a leak grows every time."""
EACH = 3
"""Calls of a door that are repeated."""
ALLOWED = 96 * 1024
"""Growth that says nothing: less than the smallest piece of memory, lost TIMES times."""

seen: Dict[str, int] = {}
grown: List[str] = []


def resident() -> int:
    """Memory of this process in bytes."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def call_again(name: str, door: Callable[..., Any], words: Any) -> None:
    """Call it TIMES times after a tenth of that to warm up; what grows in every round is lost."""

    def times(count: int) -> None:
        for _time in range(count):
            try:
                door(*words)
            except (OSError, ValueError, TypeError, OverflowError):
                continue

    times(TIMES // 10)
    rounds = []
    for _round in range(ROUNDS):
        gc.collect()
        memory, opened = resident(), descriptors()
        times(TIMES)
        rounds.append((resident() - memory, descriptors() - opened))
        if rounds[-1][0] <= ALLOWED and rounds[-1][1] < TIMES // 100:
            return
    grown.append(f"{name}: bytes and descriptors more after {TIMES} calls: {rounds}")


def repeating(name: str, door: Callable[..., Any]) -> Callable[..., Any]:
    """The door, which repeats its first calls."""

    @functools.wraps(door, assigned=("__doc__",))
    def opened(*words: Any) -> Any:
        small = sum(len(word) for word in words if isinstance(word, (bytes, bytearray))) <= LARGEST
        if small and seen.get(name, 0) < EACH:
            seen[name] = seen.get(name, 0) + 1
            try:
                return door(*words)
            finally:
                call_again(name, door, words)
        return door(*words)

    return opened


class Repeating:
    """An object of the module whose methods repeat their first calls."""

    def __init__(self, kind: Callable[..., Any], *words: Any) -> None:
        self._ours = repeating(kind.__name__, kind)(*words)

    def __getattr__(self, name: str) -> Any:
        return repeating(f"{type(self._ours).__name__}.{name}", getattr(self._ours, name))


DOORS = {name: door for name, door in vars(_copia_native).items() if callable(door) and not name.startswith("_")}
for _name, _door in DOORS.items():
    _again = functools.partial(Repeating, _door) if isinstance(_door, type) else repeating(_name, _door)
    setattr(_copia_native, _name, _again)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where memory has grown, and where a door was never opened."""
    unseen = sorted(set(DOORS) - set(seen))
    for line in [*grown, *(f"{name}: no test calls it" for name in unseen)]:
        print(f"\nagain: {line}")
    if grown or unseen:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_report_header() -> str:
    return f"each of {', '.join(sorted(DOORS))} is called {TIMES} times more"
