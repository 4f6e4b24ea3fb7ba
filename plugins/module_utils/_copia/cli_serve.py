# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``copia serve``: one conversation on standard input and output, with whoever started it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, Optional

from .core.errors import InputError
from .flow.grant import Grant
from .flow.hello import our_hello
from .flow.jobs import forced_hub, jobs_for, shut_in
from .flow.serve import serve, server_pipe

if TYPE_CHECKING:
    from .flow.hub import HubSpec


def add(commands: Any) -> None:
    """Add the command to the parsers of ``copia``."""
    what = "answer one client on standard input and output; ssh starts it on the host of host:path"
    parser = commands.add_parser("serve", help=what, description=what, allow_abbrev=False)
    parser.set_defaults(run=_serve, parser=parser)
    parser.add_argument(
        "roots", metavar="ROOT", nargs="*", type=os.fsencode, help="serve only what is below one of these"
    )
    parser.add_argument("--read-only", action="store_true", help="change nothing")
    hub = parser.add_argument_group("a hub, for one client: the forced command of its key; it then chooses nothing")
    hub.add_argument("--hub", metavar="ROOT", type=os.fsencode, help="serve this hub and nothing else")
    hub.add_argument("--client", metavar="NAME", help="who the client is")
    hub.add_argument("--rights", metavar="LIST", default="all", help="of read, add, write, delete (default all)")
    hub.add_argument("--prefix", metavar="PATH", type=os.fsencode, default=b"", help="only what is below it")
    hub.add_argument("--quota", metavar="BYTES", type=_count, default=0, help="it may hold at most so much (no quota)")
    hub.add_argument("--max-conflicts", metavar="N", type=_count, default=8, help="conflict copies a path (default 8)")
    hub.add_argument("--keep-versions", metavar="N", type=_count, default=0, help="replaced and removed files kept (0)")
    hub.add_argument("--keep-days", metavar="N", type=_count, default=30, help="for so long (default 30)")
    hub.add_argument("--keep-bytes", metavar="N", type=_count, default=0, help="and so many bytes (no limit)")
    hub.add_argument("--tombstone-days", metavar="N", type=_count, default=30, help="removals are known (default 30)")


def _serve(options: argparse.Namespace) -> int:
    spec = _hub_spec(options)
    incoming, outgoing = os.dup(sys.stdin.fileno()), os.dup(sys.stdout.fileno())
    # whatever prints by mistake must not end up in the conversation
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if spec is not None:
        shut_in(spec.root)
        return serve(server_pipe(incoming, outgoing), our_hello(), forced_hub(spec))
    grant = Grant(tuple(options.roots), not options.read_only)
    return serve(server_pipe(incoming, outgoing), our_hello(), jobs_for(grant))


def _hub_spec(options: argparse.Namespace) -> "Optional[HubSpec]":
    """What the command line says of a hub's client.

    :raises InputError: when it says something that can't be.
    """
    if options.hub is None:
        return None
    from .core.hub_words import Keeping
    from .core.rights import parse_prefix, parse_rights
    from .flow.hub import HubSpec
    from .flow.hub_jobs import client_name

    if options.roots or options.read_only or not options.client:
        raise InputError("--hub is for one client (--client) and one root, with --rights instead of --read-only")
    return HubSpec(
        options.hub,
        client_name(options.client),
        parse_rights(options.rights),
        parse_prefix(options.prefix),
        options.quota,
        options.max_conflicts,
        options.tombstone_days,
        keep=Keeping(options.keep_versions, options.keep_days, options.keep_bytes),
    )


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number")
    return int(text)
