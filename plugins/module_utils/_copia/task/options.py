# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a task as specs of the flows, and reports as the task's result: plain values in and out."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..core.brakes import parse_limit
from ..core.entries import Kind
from ..core.errors import InputError
from ..core.paths import show
from ..core.preserve import parse_preserve
from ..core.report import Report, plain_changes, stats, tree_diff
from ..core.selection import Rules
from ..core.twin import engine
from .modes import Modes


def on_host(options: Mapping[str, Any], *names: str) -> Dict[str, Any]:
    """The options with the paths ``names`` as this host understands them: ``~`` and variables are expanded here.

    :raises InputError: when one is relative; what it would be relative to depends on the connection.
    """
    found = {name: os.path.expanduser(os.path.expandvars(str(options[name]))) for name in names}
    for name, path in found.items():
        if not os.path.isabs(path):
            raise InputError(f"{name} is {path!r}: expected an absolute path on the host")
    return {**options, **found}


def encoded(path: str) -> bytes:
    """A path as the bytes that it is made of."""
    return path.encode("utf-8", "surrogateescape")


def rules_of(options: Mapping[str, Any]) -> Rules:
    """What is left out."""
    return Rules(tuple(options["exclude"] or ()), tuple(options["include"] or ()))


def backup_of(options: Mapping[str, Any]) -> bytes:
    """Where displaced versions go, with ``~`` and variables as this host understands them; empty for nowhere.

    :raises InputError: when that can be no place.
    """
    place = options.get("backup_dir")
    if place is None:
        return b""
    from ..core.backup import parse_place

    return parse_place(encoded(os.path.expanduser(os.path.expandvars(place))))


def source_spec(options: Mapping[str, Any], modes: Modes) -> Dict[str, Any]:
    """The fields of a ``SourceSpec``."""
    return {
        "path": encoded(options["src"]),
        "rules": rules_of(options),
        "checksum": options["compare"] == "checksum",
        "mode_rule": _mode_rule(modes),
        "name": os.path.basename(encoded(options["dest"]).rstrip(b"/")) or b"-",
        "preserve": parse_preserve(options["preserve"]),
    }


def _mode_rule(modes: Modes) -> Optional[Callable[[Kind, int], int]]:
    if modes is None:
        return None
    rules = dict(zip((Kind.FILE, Kind.DIRECTORY), modes))
    return lambda kind, found: rules[kind](found) if kind in rules else found


def target_spec(options: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """The fields of a ``TargetSpec``.

    :raises InputError: when ``max_delete`` is neither a count nor a percentage.
    """
    for name in ("report_limit", "content_diff_limit"):
        if options[name] < 0:
            raise InputError(f"{name} is {options[name]}: expected 0 or more")
    return {
        "path": encoded(options["dest"]).rstrip(b"/") or b"/",
        "rules": rules_of(options),
        "checksum": options["compare"] == "checksum",
        "delete": options["delete"],
        "limit": parse_limit(options["max_delete"]),
        "force": options["force"],
        "owner": options["owner"],
        "group": options["group"],
        "preserve": parse_preserve(options["preserve"]),
        "durable": options["durable"],
        "check": check,
        "text_limit": options["content_diff_limit"] if diff else 0,
        "backup": backup_of(options),
    }


def result_of(report: Report, options: Mapping[str, Any], *, diff: bool) -> Dict[str, Any]:
    """The module's result. With problems it says ``failed`` and names the first of them."""
    limit = options["report_limit"]
    result: Dict[str, Any] = {
        "changed": report.changed,
        "stats": {**stats(report), "engine": engine()},
        "changes": plain_changes(report, limit),
        "changes_total": len(report.changes),
        "truncated": len(report.changes) > limit or len(report.problems) > limit,
        "problems": [{"path": show(p.path), "problem": p.what} for p in report.problems[:limit]],
        "notes": list(report.notes),
        "tree": report.tree,
    }
    if diff:
        result["diff"] = _diff(report, options, limit)
    if report.problems:
        first = report.problems[0]
        result["failed"] = True
        summary = f"{len(report.problems)} problem(s), the first: {show(first.path)} {first.what}"
        result["msg"] = ". ".join([summary, *report.notes])
    return result


def _diff(report: Report, options: Mapping[str, Any], limit: int) -> List[Dict[str, str]]:
    header = str(options["dest"])
    before, after = tree_diff(report, limit)
    parts = [{"before_header": header, "after_header": header, "before": before, "after": after}]
    return [*parts, *text_parts(report, header, limit)]


def text_parts(report: Report, header: str, limit: int) -> List[Dict[str, str]]:
    """The content diffs of a report; ``header`` is the root's path."""
    parts = []
    for text in report.texts[:limit]:
        name = os.path.join(header, show(text.path))
        parts.append(
            {
                "before_header": name,
                "after_header": name,
                "before": text.before.decode("utf-8", "replace"),
                "after": text.after.decode("utf-8", "replace"),
            }
        )
    return parts
