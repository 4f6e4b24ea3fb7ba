# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``copia bisync``. It reads words, calls the flow, and prints what the report says."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from typing import Any

from .core.bisync_plan import Reconciliation
from .core.brakes import parse_limit
from .core.errors import InputError
from .core.pair_report import PairReport, pair_changes, pair_stats, plain_conflicts
from .core.paths import show
from .core.selection import Rules
from .core.verdicts import Policy
from .flow.bisync import bisync
from .flow.pair import PairSpec

_REMOTE = re.compile(rb"[^:/\\]{2,}:")


def add(commands: Any) -> None:
    """Add the command to the parsers of ``copia``."""
    parser = commands.add_parser("bisync", help="bring two trees together, both ways", allow_abbrev=False)
    parser.set_defaults(run=_bisync, parser=parser)
    parser.add_argument("left", metavar="A", type=os.fsencode, help="one tree")
    parser.add_argument("right", metavar="B", type=os.fsencode, help="the other one; swapping them changes nothing")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every path that is changed")
    policies = [policy.value for policy in Policy]
    parser.add_argument("--conflict", choices=policies, default="keep_both", help="who wins (default keep_both)")
    parser.add_argument("--max-conflicts", metavar="N", type=int, default=8, help="conflict copies a path (default 8)")
    parser.add_argument("--max-delete", metavar="N|N%", default="50%", help="the most removals a side (default 50%%)")
    parser.add_argument("--force", action="store_true", help="override the brakes for this run")
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", default=[], help="leave out: a name anywhere, or a path with /"
    )
    parser.add_argument("--no-durable", action="store_true", help="do not wait until everything is on disk")
    parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")


def _bisync(options: argparse.Namespace) -> int:
    for name in (options.left, options.right):
        if _REMOTE.match(name):
            raise InputError(f"{show(name)}: a tree on another host is not supported yet; name a path on this host")
    from .cli import gitignore_line

    spec = PairSpec(
        options.left,
        options.right,
        rules=Rules(tuple(map(gitignore_line, options.exclude))),
        policy=Policy(options.conflict),
        max_conflicts=options.max_conflicts,
        limit=parse_limit(options.max_delete),
        force=options.force,
        check=options.dry_run,
        durable=not options.no_durable,
    )
    report = bisync(spec, announce=None if options.json else lambda plan: _announce(plan, options))
    if options.json:
        _say(json.dumps(_plain(report), indent=1, sort_keys=True))
    else:
        _conclude(report, options)
    return 1 if report.problems or report.conflicts else 0


def _announce(plan: Reconciliation, options: argparse.Namespace) -> None:
    for conflict in plan.conflicts:
        kept = f", the other version is kept as {show(conflict.kept_as)}" if conflict.kept_as else ""
        _say(f"conflict {show(conflict.path)} ({conflict.kind}): {conflict.winner.word} wins{kept}")
    if options.dry_run and not plan.is_empty:
        _say("(dry run) nothing was modified")


def _conclude(report: PairReport, options: argparse.Namespace) -> None:
    if options.dry_run or options.verbose:
        for change in pair_changes(report, sys.maxsize):
            _say(f"{change['change']} {change['side']} {change['path']}")
    for note in report.notes:
        _complain(note)
    for problem in report.problems:
        _complain(f"{show(problem.path)}: {problem.what}")
    applied = 0 if options.dry_run else report.applied
    _say(f"Bidirectional sync complete: {applied} applied, {len(report.conflicts)} conflict(s) preserved.")


def _plain(report: PairReport) -> "dict[str, object]":
    return {
        "changed": report.changed,
        "stats": pair_stats(report),
        "changes": pair_changes(report, sys.maxsize),
        "conflicts": plain_conflicts(report, sys.maxsize),
        "problems": [{"path": show(problem.path), "problem": problem.what} for problem in report.problems],
        "notes": report.notes,
        "base": report.base,
        "epoch": report.epoch,
    }


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"copia: {line}\n")
