# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only bridge between Ansible and the engine: options to specs, reports to results."""

from __future__ import annotations

import os
import stat
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes

from ._engine import prefer_installed

prefer_installed(f"{__package__}._copia")

from ._copia.core.brakes import parse_limit
from ._copia.core.entries import Kind
from ._copia.core.errors import InputError
from ._copia.core.paths import show
from ._copia.core.report import Report, plain_changes, stats, tree_diff
from ._copia.core.rolling import ENGINE
from ._copia.core.selection import Rules

CONTENT_DIFF_LIMIT = 104448

MIRROR_OPTIONS: Dict[str, Dict[str, Any]] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "direction": {"type": "str", "choices": ["push", "pull"], "default": "push"},
    "remote_src": {"type": "bool", "default": False},
    "compare": {"type": "str", "choices": ["quick", "checksum"], "default": "quick"},
    "delete": {"type": "bool", "default": False},
    "max_delete": {"type": "str", "default": "50%"},
    "force": {"type": "bool", "default": False},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "include": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
    "directory_mode": {"type": "raw"},
    "compress": {"type": "str", "choices": ["auto", "zstd", "zlib", "none"], "default": "auto"},
    "durable": {"type": "bool", "default": True},
    "content_diff_limit": {"type": "int", "default": CONTENT_DIFF_LIMIT},
    "report_limit": {"type": "int", "default": 100},
}


def require_absolute(options: Mapping[str, Any], *names: str) -> None:
    """A path on the host starts from its root: what it would be relative to depends on the connection.

    :raises InputError: when one does not.
    """
    for name in names:
        if not os.path.isabs(options[name]):
            raise InputError(f"{name} is {options[name]!r}: expected an absolute path on the host")


def rules_of(options: Mapping[str, Any]) -> Rules:
    """What is left out."""
    return Rules(tuple(options["exclude"] or ()), tuple(options["include"] or ()))


def source_spec(options: Mapping[str, Any]) -> Dict[str, Any]:
    """The fields of a ``SourceSpec``.

    :raises InputError: when a mode can't be understood.
    """
    return {
        "path": to_bytes(options["src"], errors="surrogate_or_strict"),
        "rules": rules_of(options),
        "checksum": options["compare"] == "checksum",
        "mode_rule": mode_rule(options["mode"], options["directory_mode"]),
        "name": os.path.basename(to_bytes(options["dest"], errors="surrogate_or_strict").rstrip(b"/")) or b"-",
    }


def target_spec(options: Mapping[str, Any], *, check: bool, diff: bool) -> Dict[str, Any]:
    """The fields of a ``TargetSpec``.

    :raises InputError: when ``max_delete`` is neither a count nor a percentage.
    """
    for name in ("report_limit", "content_diff_limit"):
        if options[name] < 0:
            raise InputError(f"{name} is {options[name]}: expected 0 or more")
    return {
        "path": to_bytes(options["dest"], errors="surrogate_or_strict").rstrip(b"/") or b"/",
        "rules": rules_of(options),
        "checksum": options["compare"] == "checksum",
        "delete": options["delete"],
        "limit": parse_limit(options["max_delete"]),
        "force": options["force"],
        "owner": options["owner"],
        "group": options["group"],
        "durable": options["durable"],
        "check": check,
        "text_limit": options["content_diff_limit"] if diff else 0,
    }


def mode_rule(mode: Any, directory_mode: Any) -> Optional[Callable[[Kind, int], int]]:
    """The rule that forces modes: ``mode`` those of files, ``directory_mode`` those of directories.

    :raises InputError: when one can't be understood.
    """
    if mode in (None, "preserve") and directory_mode in (None, "preserve"):
        return None
    rules = {
        Kind.FILE: _one_mode("mode", mode, stat.S_IFREG),
        Kind.DIRECTORY: _one_mode("directory_mode", directory_mode, stat.S_IFDIR),
    }
    for rule in rules.values():
        rule(0o644)
    return lambda kind, found: rules[kind](found) if kind in rules else found


def _one_mode(option: str, wanted: Any, file_type: int) -> Callable[[int], int]:
    if wanted in (None, "preserve"):
        return lambda found: found
    if isinstance(wanted, int):
        return lambda _found: wanted & 0o7777
    text = str(wanted)
    if text.isdigit():
        try:
            number = int(text, 8)
        except ValueError:
            raise InputError(
                f"{option} is {text!r}: expected octal digits such as '0644', or a symbolic mode"
            ) from None
        return lambda _found: number & 0o7777

    def symbolic(found: int) -> int:
        pretended = os.stat_result((file_type | found, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        try:
            return int(AnsibleModule._symbolic_mode_to_octal(pretended, text))
        except ValueError as error:
            raise InputError(
                f"{option} is {text!r}: expected octal digits such as '0644', or a symbolic mode"
            ) from error

    return symbolic


def result_of(report: Report, options: Mapping[str, Any], *, diff: bool) -> Dict[str, Any]:
    """The module's result. With problems it says ``failed`` and names the first of them."""
    limit = options["report_limit"]
    result: Dict[str, Any] = {
        "changed": report.changed,
        "stats": {**stats(report), "engine": ENGINE},
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
