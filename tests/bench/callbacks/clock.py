# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each task took, on the controller's clock, as JSON in the file that the variable COPIA_CLOCK names."""

from __future__ import annotations

DOCUMENTATION = r"""
name: clock
type: aggregate
short_description: Seconds by task, for the benchmarks
description:
  - Writes the seconds from the start of each task to the end of its last host.
"""

import json
import os
import time
from typing import Any, Dict

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Takes the time from the start of a task to its last result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "clock"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._began: Dict[str, float] = {}
        self._took: Dict[str, float] = {}

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins."""
        self._began[task.get_name()] = time.perf_counter()

    def v2_runner_on_ok(self, result: Any) -> None:
        """A host is done with it."""
        name = result._task.get_name()
        self._took[name] = time.perf_counter() - self._began[name]

    def v2_playbook_on_stats(self, _stats: Any) -> None:
        """All is done."""
        with open(os.environ["COPIA_CLOCK"], "w") as stream:
            json.dump(self._took, stream)
