# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#!/usr/bin/python

from __future__ import annotations

DOCUMENTATION = r"""
PLACEHOLDER
"""

EXAMPLES = r"""
"""

RETURN = r"""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import MIRROR_OPTIONS
from ansible_collections.copia.sync.plugins.module_utils._steps import INTERNAL_OPTIONS, run_step


def main() -> None:
    """Run the step that the action plugin asks for, or, without one, the whole mirror on this host."""
    module = AnsibleModule(argument_spec={**MIRROR_OPTIONS, **INTERNAL_OPTIONS}, supports_check_mode=True)
    result = run_step(module.params, check=module.check_mode, diff=module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
