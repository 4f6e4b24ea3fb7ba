# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia serve`` on another host, as a child process: ssh.

Rules
1. ssh gets an argument vector; no part of it is text of a user but the name of the host, its own options, and paths of
   keys. What is to be done there, and on which files, is said in the conversation.
2. The name of a host never starts with a dash, and stands behind ``--``.
3. The command on the host is the same for everybody (``REMOTE_COMMAND``): the ``copia`` of the path, else that of the
   role copia.sync.engine.
4. What ssh and the host say on their standard error is kept: its last line is the reason when nothing else is.
5. ssh itself asks the host every 15 s whether it is there, and ends after the fourth time without an answer.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from typing import List, Optional, Tuple

from ..core.errors import CopiaError, InputError, Unreachable
from .pipe import Pipe

REMOTE_COMMAND = (
    'exec sh -c \'for copia in copia /opt/copia/bin/copia "$HOME/.local/share/copia/bin/copia"; do '
    'command -v "$copia" >/dev/null 2>&1 && exec "$copia" serve; done; exit 127\''
)
_REMOTE = re.compile(rb"([^:/\\]{2,}):(.*)", re.DOTALL)
_HOST = re.compile(r"(?:[^-@\s\\\x00][^@\s\\\x00]*@)?[^-@\s\\\x00][^@\s\\\x00]*")
_NOISE = re.compile(r"^(\*\*|Warning: Permanently added|debug\d|\s*$)")
_NO_ENGINE, _SSH_FAILED = 127, 255
_LAST_WORDS = 8192


@dataclass(frozen=True)
class Place:
    """A path on another host; ``host`` may begin with ``user@``."""

    host: str
    path: bytes


@dataclass(frozen=True)
class SshOptions:
    """How a host is reached. ``timeout`` is in seconds, to connect; ``args`` go to ssh as they are.

    ``known_hosts`` is a file that must know the host's key already; without it ssh's own configuration decides.
    ``asks`` lets ssh ask for a password or about a key on the terminal.
    """

    key: Optional[str] = None
    known_hosts: Optional[str] = None
    args: Tuple[str, ...] = ()
    timeout: int = 30
    asks: bool = False
    program: str = "ssh"


def split_remote(text: bytes) -> Optional[Place]:
    """``host:path``, when the text before the first colon is longer than one character and holds no slash.

    :raises InputError: when that text can't be the name of a host, or there is no path.
    """
    match = _REMOTE.fullmatch(text)
    if match is None:
        return None
    host = match[1].decode("utf-8", "backslashreplace")
    if not _HOST.fullmatch(host) or not host.isprintable():
        raise InputError(f"{host!r} is no name of a host: expected HOST or USER@HOST; write ./ before a local path")
    if not match[2]:
        raise InputError(f"{host}: has no path behind the colon; name one, for instance {host}:/srv/www")
    return Place(host, match[2])


def ssh_command(host: str, options: SshOptions) -> List[str]:
    """The argument vector that starts ``copia serve`` on ``host``.

    :raises InputError: when ``host`` can't be the name of a host.
    """
    if not _HOST.fullmatch(host):
        raise InputError(f"{host!r} is no name of a host: expected HOST or USER@HOST")
    command = [options.program, "-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]
    command += ["-o", f"ConnectTimeout={options.timeout}", "-o", f"BatchMode={'no' if options.asks else 'yes'}"]
    if options.key:
        command += ["-i", options.key, "-o", "IdentitiesOnly=yes"]
    if options.known_hosts:
        quoted = options.known_hosts.replace('"', '\\"')
        command += ["-o", f'UserKnownHostsFile="{quoted}"', "-o", "StrictHostKeyChecking=yes"]
    return [*command, *options.args, "--", host, REMOTE_COMMAND]


class Child:
    """A process that speaks on its standard input and output. ``name`` is what people call the host."""

    def __init__(self, command: List[str], name: str) -> None:
        """Start it.

        :raises Unreachable: when the program can't be started.
        """
        self.name = name
        self._said = tempfile.TemporaryFile()
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
            return self._process.wait(seconds)
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
        said = [line.strip() for line in lines if not _NOISE.match(line)]
        return "".join(c if c.isprintable() else "?" for c in said[-1]) if said else ""
