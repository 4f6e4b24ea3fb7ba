# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk past ssh's own compression.

Ansible's ssh connections compress everything (``-C``) by default, and the multiplexed one that a play keeps can't be
told otherwise. A parcel is compressed already or does not compress, so a large one is given a connection of its own:
the same user, key, hop and host key rules, without compression and without the shared socket. What the play has is not
changed, and where the new connection can't be made without asking anybody, the ordinary way is taken.
"""

from __future__ import annotations

import copy
import shlex
from typing import Any, List, Optional

BULK = 16 << 20
"""From this many bytes on a connection of its own is worth its handshake: between 8 and 16 MiB took as long either way
on a busy machine (medians of five), where ssh compresses some 30 MB of what is compressed already in a second."""
_ARGUMENTS = ("ssh_args", "ssh_common_args", "sftp_extra_args")
_OWN = ["-o", "Compression=no", "-o", "ControlMaster=no", "-o", "ControlPath=none"]
"""ssh takes the first value that it is given for an option; only ``-C`` counts wherever it stands."""
_ASK_NOBODY = ["-o", "BatchMode=yes"]


def uncompressed(connection: Any) -> Optional[Any]:
    """A connection like ``connection`` for bulk; ``None`` where that is not Ansible's ssh, or does not compress."""
    if getattr(connection, "ansible_name", None) != "ansible.builtin.ssh":
        return None
    arguments = {name: shlex.split(connection.get_option(name) or "") for name in _ARGUMENTS}
    if not any("-C" in words for words in arguments.values()):
        return None
    own = copy.copy(connection)
    own._options = dict(connection._options)
    own._origins = dict(connection._origins)
    asked = [] if _has_password(connection) else _ASK_NOBODY
    for name, words in arguments.items():
        own.set_option(name, shlex.join(_without_compression(words, [*_OWN, *asked] if name == "ssh_args" else [])))
    own.set_option("ssh_transfer_method", "sftp")
    own.set_option("reconnection_retries", 0)
    return own


def _without_compression(words: List[str], first: List[str]) -> List[str]:
    return [*first, *(word for word in words if word != "-C")]


def _has_password(connection: Any) -> bool:
    return bool(connection.get_option("password") or connection._play_context.password)
