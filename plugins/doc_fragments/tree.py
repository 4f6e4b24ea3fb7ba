# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that carries a tree: what is left out, and how much is reported."""

    DOCUMENTATION = r"""
options:
  exclude:
    description:
      - What is left out, as lines of a gitignore file. A pattern without a slash matches a name in any directory, one
        with a leading slash a path from the top, one with a trailing slash a directory with all in it. V(**) stands
        for any number of directories, and a leading V(!) takes an exclusion back.
      - What is left out is not sent, and never removed.
    type: list
    elements: str
    default: []
  include:
    description:
      - Lines that take exclusions back, as if each stood behind those of O(exclude) with a leading V(!).
    type: list
    elements: str
    default: []
  report_limit:
    description:
      - The most paths in each list of the result and in the diff. The true totals are always given.
    type: int
    default: 100
"""
