# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries as they lie in wheels, and what readelf says of them."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from typing import FrozenSet

import pytest

from tests.native import build

LIBRARY = "_copia_native.abi3.so"
TAGS = tuple(build.wheels.TARGETS)
"""The platform tags of the wheels."""


def wheel(tag: str) -> pathlib.Path:
    """The wheel of that platform in build/carried; the test is skipped where it was not built."""
    path = build.CARRIED / build.backend.wheel_name(tag)
    if not path.exists():
        pytest.skip(f"no wheel of {tag.split('.')[0]} in build/carried: make wheels")
    return path


def unpacked(tag: str, folder: pathlib.Path) -> pathlib.Path:
    """A folder to import the platform's library from."""
    with zipfile.ZipFile(wheel(tag)) as archive:
        archive.extractall(folder)
    return folder


@dataclass(frozen=True)
class Needs:
    """What a library asks of others."""

    libraries: FrozenSet[str]
    symbols: FrozenSet[str]
    """Each with its version where it has one: ``memcpy@GLIBC_2.14``."""


def readelf(*words: object) -> str:
    """What readelf prints; the test is skipped where binutils are missing."""
    program = shutil.which("readelf")
    if program is None:
        pytest.skip("no readelf is here: install binutils")
    done = subprocess.run([program, "-W", *map(str, words)], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def needs(library: pathlib.Path) -> Needs:
    """What the library asks of others."""
    symbols = [line.split() for line in readelf("--dyn-syms", library).splitlines()]
    undefined = {words[7] for words in symbols if len(words) > 7 and words[6] == "UND"}
    libraries = re.findall(r"NEEDED.*\[(.*)\]", readelf("-d", library))
    return Needs(frozenset(libraries), frozenset(name.replace("@@", "@") for name in undefined))


def exports(library: pathlib.Path) -> FrozenSet[str]:
    """The names that a library defines for others."""
    symbols = [line.split() for line in readelf("--dyn-syms", library).splitlines()]
    return frozenset(words[7].split("@")[0] for words in symbols if len(words) > 7 and words[6] not in ("UND", "Ndx"))
