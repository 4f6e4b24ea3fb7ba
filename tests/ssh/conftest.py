# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the tests over real ssh, one group for all of them: ``h1`` has the engine, ``h2`` has none."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Callable, Iterator, List, Tuple

import pytest
from copia.cli import main

from tests.checkout import ROOT
from tests.hosts import Hosts

Run = Callable[..., Tuple[int, List[str], str]]


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """The hosts are children of another process, which need not live as long as they do."""
    folder = tmp_path_factory.mktemp("hosts") / "bed"
    command = [sys.executable, "-m", "tests.hosts", "up", str(folder), "-n", "2", "--bare", "h2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(done.stderr.strip())
    try:
        yield Hosts.found_in(folder)
    finally:
        Hosts.found_in(folder).stop()


@pytest.fixture
def run(
    hosts: Hosts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Call the command in a folder of its own; exit status, lines of output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COPIA_STATE", str(tmp_path / "state"))

    def call(command: str, *words: str) -> Tuple[int, List[str], str]:
        try:
            status = main([command, "--ssh-arg=-F", f"--ssh-arg={hosts.folder}/ssh_config", *words])
        except SystemExit as leave:
            status = int(leave.code or 0)
        said = capfd.readouterr()
        return status, said.out.splitlines(), said.err

    return call
