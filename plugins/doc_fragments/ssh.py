# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How ssh reaches another host from the host of the task."""

    DOCUMENTATION = r"""
options:
  ssh_key:
    description:
      - The private key on the host of the task to log in with. By default ssh finds one.
    type: path
  ssh_args:
    description:
      - More arguments for ssh, each as one item, for instance V(-oProxyJump=gate).
    type: list
    elements: str
    default: []
  known_hosts:
    description:
      - A file on the host of the task that has the other host's key; no other key is taken then. By default ssh's own
        files are asked.
    type: path
  timeout:
    description:
      - How many seconds connecting may take.
    type: int
    default: 30
"""
