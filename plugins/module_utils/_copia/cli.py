# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``copia`` command. It reads words, calls a flow, and prints what the report says; nothing is decided here.

Exit status: 0 done, 1 done with problems or not possible, 2 usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional, Sequence

from . import __version__, cli_bisync, cli_delta
from .core.brakes import parse_limit
from .core.entries import Entry, Kind
from .core.errors import CopiaError, InputError
from .core.paths import show
from .core.report import Report, plain_changes, stats
from .core.selection import Rules
from .core.steps import MirrorPlan
from .flow.mirror import mirror
from .flow.source import SourceSpec
from .flow.target import TargetSpec

_DIRECTORY = Kind.DIRECTORY


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command with ``arguments`` (those of the process by default) and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        return status
    except CopiaError as error:
        _complain(str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="copia", description="Deploy and mirror file trees.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"copia {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_sync(commands.add_parser("sync", help="make DST equal to SRC, a file or (with -r) a tree", allow_abbrev=False))
    cli_delta.add(commands)
    cli_bisync.add(commands)
    return parser


def _add_sync(sync: argparse.ArgumentParser) -> None:
    sync.set_defaults(run=_sync, parser=sync)
    sync.add_argument("src", metavar="SRC", type=os.fsencode, help="a file, or with -r a directory")
    sync.add_argument("dst", metavar="DST", type=os.fsencode, help="what is made equal to it")
    sync.add_argument("-r", "--recursive", action="store_true", help="mirror a tree: the content of SRC lands in DST")
    sync.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, and do nothing")
    sync.add_argument("-v", "--verbose", action="store_true", help="name every path that is sent or deleted")
    sync.add_argument("--delete", action="store_true", help="remove what DST has and SRC has not")
    sync.add_argument("--max-delete", metavar="N|N%", default="50%", help="the most removals of a run (default 50%%)")
    sync.add_argument("--force", action="store_true", help="override the brakes for this run")
    sync.add_argument(
        "--exclude", metavar="GLOB", action="append", default=[], help="leave out: a name anywhere, or a path with /"
    )
    sync.add_argument("--checksum", action="store_true", help="compare files of the same size by BLAKE3")
    sync.add_argument("--owner", metavar="NAME", help="who everything in DST is to belong to")
    sync.add_argument("--group", metavar="NAME", help="the group that everything in DST is to belong to")
    sync.add_argument("--no-durable", action="store_true", help="do not wait until everything is on disk")
    sync.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")
    sync.add_argument(
        "-j", "--jobs", metavar="N", type=cli_delta.jobs, default=4, help="accepted; a local run takes two"
    )
    sync.add_argument(
        "-b", "--block-size", metavar="N", type=cli_delta.block_size, help="accepted; a local run sends whole files"
    )


def _sync(options: argparse.Namespace) -> int:
    is_tree = os.path.isdir(options.src)
    if is_tree and not options.recursive:
        options.parser.error(f"{show(options.src)} is a directory: add -r to mirror it")
    if options.recursive and not is_tree and os.path.lexists(options.src):
        options.parser.error(f"{show(options.src)} is not a directory: leave -r out")
    rules = Rules(tuple(map(gitignore_line, options.exclude)))
    source = SourceSpec(options.src, rules, options.checksum, name=os.path.basename(options.dst) or b"-")
    target = TargetSpec(
        options.dst,
        rules,
        options.checksum,
        delete=options.delete,
        limit=parse_limit(options.max_delete),
        force=options.force,
        owner=options.owner,
        group=options.group,
        durable=not options.no_durable,
        check=options.dry_run,
        delta=False,
    )
    report = mirror(source, target, announce=None if options.json else lambda plan: _announce(plan, options))
    if options.json:
        import json

        _say(json.dumps(_plain(report), indent=1, sort_keys=True))
    else:
        _conclude(report, options)
    return 1 if report.problems else 0


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


def _announce(plan: MirrorPlan, options: argparse.Namespace) -> None:
    sent = _sent(plan)
    if plan.is_empty and not plan.problems:
        return
    _say(f"Plan: {len(sent)} to transfer, {plan.files - len(sent)} unchanged (skipped), {_deleted(plan)} to delete")
    if options.dry_run or options.verbose:
        for path in sent:
            _say(f"send {show(path)}")
        for step in sorted((*plan.clearances, *plan.removals), key=lambda removal: removal.path):
            _say(f"delete {show(step.path)}")
    if options.dry_run:
        _say("(dry run) nothing was modified")


def _sent(plan: MirrorPlan) -> List[bytes]:
    """The files and links of the plan whose content or attributes are carried over."""
    settled = [step.path for step in plan.settles if step.wanted.kind is not _DIRECTORY and step.reason.is_change]
    return sorted([*(step.path for step in plan.puts), *settled])


def _deleted(plan: MirrorPlan) -> int:
    return sum(1 for step in (*plan.clearances, *plan.removals) if isinstance(step.expected, Entry))


def _conclude(report: Report, options: argparse.Namespace) -> None:
    for note in report.notes:
        _complain(f"{note}")
    for problem in report.problems:
        _complain(f"{show(problem.path)}: {problem.what}")
    if options.dry_run and report.changed:
        return
    if not report.changed and not report.problems:
        _say(f"Already up to date ({report.files} files).")
        return
    sent = sum(1 for change in report.changes if change.new is not None and change.new.kind is not _DIRECTORY)
    failed = len({problem.path for problem in report.problems})
    skipped = max(0, report.files - sent - failed)
    _say(f"Complete: {sent} sent, {skipped} skipped, {report.removed} deleted, {failed} failed")


def _plain(report: Report) -> "dict[str, object]":
    return {
        "changed": report.changed,
        "stats": stats(report),
        "changes": plain_changes(report, len(report.changes)),
        "problems": [{"path": show(problem.path), "problem": problem.what} for problem in report.problems],
        "notes": report.notes,
        "tree": report.tree,
    }


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"copia: {line}\n")
