# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where displaced versions go."""

    DOCUMENTATION = r"""
options:
  backup_dir:
    description:
      - Where files and links go that are replaced or removed, under their path in the tree. Without it they are gone.
      - A relative path is below the tree that is changed, and is left out of the run itself. An absolute path has to
        be on the same file system as the tree, and separate from it.
      - Nothing there is ever overwritten or removed; a name that is taken gets a number, as in C(NAME.1).
    type: str
"""
