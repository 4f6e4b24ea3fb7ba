# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same test on both twins of what works on trees: Python, which is always there, and C where it is installed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from typing import Any, Iterator

import pytest
from copia.core import twin


def has_native() -> bool:
    """Whether the C module is installed, and the one that this checkout was written for."""
    if importlib.util.find_spec("_copia_native") is None:
        return False
    return bool(importlib.import_module("_copia_native").ABI == twin.ABI)


KINDS = ("python", "native") if has_native() else ("python",)
"""The twins that are here. Where there is one only, the laws that compare the two are skipped, and say why."""
EACH_TWIN = pytest.mark.parametrize("kind", KINDS)
BOTH = pytest.mark.skipif(
    not has_native(), reason="_copia_native of this checkout is not installed (make native): there is one twin only"
)


def choose(patch: pytest.MonkeyPatch, kind: str) -> None:
    """From here on the twin of that kind works."""
    patch.setattr(twin, "native", module() if kind == "native" else None)


def module() -> Any:
    """The C module; the test is skipped where it is not installed."""
    if not has_native():
        pytest.skip("_copia_native of this checkout is not installed (make native)")
    return importlib.import_module("_copia_native")


@contextlib.contextmanager
def using(kind: str) -> Iterator[None]:
    """Within, the twin of that kind works."""
    with pytest.MonkeyPatch.context() as patch:
        choose(patch, kind)
        yield
