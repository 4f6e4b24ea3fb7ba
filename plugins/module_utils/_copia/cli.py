# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``copia`` command. Each of its words has a room of its own; only the one that is asked for is imported.

Exit status: 0 done, 1 done with problems or conflicts, or not possible, 2 usage.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import Any, Callable, Dict, Optional, Sequence

from . import __version__
from .core.errors import CopiaError


def _sync(commands: Any) -> None:
    from . import cli_sync

    cli_sync.add(commands)


def _bisync(commands: Any) -> None:
    from . import cli_bisync

    cli_bisync.add(commands)


def _delta(commands: Any) -> None:
    from . import cli_delta

    cli_delta.add(commands)


def _hub(commands: Any) -> None:
    from . import cli_hub

    cli_hub.add(commands)


def _serve(commands: Any) -> None:
    from . import cli_serve

    cli_serve.add(commands)


ROOMS: Dict[str, Callable[[Any], None]] = {
    "sync": _sync,
    "bisync": _bisync,
    "serve": _serve,
    "hub-sync": _hub,
    "hub-info": _hub,
    "signature": _delta,
    "delta": _delta,
    "patch": _delta,
}
"""Who adds the parser of a command."""
_COLLECT_AFTER = 50_000
"""New objects after which Python looks for circles among them. Values of a tree are many, live long, and have none: at
the usual 700 the looking takes a tenth of the time.
"""


class _Lines(argparse.HelpFormatter):
    """Help as wide as the terminal. One is made for each option that is added, and argparse's own imports a sixth of
    what a run needs to ask how wide that is.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class _Parser(argparse.ArgumentParser):
    """A parser with such help; so are those of its commands."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"formatter_class": _Lines, **how})


def _columns() -> int:
    """How wide the terminal is, as ``shutil`` says it."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command with ``arguments`` (those of the process by default) and return its exit status."""
    gc.set_threshold(_COLLECT_AFTER)
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(words[0] if words else "").parse_args(words)
    try:
        status: int = options.run(options)
        return status
    except CopiaError as error:
        from .cli_words import complain

        complain(str(error))
        return 1


def _parser(word: str) -> argparse.ArgumentParser:
    """A parser that knows the command ``word``, or all of them where it is none; asked for its version, none."""
    parser = _Parser(prog="copia", description="Deploy and mirror file trees.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"copia {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    rooms = [ROOMS[word]] if word in ROOMS else [] if word == "--version" else dict.fromkeys(ROOMS.values())
    for add in rooms:
        add(commands)
    return parser
