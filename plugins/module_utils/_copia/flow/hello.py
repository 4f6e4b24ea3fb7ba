# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What either end of a conversation says first."""

from __future__ import annotations

from .. import __version__
from ..wire.conversation import Hello
from ..wire.pack import codecs


def our_hello() -> Hello:
    """What this end says of itself."""
    return Hello(__version__, codecs())
