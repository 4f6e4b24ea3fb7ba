# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A two-way sync as a module's options and result."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

from ansible.module_utils.common.text.converters import to_bytes

from ._ansible import MIRROR_OPTIONS, require_absolute, rules_of
from ._copia.core.brakes import parse_limit
from ._copia.core.errors import Braked, CopiaError, InputError
from ._copia.core.pair_report import PairReport, pair_changes, pair_stats, plain_conflicts
from ._copia.core.paths import show
from ._copia.core.report import tree_diff
from ._copia.core.rolling import ENGINE
from ._copia.core.verdicts import Policy, Where
from ._copia.flow.bisync import bisync
from ._copia.flow.pair import PairSpec
from ._engine import EngineMissing, find_engine

_SHARED = ("max_delete", "force", "exclude", "include", "durable", "report_limit")
BISYNC_OPTIONS: Dict[str, Dict[str, Any]] = {
    "left": {"type": "path", "required": True},
    "right": {"type": "path", "required": True},
    "conflict": {"type": "str", "choices": [policy.value for policy in Policy], "default": "keep_both"},
    "max_conflicts": {"type": "int", "default": 8},
    "state_dir": {"type": "path"},
    **{name: MIRROR_OPTIONS[name] for name in _SHARED},
}


def bisync_here(options: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """The result of a two-way sync on this host; a run that cannot go on becomes a failed one with one line."""
    try:
        find_engine()
        return _result(bisync(_spec(options, check=check)), options, diff=diff)
    except EngineMissing as error:
        return {"failed": True, "msg": str(error), "engine_interpreter": error.interpreter}
    except Braked as error:
        return {"failed": True, "msg": str(error), "brakes": [str(error).partition(":")[0]]}
    except CopiaError as error:
        return {"failed": True, "msg": str(error)}


def _spec(options: Mapping[str, Any], *, check: bool) -> PairSpec:
    if re.match(r"[^:/\\]{2,}:", options["right"]):
        raise InputError("right is on another host, which is not supported yet; name an absolute path on this host")
    require_absolute(options, "left", "right")
    for name in ("report_limit", "max_conflicts"):
        if options[name] < 0:
            raise InputError(f"{name} is {options[name]}: expected 0 or more")
    left, right = (to_bytes(options[name], errors="surrogate_or_strict") for name in ("left", "right"))
    return PairSpec(
        left.rstrip(b"/") or b"/",
        right.rstrip(b"/") or b"/",
        rules=rules_of(options),
        policy=Policy(options["conflict"]),
        max_conflicts=options["max_conflicts"],
        limit=parse_limit(options["max_delete"]),
        force=options["force"],
        check=check,
        durable=options["durable"],
        state=to_bytes(options["state_dir"]) if options["state_dir"] else None,
    )


def _result(report: PairReport, options: Mapping[str, Any], *, diff: bool) -> Dict[str, Any]:
    limit = options["report_limit"]
    totals = (*(len(side.changes) for side in report.sides), len(report.conflicts), len(report.problems))
    result: Dict[str, Any] = {
        "changed": report.changed,
        "conflicts": plain_conflicts(report, limit),
        "conflict_count": len(report.conflicts),
        "changes": pair_changes(report, limit),
        "changes_total": report.applied,
        "truncated": max(totals) > limit,
        "problems": [{"path": show(p.path), "problem": p.what} for p in report.problems[:limit]],
        "notes": list(report.notes),
        "stats": {**pair_stats(report), "engine": ENGINE},
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
    return parts
