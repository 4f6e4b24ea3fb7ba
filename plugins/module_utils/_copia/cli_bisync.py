# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``copia bisync``. It reads words, calls the flow, and prints what the report says."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Callable, Dict, Optional

from .cli_hosts import Place, add_ssh, split_remote, ssh_options
from .cli_words import (
    add_backup,
    add_preserve,
    add_run,
    backup,
    complain_of,
    plain_problems,
    preserve,
    rules,
    say,
    say_json,
    say_unlisted,
)
from .core.bisync_plan import Reconciliation
from .core.brakes import parse_limit
from .core.pair_report import PairReport, pair_changes, pair_stats, plain_conflicts
from .core.paths import show
from .core.verdicts import Policy
from .flow.bisync import bisync
from .flow.pair import PairSpec

Announce = Optional[Callable[[Reconciliation], None]]


def add(commands: Any) -> None:
    """Add the command to the parsers of ``copia``."""
    parser = commands.add_parser("bisync", help="bring two trees together, both ways", allow_abbrev=False)
    parser.set_defaults(run=_bisync, parser=parser)
    parser.add_argument("left", metavar="A", type=os.fsencode, help="one tree")
    parser.add_argument(
        "right", metavar="B", type=os.fsencode, help="the other one, or HOST:PATH; swapping two changes nothing"
    )
    policies = [policy.value for policy in Policy]
    parser.add_argument("--conflict", choices=policies, default="keep_both", help="who wins (default keep_both)")
    parser.add_argument("--max-conflicts", metavar="N", type=int, default=8, help="conflict copies a path (default 8)")
    add_preserve(parser)
    add_backup(parser)
    add_run(parser)
    add_ssh(parser)


def _bisync(options: argparse.Namespace) -> int:
    there = split_remote(options.right)
    if split_remote(options.left):
        options.parser.error("A is on another host: name that one as B; swapping them changes nothing")
    spec = PairSpec(
        options.left,
        options.right,
        rules=rules(options),
        policy=Policy(options.conflict),
        max_conflicts=options.max_conflicts,
        limit=parse_limit(options.max_delete),
        force=options.force,
        check=options.dry_run,
        durable=not options.no_durable,
        preserve=preserve(options),
        backup=backup(options),
    )
    announce = None if options.json else _announce
    report = bisync(spec, announce=announce) if there is None else _elsewhere(options, spec, there, announce)
    if options.json:
        say_json(_plain(report))
    else:
        _conclude(report, options)
    return 1 if report.problems or report.conflicts else 0


def _elsewhere(options: argparse.Namespace, spec: PairSpec, there: Place, announce: Announce) -> PairReport:
    from .flow.remote_side import remote_bisync

    return remote_bisync(spec, there, ssh_options(options), announce)


def _announce(plan: Reconciliation) -> None:
    for conflict in plan.conflicts:
        kept = f", the other version is kept as {show(conflict.kept_as)}" if conflict.kept_as else ""
        say(f"conflict {show(conflict.path)} ({conflict.kind}): {conflict.winner.word} wins{kept}")


def _conclude(report: PairReport, options: argparse.Namespace) -> None:
    if options.dry_run and not report.is_idle:
        say("(dry run) nothing was modified")
    if options.dry_run or options.verbose:
        for change in pair_changes(report, sys.maxsize):
            say(f"{change['change']} {change['side']} {change['path']}")
        say_unlisted(report.unlisted)
    complain_of(report.notes, report.problems)
    applied = 0 if options.dry_run else report.applied
    say(f"Bidirectional sync complete: {applied} applied, {len(report.conflicts)} conflict(s) preserved.")


def _plain(report: PairReport) -> Dict[str, Any]:
    return {
        "changed": report.changed,
        "stats": pair_stats(report),
        "changes": pair_changes(report, sys.maxsize),
        "conflicts": plain_conflicts(report, sys.maxsize),
        "problems": plain_problems(report.problems),
        "notes": report.notes,
        "base": report.base,
        "epoch": report.epoch,
    }
