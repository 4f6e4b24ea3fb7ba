# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is to blame when a run cannot go on.

Trouble with one path is not an error but a value (``Problem``, see ``report``): it never stops the tree.
These are for the whole run.
"""

from __future__ import annotations

from typing import NoReturn


class CopiaError(Exception):
    """The run cannot go on. The text is one line for the user: what was being done, what was found, what to do next."""


class InputError(CopiaError):
    """The user's: an option, a path or a file system that does not allow what was asked."""


class Braked(CopiaError):
    """A brake stopped the plan before anything was touched."""


class Busy(CopiaError):
    """Another run holds the lock of this root."""


class LocalProtocolError(CopiaError):
    """Ours: this side was about to say something that the format does not allow."""


class RemoteProtocolError(CopiaError):
    """The peer's: what arrived is damaged, truncated, foreign or over a limit."""


class Unreachable(CopiaError):
    """The link's: the peer cannot be reached or went away."""


def unreachable(value: NoReturn) -> NoReturn:
    """The tail of every decision over a union; mypy reports a member that was forgotten.

    :raises LocalProtocolError: always.
    """
    raise LocalProtocolError(f"a value of a kind that nobody handles: {value!r}")
