# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands ``copia hub-sync`` and ``copia hub-info``. They read words, call the flow, and print what it reports."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from .cli_hosts import add_ssh, ssh_options
from .cli_words import add_run, complain_of, rules, say, say_json, say_unlisted
from .core.brakes import parse_limit
from .core.hub_plan import Direction
from .core.hub_report import SIDE, HubReport, plain_facts, plain_hub_report
from .core.paths import show
from .core.verdicts import Policy
from .flow.hub_door import Reach, hub_facts, sync_with
from .flow.pair import PairSpec


def add(commands: Any) -> None:
    """Add the commands to the parsers of ``copia``."""
    sync = commands.add_parser("hub-sync", help="bring a tree and a hub together", allow_abbrev=False)
    sync.set_defaults(run=_sync, parser=sync)
    sync.add_argument("local", metavar="LOCAL", type=os.fsencode, help="the tree on this host")
    sync.add_argument("target", metavar="TARGET", type=os.fsencode, help="the hub: HOST:ROOT, or a root on this host")
    directions = [direction.value for direction in Direction]
    sync.add_argument("--direction", choices=directions, default="push", help="who is brought up to date (push)")
    policies = [policy.value for policy in Policy]
    sync.add_argument("--conflict", choices=policies, default="keep_both", help="who wins; left is LOCAL (keep_both)")
    sync.add_argument("--max-conflicts", metavar="N", type=int, default=8, help="conflict copies a path (default 8)")
    add_run(sync)
    info = commands.add_parser("hub-info", help="what a hub says of itself", allow_abbrev=False)
    info.set_defaults(run=_info, parser=info)
    info.add_argument("target", metavar="TARGET", type=os.fsencode, help="the hub: HOST:ROOT, or a root on this host")
    info.add_argument("--json", action="store_true", help="print it as JSON and nothing else")
    for parser in (sync, info):
        add_ssh(parser)
        parser.add_argument("--retries", metavar="N", type=int, default=2, help="of a link that fails (default 2)")


def _reach(options: argparse.Namespace) -> Reach:
    return Reach(ssh_options(options), options.retries)


def _sync(options: argparse.Namespace) -> int:
    spec = PairSpec(
        options.local,
        options.target,
        rules=rules(options),
        policy=Policy(options.conflict),
        max_conflicts=options.max_conflicts,
        limit=parse_limit(options.max_delete),
        force=options.force,
        check=options.dry_run,
        durable=not options.no_durable,
        direction=Direction(options.direction),
    )
    report = sync_with(spec, _reach(options))
    if options.json:
        say_json(plain_hub_report(report, sys.maxsize))
    else:
        _conclude(report, options)
    return 1 if report.pair.problems or report.pair.conflicts else 0


def _conclude(report: HubReport, options: argparse.Namespace) -> None:
    if options.dry_run and not report.pair.is_idle:
        say("(dry run) nothing was modified")
    if options.dry_run or options.verbose:
        for change in plain_hub_report(report, sys.maxsize)["changes"]:
            say(f"{change['change']} {change['side']} {change['path']}")
        say_unlisted(report.pair.unlisted)
    for conflict in report.pair.conflicts:
        kept = f", the other version is kept as {show(conflict.kept_as)}" if conflict.kept_as else ""
        say(f"conflict {show(conflict.path)} ({conflict.kind}): {SIDE[conflict.winner.word]} wins{kept}")
    complain_of(report.pair.notes, report.pair.problems)
    conflicts = len(report.pair.conflicts)
    if options.direction == "push":
        say(f"Hub push complete: {report.sent} sent, {report.unchanged} unchanged, {conflicts} conflict(s).")
        return
    received = 0 if options.dry_run else report.received
    words = f"{report.sent} sent, {received} received, {report.unchanged} unchanged, {conflicts} conflict(s)."
    say(f"Hub {'pull' if options.direction == 'pull' else 'sync'} complete: {words}")


def _info(options: argparse.Namespace) -> int:
    facts = plain_facts(hub_facts(options.target, _reach(options)))
    if options.json:
        say_json(facts)
        return 0
    say(f"hub {facts['hub_id']} at revision {facts['revision']}")
    say(f"{facts['files']} files, {facts['bytes']} bytes, {facts['conflicts']} conflict copies")
    for client in facts["clients"]:
        say(f"client {client['name']}: revision {client['revision']}, {client['lag']} behind")
    return 0
