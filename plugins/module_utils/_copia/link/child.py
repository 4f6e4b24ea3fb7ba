# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A child process that speaks on its standard input and output: ssh, mostly.

What it says on its standard error is kept: the last line is the reason when nothing else is.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from typing import BinaryIO, List, cast

from ..core.errors import CopiaError, Unreachable
from .pipe import Pipe

_NOISE = r"(\*\*|Warning: Permanently added|debug\d|\s*$)"
_NO_ENGINE, _SSH_FAILED = 127, 255
_LAST_WORDS = 8192


class Child:
    """A process that speaks on its standard input and output. ``name`` is what people call the host."""

    def __init__(self, command: List[str], name: str) -> None:
        """Start it.

        :raises Unreachable: when the program can't be started.
        """
        self.name = name
        self._said = _scratch()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, close_fds=True
            )
        except OSError as error:
            self._said.close()
            what = os.strerror(error.errno or 0)
            raise Unreachable(f"{name}: {command[0]} cannot be started: {what}; install an ssh client") from error
        incoming, outgoing = self._process.stdout, self._process.stdin
        if incoming is None or outgoing is None:
            raise Unreachable(f"{name}: {command[0]} has no pipes")
        self.pipe = Pipe(os.dup(incoming.fileno()), os.dup(outgoing.fileno()))
        incoming.close()
        outgoing.close()

    def why(self, error: CopiaError) -> CopiaError:
        """The reason for an error of the link, from how the child ended and what it said last."""
        self.pipe.close()
        status = self._wait(5.0)
        if status == _NO_ENGINE:
            return Unreachable(f"{self.name} has no copia: put the engine there with the role copia.sync.engine")
        said = self._last_line()
        if status == _SSH_FAILED or (said and not isinstance(error, Unreachable)):
            return Unreachable(f"{self.name} cannot be reached: {said or 'ssh gave no reason'}")
        return type(error)(f"{self.name}: {error}" + (f" ({said})" if said else ""))

    def close(self) -> None:
        """Say good-bye and wait until it has ended; after some seconds it is made to."""
        self.pipe.close()
        if self._process.returncode is None:
            self._wait(10.0)
        self._said.close()

    def _wait(self, seconds: float) -> int:
        try:
            return self._process.wait(0 if _was_awaited(self._process.pid, seconds) else seconds)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _last_line(self) -> str:
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - _LAST_WORDS))
        lines = self._said.read().decode("utf-8", "backslashreplace").splitlines()
        said = [line.strip() for line in lines if not re.match(_NOISE, line)]
        return "".join(c if c.isprintable() else "?" for c in said[-1]) if said else ""


def _scratch() -> BinaryIO:
    """A file without a name; in memory, where the kernel has that."""
    try:
        return os.fdopen(os.memfd_create("copia"), "w+b")
    except (AttributeError, OSError):
        import tempfile

        return cast("BinaryIO", tempfile.TemporaryFile())


def _was_awaited(pid: int, seconds: float) -> bool:
    """Wait until a child has ended, for at most so long; false where the kernel can't be asked for that. Whoever asks
    for its status again and again, with pauses between, is late by up to the last of them.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return False
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(descriptor)
    return True
