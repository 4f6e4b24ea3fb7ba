# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``copia sync``. It reads words, calls the flow, and prints what the report says."""

from __future__ import annotations

import argparse
import os
from typing import Any, Callable, Dict, List, Optional

from .cli_hosts import Place, add_ssh, split_remote, ssh_options
from .cli_words import (
    add_backup,
    add_preserve,
    add_run,
    backup,
    block_size,
    complain_of,
    jobs,
    plain_problems,
    preserve,
    rules,
    say,
    say_json,
)
from .core.brakes import parse_limit
from .core.entries import Entry, Kind
from .core.paths import show
from .core.report import Report, plain_changes, stats
from .core.steps import MirrorPlan
from .flow.mirror import mirror
from .flow.source import SourceSpec
from .flow.target import TargetSpec

_DIRECTORY = Kind.DIRECTORY


def add(commands: Any) -> None:
    """Add the command to the parsers of ``copia``."""
    sync = commands.add_parser("sync", help="make DST equal to SRC, a file or (with -r) a tree", allow_abbrev=False)
    sync.set_defaults(run=_sync, parser=sync)
    sync.add_argument("src", metavar="SRC", type=os.fsencode, help="a file, or with -r a directory; or HOST:PATH")
    sync.add_argument("dst", metavar="DST", type=os.fsencode, help="what is made equal to it; or HOST:PATH")
    sync.add_argument("-r", "--recursive", action="store_true", help="mirror a tree: the content of SRC lands in DST")
    sync.add_argument("--delete", action="store_true", help="remove what DST has and SRC has not")
    sync.add_argument("--checksum", action="store_true", help="compare files of the same size by BLAKE3")
    sync.add_argument("--owner", metavar="NAME", help="who everything in DST is to belong to")
    sync.add_argument("--group", metavar="NAME", help="the group that everything in DST is to belong to")
    add_preserve(sync)
    add_backup(sync)
    sync.add_argument("-j", "--jobs", metavar="N", type=jobs, default=4, help="accepted; a run takes two threads")
    sync.add_argument("-b", "--block-size", metavar="N", type=block_size, help="accepted; chosen from a file's size")
    add_run(sync)
    add_ssh(sync)


def _sync(options: argparse.Namespace) -> int:
    there, target = split_remote(options.src), split_remote(options.dst)
    if there and target:
        options.parser.error("SRC and DST are both on other hosts: run copia on one of them")
    if there is None:
        _check_source(options)
    report = _pull(options, there) if there else _push(options, target) if target else _here(options)
    if options.json:
        say_json(_plain(report))
    else:
        _conclude(report, options)
    return 1 if report.problems else 0


def _check_source(options: argparse.Namespace) -> None:
    is_tree = os.path.isdir(options.src)
    if is_tree and not options.recursive:
        options.parser.error(f"{show(options.src)} is a directory: add -r to mirror it")
    if options.recursive and not is_tree and os.path.lexists(options.src):
        options.parser.error(f"{show(options.src)} is not a directory: leave -r out")


def _here(options: argparse.Namespace) -> Report:
    return mirror(_source(options, options.src), _target(options, options.dst), announce=_announcer(options))


def _push(options: argparse.Namespace, there: Place) -> Report:
    from .flow.remote import push

    source, target = _source(options, options.src), _target(options, there.path)
    return push(source, target, there.host, ssh_options(options), _announcer(options))


def _pull(options: argparse.Namespace, there: Place) -> Report:
    from .flow.remote import Expect, pull

    source, target = _source(options, there.path), _target(options, options.dst)
    return pull(source, there.host, target, ssh_options(options), Expect(options.recursive, _announcer(options)))


def _source(options: argparse.Namespace, path: bytes) -> SourceSpec:
    name = os.path.basename(options.dst) or b"-"
    return SourceSpec(path, rules(options), options.checksum, name=name, preserve=preserve(options))


def _target(options: argparse.Namespace, path: bytes) -> TargetSpec:
    return TargetSpec(
        path,
        rules(options),
        options.checksum,
        delete=options.delete,
        limit=parse_limit(options.max_delete),
        force=options.force,
        owner=options.owner,
        group=options.group,
        durable=not options.no_durable,
        check=options.dry_run,
        preserve=preserve(options),
        backup=backup(options),
    )


def _announcer(options: argparse.Namespace) -> Optional[Callable[[MirrorPlan], None]]:
    return None if options.json else lambda plan: _announce(plan, options)


def _announce(plan: MirrorPlan, options: argparse.Namespace) -> None:
    sent = _sent(plan)
    if plan.is_empty and not plan.problems:
        return
    say(f"Plan: {len(sent)} to transfer, {plan.files - len(sent)} unchanged (skipped), {_deleted(plan)} to delete")
    if options.dry_run or options.verbose:
        for path in sent:
            say(f"send {show(path)}")
        for step in sorted((*plan.clearances, *plan.removals), key=lambda removal: removal.path):
            say(f"delete {show(step.path)}")
    if options.dry_run:
        say("(dry run) nothing was modified")


def _sent(plan: MirrorPlan) -> List[bytes]:
    """The files and links of the plan whose content or attributes are carried over."""
    settled = [step.path for step in plan.settles if step.wanted.kind is not _DIRECTORY and step.reason.is_change]
    return sorted([*(step.path for step in (*plan.puts, *plan.links)), *settled])


def _deleted(plan: MirrorPlan) -> int:
    return sum(1 for step in (*plan.clearances, *plan.removals) if isinstance(step.expected, Entry))


def _conclude(report: Report, options: argparse.Namespace) -> None:
    complain_of(report.notes, report.problems)
    if options.dry_run and report.changed:
        return
    if not report.changed and not report.problems:
        say(f"Already up to date ({report.files} files).")
        return
    sent = sum(1 for change in report.changes if change.new is not None and change.new.kind is not _DIRECTORY)
    failed = len({problem.path for problem in report.problems})
    skipped = max(0, report.files - sent - failed)
    say(f"Complete: {sent} sent, {skipped} skipped, {report.removed} deleted, {failed} failed")


def _plain(report: Report) -> Dict[str, Any]:
    return {
        "changed": report.changed,
        "stats": stats(report),
        "changes": plain_changes(report, len(report.changes)),
        "problems": plain_problems(report.problems),
        "notes": report.notes,
        "tree": report.tree,
    }
