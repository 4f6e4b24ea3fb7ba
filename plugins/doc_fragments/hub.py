# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where a client's hub is, and how it is reached."""

    DOCUMENTATION = r"""
options:
  hub:
    description:
      - The hub, as C(HOST:ROOT) or C(USER@HOST:ROOT), reached by ssh from the host of the task; or the root of a hub
        on that very host.
      - What a key may do, and which root it sees, is decided on the hub's side.
    type: str
    required: true
  ssh_key:
    description:
      - The private key on the host that the hub knows. By default ssh finds one.
    type: path
  ssh_args:
    description:
      - More arguments for ssh, each as one item, for instance V(-oProxyJump=gate).
    type: list
    elements: str
    default: []
  known_hosts:
    description:
      - A file on the host that has the hub's host key; no other key is taken then. By default ssh's own files are
        asked.
    type: path
  timeout:
    description:
      - How many seconds connecting may take.
    type: int
    default: 30
  retries:
    description:
      - How often a link that fails is tried again.
    type: int
    default: 2
"""
