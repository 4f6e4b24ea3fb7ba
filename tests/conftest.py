# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable with nothing installed: the engine as ``copia``, and the collection under its name."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENGINE = ROOT / "plugins" / "module_utils" / "_copia"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which twin of the engine the tests run on; by default the one that a user would have."""
    parser.addoption("--twin", choices=("python", "native"), help="run on this twin of the engine, or fail")


def pytest_configure(config: pytest.Config) -> None:
    """Make the C module unimportable, or insist on it, before a test imports the engine."""
    twin = config.getoption("--twin", None)
    if twin == "python":
        sys.modules["_copia_native"] = None  # type: ignore[assignment]
    elif twin == "native" and importlib.util.find_spec("_copia_native") is None:
        raise pytest.UsageError("--twin native: the C wheel is not installed; run python -m tests.chores native")


if "copia" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "copia", ENGINE / "__init__.py", submodule_search_locations=[str(ENGINE)]
    )
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{ENGINE} is not a package")
    sys.modules["copia"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["copia"])

if importlib.util.find_spec("ansible_collections") is None:
    for name, folder in (
        ("ansible_collections", None),
        ("ansible_collections.copia", None),
        ("ansible_collections.copia.sync", ROOT),
    ):
        module = types.ModuleType(name)
        module.__path__ = [] if folder is None else [str(folder)]
        sys.modules[name] = module
