# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the tasks, once for the page, the action plugin and the engine."""

from __future__ import annotations

from typing import Any, Dict

CONTENT_DIFF_LIMIT = 104448
PRESERVE = ["owner", "group", "acls", "xattrs", "hard_links"]

MIRROR_OPTIONS: Dict[str, Dict[str, Any]] = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "direction": {"type": "str", "choices": ["push", "pull"], "default": "push"},
    "remote_src": {"type": "bool", "default": False},
    "compare": {"type": "str", "choices": ["quick", "checksum"], "default": "quick"},
    "delete": {"type": "bool", "default": False},
    "max_delete": {"type": "str", "default": "50%"},
    "force": {"type": "bool", "default": False},
    "backup_dir": {"type": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "include": {"type": "list", "elements": "str", "default": []},
    "preserve": {"type": "list", "elements": "str", "choices": PRESERVE, "default": []},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
    "directory_mode": {"type": "raw"},
    "compress": {"type": "str", "choices": ["auto", "zstd", "zlib", "none"], "default": "auto"},
    "durable": {"type": "bool", "default": True},
    "content_diff_limit": {"type": "int", "default": CONTENT_DIFF_LIMIT},
    "report_limit": {"type": "int", "default": 100},
}


SSH_OPTIONS: Dict[str, Dict[str, Any]] = {
    "ssh_key": {"type": "path", "no_log": False},
    "ssh_args": {"type": "list", "elements": "str", "default": []},
    "known_hosts": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}


BISYNC_OPTIONS: Dict[str, Dict[str, Any]] = {
    "left": {"type": "path", "required": True},
    "right": {"type": "path", "required": True},
    "conflict": {
        "type": "str",
        "choices": [
            *("keep_both", "fail", "prefer_left", "prefer_right"),
            *("newest", "oldest", "largest", "smallest"),
        ],
        "default": "keep_both",
    },
    "max_conflicts": {"type": "int", "default": 8},
    "state_dir": {"type": "path"},
    **SSH_OPTIONS,
    **{name: MIRROR_OPTIONS[name] for name in ("max_delete", "force", "exclude", "include", "durable", "report_limit")},
    "content_diff_limit": MIRROR_OPTIONS["content_diff_limit"],
    "preserve": MIRROR_OPTIONS["preserve"],
    "backup_dir": MIRROR_OPTIONS["backup_dir"],
}


HUB_SERVE_OPTIONS: Dict[str, Dict[str, Any]] = {
    "root": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "clients": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "public_key": {"type": "str", "required": True, "no_log": False},
            "rights": {
                "type": "list",
                "elements": "str",
                "choices": ["read", "add", "write", "delete"],
                "default": ["read", "add", "write", "delete"],
            },
            "prefix": {"type": "str", "default": ""},
            "quota": {"type": "int", "default": 0},
        },
    },
    "authorized_keys": {"type": "path", "no_log": False},
    "command": {"type": "path"},
    "max_conflicts": {"type": "int", "default": 8},
    "tombstone_days": {"type": "int", "default": 30},
    "keep_versions": {"type": "int", "default": 0},
    "keep_days": {"type": "int", "default": 30},
    "keep_bytes": {"type": "int", "default": 0},
    "quota": {"type": "int", "default": 0},
    "scrub": {"type": "bool", "default": False},
}

HUB_INFO_OPTIONS: Dict[str, Dict[str, Any]] = {
    "root": {"type": "path", "required": True},
    "authorized_keys": {"type": "path", "no_log": False},
}

HUB_SYNC_OPTIONS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "hub": {"type": "str", "required": True},
    "direction": {"type": "str", "choices": ["push", "pull", "both"], "default": "push"},
    **SSH_OPTIONS,
    "retries": {"type": "int", "default": 2},
    **{name: BISYNC_OPTIONS[name] for name in ("conflict", "max_conflicts", "state_dir", "max_delete", "force")},
    **{name: MIRROR_OPTIONS[name] for name in ("exclude", "include", "durable", "report_limit")},
}
