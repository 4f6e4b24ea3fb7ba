# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real ssh hosts on one machine, without containers: an sshd each, started in a moment and gone without a trace.

Two kinds:

``loopback``
    Needs no root. Each host is an sshd of the calling user on 127.0.1.x with a home folder of its own. All see the
    file system of the machine.
``netns``
    Needs root. Each host has its own network, processes, name and a copy-on-write view of the file system, with the
    accounts ``root``, ``deploy`` (may use sudo, with a password) and ``other``.

``behind`` is one more name for the second host, reached through the first one as a jump host.
"""

from __future__ import annotations

from .bed import Host, Hosts
from .engine import engine_venv
from .sshd import HostsUnavailable

__all__ = ["Host", "Hosts", "HostsUnavailable", "engine_venv"]
