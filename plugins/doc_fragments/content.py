# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option of modules that show content in diff mode."""

    DOCUMENTATION = r"""
options:
  content_diff_limit:
    description:
      - In diff mode, text files of up to this many bytes are shown with their content. V(0) shows none.
    type: int
    default: 104448
"""
