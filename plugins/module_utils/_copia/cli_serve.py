# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``copia serve``: one conversation on standard input and output, with whoever started it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from .flow.grant import Grant
from .flow.jobs import jobs_for
from .flow.remote import our_hello
from .flow.serve import serve, server_pipe


def add(commands: Any) -> None:
    """Add the command to the parsers of ``copia``."""
    what = "answer one client on standard input and output; ssh starts it on the host of host:path"
    parser = commands.add_parser("serve", help=what, description=what, allow_abbrev=False)
    parser.set_defaults(run=_serve, parser=parser)
    parser.add_argument(
        "roots", metavar="ROOT", nargs="*", type=os.fsencode, help="serve only what is below one of these"
    )
    parser.add_argument("--read-only", action="store_true", help="change nothing")


def _serve(options: argparse.Namespace) -> int:
    incoming, outgoing = os.dup(sys.stdin.fileno()), os.dup(sys.stdout.fileno())
    # whatever prints by mistake must not end up in the conversation
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    grant = Grant(tuple(options.roots), not options.read_only)
    return serve(server_pipe(incoming, outgoing), our_hello(), jobs_for(grant))
