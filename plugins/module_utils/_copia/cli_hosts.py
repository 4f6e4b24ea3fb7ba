# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words about other hosts: ``host:path``, and how ssh reaches the host."""

from __future__ import annotations

import argparse
import sys

from .link.ssh import Place, SshOptions, split_remote

__all__ = ["Place", "SshOptions", "add_ssh", "split_remote", "ssh_options"]


def add_ssh(parser: argparse.ArgumentParser) -> None:
    """How ssh reaches the host of ``host:path``; what is not said here, ssh's own configuration says."""
    parser.add_argument("--ssh-key", metavar="FILE", help="the private key to log in with")
    parser.add_argument("--known-hosts", metavar="FILE", help="a file that must know the host's key")
    parser.add_argument("--ssh-arg", metavar="ARG", action="append", default=[], help="one more argument for ssh")
    parser.add_argument("--timeout", metavar="SECONDS", type=_seconds, default=30, help="to connect (default 30)")


def ssh_options(options: argparse.Namespace) -> SshOptions:
    """The options of the command line. On a terminal ssh may ask for a password, or about a key."""
    return SshOptions(
        options.ssh_key, options.known_hosts, tuple(options.ssh_arg), options.timeout, asks=sys.stdin.isatty()
    )


def _seconds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds from 1 to 3600")
    return int(text)
