# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub's clients as lines of an ``authorized_keys`` file: each key may do one thing, which the hub's side decides.

Rules
1. A line of ours has a forced command, ``COPIA serve --hub ROOT …``, and ``restrict``: no terminal, no forwarding.
2. Lines that are not about this root are nobody's business here and stay as they are, in their order.
3. Whatever comes from a user is checked against a strict pattern; the command is quoted for a shell, then for the file.
"""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple, Sequence, Tuple

from .errors import InputError
from .rights import parse_rights

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY = re.compile(
    r"((?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r" [A-Za-z0-9+/]{16,8192}={0,3})(?: [^\n\r\0]*)?"
)
_OURS = re.compile(r'command="(?P<command>(?:\\"|[^"])*)",restrict (?P<key>\S+ \S+)(?: \S*)?')
_PLAIN = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")
_NOT_IN_COMMANDS = re.compile(r"[\x00-\x1f\x7f]")


class Client(NamedTuple):
    """Who may use a hub: a public key, words of rights, the path below which, and how many bytes there (0: any)."""

    name: str
    public_key: str
    rights: str = "all"
    prefix: str = ""
    quota: int = 0


def checked_client(client: Client) -> Client:
    """The client with a key of two words.

    :raises InputError: when a part of it breaks a rule.
    """
    if not _NAME.fullmatch(client.name):
        raise InputError(f"client {client.name!r}: expected a name of letters, digits, '.', '_' and '-', at most 64")
    key = _KEY.fullmatch(client.public_key.strip())
    if key is None:
        raise InputError(f"client {client.name}: public_key is no ssh public key; give the line of its .pub file")
    if client.quota < 0:
        raise InputError(f"client {client.name}: quota is {client.quota}: expected bytes, or 0 for none")
    parse_rights(client.rights)
    parts = client.prefix.strip("/").split("/")
    if client.prefix and not {"", ".", ".."}.isdisjoint(parts):
        raise InputError(f"client {client.name}: prefix is {client.prefix!r}: expected a path such as 'team/docs'")
    return client._replace(public_key=key[1], prefix="/".join(parts))


def with_clients(text: str, command: Sequence[str], root: str, clients: Sequence[Client]) -> str:
    """The file's ``text`` with one line for each client of the hub at ``root`` and no other line about that hub.

    ``command`` starts ``copia`` and has what is the same for all clients behind it.

    :raises InputError: when two clients have one name or one key, or a client breaks a rule.
    """
    checked = [checked_client(client) for client in clients]
    for what in (0, 1):
        values = [client[what] for client in checked]
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            raise InputError(f"two clients have the {('name', 'public_key')[what]} {twice[0]}; give each its own")
    kept = [line for line in text.splitlines() if not _is_about(line, root)]
    ours = [_line(client, command, root) for client in sorted(checked)]
    return "".join(f"{line}\n" for line in (*kept, *ours))


def clients_in(text: str, root: str) -> List[Tuple[str, str]]:
    """``(name, public key)`` of the clients of the hub at ``root``."""
    found = []
    for line in text.splitlines():
        match = _OURS.fullmatch(line)
        words = list(_words(match["command"])) if match else []
        if match and _is_about(line, root) and "--client" in words[:-1]:
            found.append((words[words.index("--client") + 1], match["key"]))
    return found


def _line(client: Client, command: Sequence[str], root: str) -> str:
    words = [command[0], "serve", "--hub", root, *command[1:], "--client", client.name, "--rights", client.rights]
    words += ["--prefix", client.prefix] if client.prefix else []
    words += ["--quota", str(client.quota)] if client.quota else []
    text = " ".join(map(_quoted, words))
    if _NOT_IN_COMMANDS.search(text):
        raise InputError(f"root {root!r} or prefix {client.prefix!r} holds control characters; choose another path")
    escaped = text.replace('"', '\\"')
    return f'command="{escaped}",restrict {client.public_key} copia-{client.name}'


def _is_about(line: str, root: str) -> bool:
    match = _OURS.fullmatch(line)
    words = list(_words(match["command"])) if match else []
    return words[1:4] == ["serve", "--hub", root]


def _quoted(word: str) -> str:
    return word if _PLAIN.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'"


def _words(text: str) -> Iterator[str]:
    """The words of a command that ``_quoted`` made."""
    text = text.replace('\\"', '"')
    for match in re.finditer(r"(?:'[^']*'|\\'|[^\s'])+", text):
        yield re.sub(r"'([^']*)'|\\(')", lambda part: part[1] if part[1] is not None else part[2], match[0])
