# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only bridge between Ansible and the engine on a host: the options, Ansible's modes, and one step run."""

from __future__ import annotations

import os
import stat
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

from ._engine import EngineMissing, find_engine

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
    **{name: MIRROR_OPTIONS[name] for name in ("max_delete", "force", "exclude", "include", "durable", "report_limit")},
}

Modes = Optional[Tuple[Callable[[int], int], Callable[[int], int]]]


def modes_of(options: Mapping[str, Any]) -> Modes:
    """What forces permissions: a function for those of files and one for those of directories; ``None`` for neither.

    :raises ValueError: when an option can't be understood.
    """
    wanted = {name: options.get(name) for name in ("mode", "directory_mode")}
    if all(mode in (None, "preserve") for mode in wanted.values()):
        return None
    rules = (
        _one_mode("mode", wanted["mode"], stat.S_IFREG),
        _one_mode("directory_mode", wanted["directory_mode"], stat.S_IFDIR),
    )
    for rule in rules:
        rule(0o644)
    return rules


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
            raise ValueError(
                f"{option} is {text!r}: expected octal digits such as '0644', or a symbolic mode"
            ) from None
        return lambda _found: number & 0o7777

    def symbolic(found: int) -> int:
        pretended = os.stat_result((file_type | found, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        try:
            return int(AnsibleModule._symbolic_mode_to_octal(pretended, text))
        except ValueError as error:
            raise ValueError(
                f"{option} is {text!r}: expected octal digits such as '0644', or a symbolic mode"
            ) from error

    return symbolic


def run_on_host(module: AnsibleModule, step: str, options: Mapping[str, Any]) -> None:
    """Run one step of a task on this host, with the engine that is installed here, and leave the module.

    What Ansible carries over is this file and the one that finds the engine; the rest is there already, and compiled.
    """
    messages = {name: value for name, value in module.params.items() if value is not None}
    try:
        find_engine(messages.get("engine"), messages.get("engine_folder"))
        modes = modes_of(options)
    except EngineMissing as error:
        module.fail_json(msg=str(error), engine_interpreter=error.interpreter)
    except ValueError as error:
        module.fail_json(msg=str(error))

    from copia.task.steps import Task, run_step

    how = {name: messages[name] for name in ("spool", "codec") if name in messages}
    result = run_step(step, Task(options, messages, modes, module.check_mode, module._diff, **how))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
