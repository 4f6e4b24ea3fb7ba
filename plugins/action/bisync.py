# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of ``copia.sync.bisync``: one module execution, by the engine that is found on the host."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase

from ..module_utils._ansible import BISYNC_OPTIONS
from ..plugin_utils.whole import whole_step


class ActionModule(ActionBase):
    """Brings two trees of the host together."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The result of the task, with one warning when there were conflicts."""
        super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(BISYNC_OPTIONS)
        paths = ("left", "right", "state_dir", "ssh_key", "known_hosts")
        return whole_step(self, "bisync", options, task_vars or {}, paths)
