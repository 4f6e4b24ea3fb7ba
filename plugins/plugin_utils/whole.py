# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that is one step on the host, whole in itself."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from ansible.plugins.action import ActionBase

from .courier import Courier, StepFailed


def whole_step(
    action: ActionBase, step: str, options: Dict[str, Any], task_vars: Dict[str, Any], paths: Tuple[str, ...]
) -> Dict[str, Any]:
    """The result of the step, with one warning when there were conflicts; ``paths`` are the options that are paths."""
    courier = Courier(action, options, task_vars, paths)
    try:
        result = courier.step(step, {})
    except StepFailed as error:
        result = {"changed": False, **error.step_result}
    finally:
        courier.close()
        action._remove_tmp_path(action._connection._shell.tmpdir)
    if result.get("conflict_count"):
        found = f"{result['conflict_count']} conflict(s); see conflicts in the result"
        result.setdefault("warnings", []).append(found)
    return result
