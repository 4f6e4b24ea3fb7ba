# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia signature | delta | patch``: words to a flow, and one line of what came out."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .cli_progress import Progress
from .cli_words import block_size, jobs, say
from .core.paths import show


def add(commands: Any) -> None:
    """Add the three commands."""
    sign = _command(commands, "signature", "write the signature of FILE", _signature)
    sign.add_argument("file", metavar="FILE", type=os.fsencode, help="the basis: what the other side has")
    sign.add_argument("-b", "--block-size", metavar="N", type=block_size, help="bytes, a power of two, 512 to 65536")
    compare = _command(commands, "delta", "write what turns a signature's basis into NEW", _delta)
    compare.add_argument("new", metavar="NEW", type=os.fsencode, help="the file that the other side is to get")
    compare.add_argument("signature", metavar="SIG", type=os.fsencode, help="the signature of its basis")
    make = _command(commands, "patch", "make the new file of a basis and a delta", _patch)
    make.add_argument("basis", metavar="BASIS", type=os.fsencode, help="the file that the signature was made of")
    make.add_argument("delta", metavar="DELTA", type=os.fsencode, help="what was made with that signature")
    for command in (sign, compare, make):
        command.add_argument("-o", "--output", metavar="OUT", type=os.fsencode, required=True, help="the file to write")
    for command in (sign, compare):
        command.add_argument("-j", "--jobs", metavar="N", type=jobs, default=2, help="threads (default 2)")


def _command(commands: Any, name: str, what: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what, allow_abbrev=False)
    command.set_defaults(run=run, parser=command)
    return command


def _signature(options: argparse.Namespace) -> int:
    from .flow.primitives import sign

    with Progress("signing", options.file) as told:
        blocks, size = sign(options.file, options.output, block_size=options.block_size, jobs=options.jobs, told=told)
    say(f"{show(options.output)}: {blocks} blocks of {size} bytes")
    return 0


def _delta(options: argparse.Namespace) -> int:
    from .flow.primitives import make_delta

    with Progress("comparing", options.new) as told:
        literal, copied = make_delta(options.new, options.signature, options.output, jobs=options.jobs, told=told)
    say(f"{show(options.output)}: {literal} literal bytes, {copied} bytes from the basis")
    return 0


def _patch(options: argparse.Namespace) -> int:
    from .flow.primitives import apply_patch

    with Progress("patching", options.basis) as told:
        length = apply_patch(options.basis, options.delta, options.output, told=told)
    say(f"{show(options.output)}: {length} bytes, equal to what the delta was made for")
    return 0
