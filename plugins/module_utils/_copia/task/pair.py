# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A two-way sync of a tree on a host, with another there or elsewhere: the task's options in, its result out."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional

from ..core.brakes import parse_limit
from ..core.errors import Braked, InputError
from ..core.pair_report import PairReport, pair_changes, pair_stats, plain_conflicts
from ..core.paths import show
from ..core.preserve import parse_preserve
from ..core.report import tree_diff
from ..core.twin import engine
from ..core.verdicts import Policy, Where
from ..flow.pair import PairSpec
from ..flow.remote_side import bisync_anywhere
from .options import backup_of, encoded, on_host, rules_of, text_parts


def bisync_here(options: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """The result of a two-way sync on this host; one that a brake stopped names it.

    :raises CopiaError: when the run cannot go on.
    """
    try:
        return _result(bisync_anywhere(_spec(options, check=check, diff=diff), _ssh(options)), options, diff=diff)
    except Braked as error:
        return {"failed": True, "msg": str(error), "brakes": [str(error).partition(":")[0]]}


def _spec(given: Mapping[str, Any], *, check: bool, diff: bool) -> PairSpec:
    is_far = re.match(r"[^:/\\]{2,}:", given["right"])
    options = on_host(given, *(("left",) if is_far else ("left", "right")))
    for name in ("report_limit", "max_conflicts", "content_diff_limit"):
        if options[name] < 0:
            raise InputError(f"{name} is {options[name]}: expected 0 or more")
    state: Optional[str] = options["state_dir"]
    return PairSpec(
        encoded(options["left"]).rstrip(b"/") or b"/",
        encoded(options["right"]).rstrip(b"/") or b"/",
        rules=rules_of(options),
        policy=Policy(options["conflict"]),
        max_conflicts=options["max_conflicts"],
        limit=parse_limit(options["max_delete"]),
        force=options["force"],
        check=check,
        durable=options["durable"],
        preserve=parse_preserve(options["preserve"]),
        backup=backup_of(options),
        text_limit=options["content_diff_limit"] if diff else 0,
        state=encoded(on_host(options, "state_dir")["state_dir"]) if state else None,
    )


def _ssh(given: Mapping[str, Any]) -> Dict[str, Any]:
    return on_host(given, *(name for name in ("ssh_key", "known_hosts") if given[name]))


def _result(report: PairReport, options: Mapping[str, Any], *, diff: bool) -> Dict[str, Any]:
    limit = options["report_limit"]
    result: Dict[str, Any] = {
        "changed": report.changed,
        "conflicts": plain_conflicts(report, limit),
        "conflict_count": len(report.conflicts),
        "changes": pair_changes(report, limit),
        "changes_total": report.applied,
        "truncated": report.is_cut_at(limit),
        "problems": [{"path": show(p.path), "problem": p.what} for p in report.problems[:limit]],
        "notes": list(report.notes),
        "stats": {**pair_stats(report), "engine": engine()},
        "base": report.base,
        "epoch": report.epoch,
    }
    if diff:
        result["diff"] = _diff(report, options, limit)
    if report.problems:
        first = report.problems[0]
        summary = f"{len(report.problems)} problem(s), the first: {show(first.path)} {first.what}"
        result.update(failed=True, msg=". ".join([summary, *report.notes]))
    return result


def _diff(report: PairReport, options: Mapping[str, Any], limit: int) -> List[Dict[str, str]]:
    parts = []
    for where in Where:
        before, after = tree_diff(report.sides[where], limit)
        header = str(options[where.word])
        parts.append({"before_header": header, "after_header": header, "before": before, "after": after})
        parts.extend(text_parts(report.sides[where], header, limit))
    return parts
