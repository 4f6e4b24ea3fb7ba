# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress: a bar on a terminal, once it takes long; nothing in a pipe."""

from __future__ import annotations

import os
import pathlib
import pty
import subprocess
import sys

import pytest

COMMAND = """
import sys
sys.path[:0] = {places!r}
from copia import cli_progress
from copia.cli import main
cli_progress.PATIENCE = {patience}
sys.exit(main(["signature", "old", "-o", "sig"]))
"""


ENGINE = pathlib.Path(__file__).resolve().parents[3] / "plugins" / "module_utils" / "_copia"


def command(patience: float) -> "list[str]":
    return [sys.executable, "-c", COMMAND.format(places=[os.getcwd() + "/lib"], patience=patience)]


def on_a_terminal(patience: float) -> bytes:
    """What a terminal gets to see on the error stream."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command(patience), stderr=theirs, stdout=subprocess.DEVNULL, env=environment) as child:
        os.close(theirs)
        seen = bytearray()
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # that is how Linux says that the other end is closed
                data = b""
            if not data:
                break
            seen += data
    os.close(ours)
    assert child.returncode == 0
    return bytes(seen)


@pytest.fixture(autouse=True)
def old(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("old").write_bytes(bytes(3_000_000))
    pathlib.Path("lib").mkdir()
    pathlib.Path("lib", "copia").symlink_to(ENGINE)


def test_on_a_terminal_a_bar_says_what_is_done_and_how_far() -> None:
    pytest.importorskip("rich", reason="rich is not installed: there is no bar")
    seen = on_a_terminal(0.0)
    assert b"signing old" in seen and b"3.0/3.0 MB" in seen


def test_what_is_over_soon_shows_no_bar() -> None:
    assert on_a_terminal(3600.0) == b""


def test_a_pipe_gets_none() -> None:
    done = subprocess.run(command(0.0), capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout == b"sig: 1465 blocks of 2048 bytes\n"
