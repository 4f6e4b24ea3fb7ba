# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands share: saying things, and words that several of them take."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Dict, Iterable, List

from .core.entries import Problem
from .core.errors import InputError
from .core.paths import show
from .core.preserve import WORDS, Preserve, parse_preserve
from .core.selection import Rules
from .core.signature import MAX_BLOCK, MIN_BLOCK


def say(line: str) -> None:
    """A line for whoever reads the output."""
    sys.stdout.write(line + "\n")


def complain(line: str) -> None:
    """A line for whoever looks after the run."""
    sys.stderr.write(f"copia: {line}\n")


def complain_of(notes: Iterable[str], problems: Iterable[Problem]) -> None:
    """A line for each note and each problem of a report."""
    for note in notes:
        complain(note)
    for problem in problems:
        complain(f"{show(problem.path)}: {problem.what}")


def say_unlisted(count: int) -> None:
    """How many changes are not in a list."""
    if count:
        say(f"... and {count} more changes")


def say_json(plain: Dict[str, Any]) -> None:
    """A report as JSON."""
    import json

    say(json.dumps(plain, indent=1, sort_keys=True))


def plain_problems(problems: Iterable[Problem]) -> List[Dict[str, str]]:
    """Problems as plain data."""
    return [{"path": show(problem.path), "problem": problem.what} for problem in problems]


def add_run(parser: argparse.ArgumentParser) -> None:
    """The words of every command that changes trees."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every path that is changed")
    parser.add_argument(
        "--max-delete", metavar="N|N%", default="50%", help="the most removals in a tree (default 50%%)"
    )
    parser.add_argument("--force", action="store_true", help="override the brakes for this run")
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", default=[], help="leave out: a name anywhere, or a path with /"
    )
    parser.add_argument("--no-durable", action="store_true", help="do not wait until everything is on disk")
    parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")


def add_backup(parser: argparse.ArgumentParser) -> None:
    """The word for where displaced versions go."""
    parser.add_argument(
        "--backup-dir",
        metavar="DIR",
        type=os.fsencode,
        help="keep what is replaced or removed there: below the tree, or absolute and on its file system",
    )


def backup(options: argparse.Namespace) -> bytes:
    """Where displaced versions go; empty for nowhere.

    :raises InputError: when that can be no place.
    """
    if options.backup_dir is None:
        return b""
    from .core.backup import parse_place

    return parse_place(options.backup_dir)


def add_preserve(parser: argparse.ArgumentParser) -> None:
    """The word for what is kept beside content, permissions and times."""
    parser.add_argument(
        "--preserve",
        metavar="WHAT,...",
        default="",
        help=f"keep more than permissions and times: {', '.join(WORDS)}",
    )


def preserve(options: argparse.Namespace) -> Preserve:
    """What is kept beside content, permissions and times.

    :raises InputError: when a word of it is unknown.
    """
    return parse_preserve(filter(None, options.preserve.split(",")))


def rules(options: argparse.Namespace) -> Rules:
    """What is left out.

    :raises InputError: when a pattern is empty.
    """
    return Rules(tuple(map(gitignore_line, options.exclude)))


def gitignore_line(glob: str) -> str:
    """The command's pattern as a gitignore line: without a slash it matches any part of a path, with one the whole.

    :raises InputError: when it is empty.
    """
    pattern = glob.rstrip("/")
    if not pattern:
        raise InputError(f"--exclude {glob!r}: expected a pattern such as '*.tmp' or 'build/cache'")
    if "/" in pattern:
        return "/" + pattern.lstrip("/")
    return "\\" + pattern if pattern[0] in "!#" else pattern


def jobs(text: str) -> int:
    """A number of threads.

    :raises argparse.ArgumentTypeError: when it is none from 1 to 64.
    """
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1 to 64")
    return int(text)


def block_size(text: str) -> int:
    """A block size in bytes.

    :raises argparse.ArgumentTypeError: when it is no power of two from 512 to 65536.
    """
    number = int(text) if text.isdigit() else 0
    if not MIN_BLOCK <= number <= MAX_BLOCK or number & (number - 1):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a power of two from {MIN_BLOCK} to {MAX_BLOCK}")
    return number
