# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.bench [SUITE...]``: measure, print tables, write JSON below build/bench.

A suite of ``RARE`` runs only when it is named. With ``--write-docs`` the tables go into docs/performance.md too, each
between the marks with its suite's name.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
import tempfile
from typing import Callable, Dict

from tests.chores import BUILD, ROOT
from tests.hosts import engine_venv

from . import big, bisync, delta, hub, million, mirror, tree
from .figures import UNITS, Figures

PAGE = ROOT / "docs" / "performance.md"


def main() -> int:
    """Run the suites."""
    options = _parser().parse_args()
    for name in options.suite:
        for row in options.row or mirror.ROWS if name == "mirror" else ("all",):
            _measure(name, argparse.Namespace(**{**vars(options), "row": row}))
    return 0


def _measure(name: str, options: argparse.Namespace) -> None:
    """Measure one row of a suite; what is known of the others stays, so a run that was stopped can go on."""
    kept = BUILD / "bench" / f"{name}.json"
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        pathlib.Path(folder).chmod(0o755)
        figures = SUITES[name](pathlib.Path(folder), options)
    if name == "mirror":
        figures.add_older(kept)
    figures.save(kept)
    unit = UNITS[figures.unit][0]
    print(f"\n{name}, median {unit} and (median ratio to {figures.base}):\n\n{figures.table()}\n", flush=True)
    if options.write_docs:
        write_into(PAGE, name, figures.table())


def write_into(page: pathlib.Path, name: str, table: str) -> None:
    """Replace what stands between the marks of ``name``.

    :raises SystemExit: when the page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text, count = re.subn(
        f"{begin}.*?{end}", lambda _match: f"{begin}\n{table}\n{end}", page.read_text(), flags=re.DOTALL
    )
    if not count:
        raise SystemExit(f"{page} has no marks {begin} and {end}")
    page.write_text(text)


def _speed(folder: pathlib.Path, options: argparse.Namespace) -> Figures:
    _find_engine()
    from . import speed

    return speed.measure(folder, options.rounds, options.megabytes)


def _crafted(folder: pathlib.Path, options: argparse.Namespace) -> Figures:
    _find_engine()
    from . import crafted

    return crafted.measure(folder, options.rounds, min(options.megabytes, 64))


def _find_engine() -> None:
    """Make the engine importable, with its C twin, as the hosts have it."""
    sys.path[:0] = [str(path) for path in engine_venv().glob("lib/python*/site-packages")]


SUITES: Dict[str, Callable[[pathlib.Path, argparse.Namespace], Figures]] = {
    "mirror": lambda folder, options: mirror.measure(folder, options.row, options.rounds, options.files, options.hosts),
    "tree": lambda folder, options: tree.measure(folder, options.rounds, 10 * options.files),
    "bisync": lambda folder, options: bisync.measure(folder, options.rounds, 2 * options.files, options.megabytes),
    "hub": lambda folder, options: hub.measure(
        folder, min(options.rounds, 3), [options.files // 2, 10 * options.files]
    ),
    "million": lambda folder, options: million.measure(folder, [10 * options.files, 100 * options.files]),
    "delta": lambda folder, options: delta.measure(folder, min(options.rounds, 3), options.megabytes),
    "big": lambda folder, options: big.measure(folder, min(options.rounds, 3), options.megabytes),
    "speed": _speed,
    "crafted": _crafted,
}
RARE = ("million",)
"""Takes ten minutes or more."""


def _parser() -> argparse.ArgumentParser:
    usual = [name for name in SUITES if name not in RARE]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "suite", nargs="*", default=usual, help=f"of {', '.join(SUITES)}; {', '.join(usual)} by default"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--row", action="append", choices=mirror.ROWS, help="of the mirror suite; all by default")
    parser.add_argument(
        "--files",
        type=int,
        default=10_000,
        help="small files of the mirror suite; tree takes ten times as many, bisync twice, hub half and ten times, "
        "million ten and a hundred times",
    )
    parser.add_argument("--megabytes", type=int, default=1024, help="the one file of the suites with one")
    parser.add_argument("--hosts", type=int, default=8, help="hosts of the mirror suite's fleet")
    parser.add_argument("--folder", type=pathlib.Path, default=BUILD, help="where trees are made: a real disk")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
