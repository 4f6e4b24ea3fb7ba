# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection says about itself."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in check mode; it makes the same plan, touches nothing and returns what a run would.
  diff_mode:
    support: full
    description: Returns what changed, or would change, in diff mode.
  idempotent:
    support: full
    description: A second run on the same input changes nothing.
  platform:
    support: full
    platforms: posix
    description: Target systems.
  action_group:
    support: full
    membership:
      - copia.sync.sync
    description: The action groups for C(module_defaults).
"""
