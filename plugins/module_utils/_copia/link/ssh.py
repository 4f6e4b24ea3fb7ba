# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia serve`` on another host: what ssh is asked to do.

Rules
1. ssh gets an argument vector; no part of it is text of a user but the name of the host, its own options, and paths of
   keys. What is to be done there, and on which files, is said in the conversation.
2. The name of a host never starts with a dash, and stands behind ``--``.
3. The command on the host is the same for everybody (``REMOTE_COMMAND``): the ``copia`` of the path, else that of the
   role copia.sync.engine.
4. ssh itself asks the host every 15 s whether it is there, and ends after the fourth time without an answer.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from ..core.errors import InputError
from ..values import dataclass

REMOTE_COMMAND = (
    'exec sh -c \'for copia in copia /opt/copia/bin/copia "$HOME/.local/share/copia/bin/copia"; do '
    'command -v "$copia" >/dev/null 2>&1 && exec "$copia" serve; done; exit 127\''
)
_REMOTE = rb"(?s)([^:/\\]{2,}):(.*)"
_HOST = r"(?:[^-@\s\\\x00][^@\s\\\x00]*@)?[^-@\s\\\x00][^@\s\\\x00]*"


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
    match = re.fullmatch(_REMOTE, text) if b":" in text else None
    if match is None:
        return None
    host = match[1].decode("utf-8", "backslashreplace")
    if not re.fullmatch(_HOST, host) or not host.isprintable():
        raise InputError(f"{host!r} is no name of a host: expected HOST or USER@HOST; write ./ before a local path")
    if not match[2]:
        raise InputError(f"{host}: has no path behind the colon; name one, for instance {host}:/srv/www")
    return Place(host, match[2])


def ssh_command(host: str, options: SshOptions) -> List[str]:
    """The argument vector that starts ``copia serve`` on ``host``.

    :raises InputError: when ``host`` can't be the name of a host.
    """
    if not re.fullmatch(_HOST, host):
        raise InputError(f"{host!r} is no name of a host: expected HOST or USER@HOST")
    command = [options.program, "-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]
    command += ["-o", f"ConnectTimeout={options.timeout}", "-o", f"BatchMode={'no' if options.asks else 'yes'}"]
    if options.key:
        command += ["-i", options.key, "-o", "IdentitiesOnly=yes"]
    if options.known_hosts:
        quoted = options.known_hosts.replace('"', '\\"')
        command += ["-o", f'UserKnownHostsFile="{quoted}"', "-o", "StrictHostKeyChecking=yes"]
    return [*command, *options.args, "--", host, REMOTE_COMMAND]
