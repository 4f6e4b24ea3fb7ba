# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridge to Ansible: results, sharing between forks, the engine that is found, and a step run by it."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import time
from multiprocessing import get_context
from typing import Iterator, Tuple

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed for this interpreter: hosts have none either")

from ansible_collections.copia.sync.plugins.module_utils._copia.core.entries import Problem
from ansible_collections.copia.sync.plugins.module_utils._copia.core.errors import InputError
from ansible_collections.copia.sync.plugins.module_utils._copia.core.report import Report
from ansible_collections.copia.sync.plugins.module_utils._copia.task import options
from ansible_collections.copia.sync.plugins.modules import engine_step
from ansible_collections.copia.sync.plugins.plugin_utils.libraries import require_libraries
from ansible_collections.copia.sync.plugins.plugin_utils.shared import Shared

from tests.conftest import ENGINE

OPTIONS = {"report_limit": 2, "dest": "/d", "content_diff_limit": 100, "compare": "quick", "exclude": [], "include": []}


def test_problems_fail_the_task_and_are_capped_with_their_true_number() -> None:
    report = Report(notes=["a note"])
    report.problems.extend(Problem(b"p%d" % number, "is odd") for number in range(5))
    result = options.result_of(report, OPTIONS, diff=False)
    assert result["failed"] and result["truncated"] and len(result["problems"]) == 2
    assert result["msg"] == "5 problem(s), the first: p0 is odd. a note"


def test_a_relative_path_on_the_host_is_refused() -> None:
    with pytest.raises(InputError, match="dest is 'x': expected an absolute path"):
        options.on_host({"dest": "x"}, "dest")


def test_what_a_host_understands_of_a_path_is_expanded_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert options.on_host({"src": "~/a", "dest": "/$HOME/b"}, "src", "dest") == {
        "src": "/home/someone/a",
        "dest": "//home/someone/b",
    }


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """An installed engine of this Python, and the only package ``copia`` that can be found."""
    site = tmp_path / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    shutil.copytree(ENGINE, site / "copia", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(engine_step, "ENGINE_HOMES", (str(tmp_path),))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "copia")
    return site


def test_an_installed_engine_is_found_and_told_from_another_build(engine: pathlib.Path) -> None:
    engine_step.find_engine(engine_step.engine_id(str(ENGINE)))
    assert sys.path[0] == str(engine)
    (engine / "copia" / "core" / "brakes.py").write_text("older = True")
    engine_step.find_engine()
    with pytest.raises(engine_step.EngineMissing, match=r"another build than that of the collection; run the role"):
        engine_step.find_engine(engine_step.engine_id(str(ENGINE)))


def test_on_the_controller_the_collection_has_an_engine_of_its_own(engine: pathlib.Path) -> None:
    (engine / "copia" / "core" / "brakes.py").write_text("older = True")
    engine_step.find_engine(engine_step.engine_id(str(ENGINE)), str(ENGINE))
    assert sys.modules["copia"].__path__ == [str(ENGINE)]
    del sys.modules["copia"]
    with pytest.raises(engine_step.EngineMissing):
        engine_step.find_engine(engine_step.engine_id(str(ENGINE)), "/nonexistent")


def test_an_engine_that_is_missing_is_named_with_the_role(engine: pathlib.Path) -> None:
    shutil.rmtree(engine)
    with pytest.raises(engine_step.EngineMissing, match=r"no usable copia; run the role copia\.sync\.engine"):
        engine_step.find_engine()


def test_a_library_that_is_too_old_is_named_with_its_version(
    engine: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine_step.NEEDED, "cbor2", (99, 0))
    with pytest.raises(engine_step.EngineMissing, match=r"cbor2 of version 99\.0 or newer \(it has \d"):
        engine_step.find_engine()


def test_an_engine_of_another_python_is_named_by_its_interpreter(engine: pathlib.Path) -> None:
    home = engine.parents[2]
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(sys.executable)
    shutil.rmtree(engine)
    with pytest.raises(engine_step.EngineMissing) as caught:
        engine_step.find_engine()
    assert caught.value.interpreter == str(home / "bin" / "python")


def test_the_controller_is_told_what_its_own_python_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine_step.NEEDED, "no_such_library", (1, 0))
    with pytest.raises(engine_step.EngineMissing, match=r"no_such_library; install .*controller\.txt"):
        require_libraries()


def share(place: Tuple[str, str, int]) -> "tuple[bytes, int]":
    """What one fork gets, and how many bytes its own making would have been."""
    folder, log, _number = place

    def make() -> bytes:
        with open(log, "ab") as stream:
            stream.write(b"x")
        time.sleep(0.05)  # a scan that takes its time: the others ask meanwhile
        return b"listing"

    def pieces() -> Iterator[bytes]:
        with open(log + ".packs", "ab") as stream:
            stream.write(b"x")
        yield b"pack"

    shared = Shared(folder)
    listing = shared.listing("key", make)
    path = shared.pack(iter((b"a", b"b")), pieces)
    with open(path, "rb") as stream:
        return listing + stream.read(), os.unlink(path) or 0


def test_forks_share_a_scan_that_began_after_they_asked_and_one_pack(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    with get_context("fork").Pool(8) as pool:
        answers = pool.map(share, [(str(tmp_path), str(log), number) for number in range(8)], chunksize=1)
    assert answers == [(b"listingpack", 0)] * 8
    assert len((tmp_path / "log.packs").read_bytes()) == 1
    assert len(log.read_bytes()) < 8


def test_a_scan_from_before_is_never_taken(tmp_path: pathlib.Path) -> None:
    shared = Shared(str(tmp_path))
    assert shared.listing("key", lambda: b"old") == b"old"
    assert shared.listing("key", lambda: b"new") == b"new"


def test_a_long_run_keeps_few_packs(tmp_path: pathlib.Path) -> None:
    shared = Shared(str(tmp_path))
    for number in range(9):
        os.unlink(shared.pack(iter((b"%d" % number,)), lambda: iter((b"pack",))))
    kept = [name for name in os.listdir(tmp_path / "copia-shared") if name.startswith("pack-") and "." not in name]
    assert len(kept) == 4
