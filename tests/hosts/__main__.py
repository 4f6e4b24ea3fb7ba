# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.hosts up DIR -n 2 --kind netns`` and ``python -m tests.hosts down DIR``."""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys

from . import Hosts, HostsUnavailable, engine_venv


def main() -> int:
    """Start or stop hosts; the inventory's path is printed."""
    options = _parser().parse_args()
    if options.command == "down":
        return _down(options.folder)
    engine = None if options.no_engine else options.engine or engine_venv(options.python)
    hosts = Hosts(
        options.folder,
        options.count,
        options.kind,
        engine,
        python=options.python,
        bare=options.bare,
        systemd=options.systemd,
    )
    try:
        print(hosts.start())
    except HostsUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _down(folder: pathlib.Path) -> int:
    if not (folder / "hosts.json").exists():
        print(f"no hosts were started in {folder}", file=sys.stderr)
        return 1
    Hosts.found_in(folder).stop()
    shutil.rmtree(folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start hosts and print the path of their inventory")
    up.add_argument("folder", type=pathlib.Path)
    up.add_argument("-n", "--count", type=int, default=2)
    up.add_argument("--kind", choices=("loopback", "netns"), default="loopback")
    up.add_argument("--python", default="/usr/bin/python3", help="the interpreter that modules run with")
    up.add_argument("--engine", type=pathlib.Path, help="a virtual environment with the engine's libraries")
    up.add_argument("--no-engine", action="store_true")
    up.add_argument("--bare", action="append", default=[], metavar="HOST", help="a host that gets no engine")
    up.add_argument("--systemd", action="append", default=[], metavar="HOST", help="a host that systemd runs")
    down = commands.add_parser("down", help="stop the hosts of a folder")
    down.add_argument("folder", type=pathlib.Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
