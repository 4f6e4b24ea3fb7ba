# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync engine of copia: ``core`` thinks, ``wire`` talks, ``disk`` touches files, ``flow`` tells the story."""

from __future__ import annotations

__version__ = "0.3.0"
