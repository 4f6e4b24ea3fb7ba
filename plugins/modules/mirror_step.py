#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mirror_step
short_description: One side of a mirror, for the action plugin of copia.sync.mirror
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - The action plugin of M(copia.sync.mirror) runs this module on the host, once or twice in a task. It is not for
    playbooks; the options are messages in a format of their own.
  - Every step can be run twice. Nothing is kept on the host between two of them but what stands in the task's temporary
    folder.
extends_documentation_fragment:
  - copia.sync.attributes
options:
  options:
    description: The options of the M(copia.sync.mirror) or M(copia.sync.bisync) task, checked and complete.
    type: dict
    required: true
  step:
    description:
      - What to do. Plan against a listing, apply a parcel, list a source, build a parcel, or all at once.
      - V(bisync) is a whole two-way sync, for the action plugin of M(copia.sync.bisync).
    type: str
    choices: [consider, finish, offer, answer, mirror, bisync]
    required: true
  engine:
    description: The build of the engine that the collection was made with.
    type: str
  engine_folder:
    description: The collection's own engine, where the host is the controller itself.
    type: path
  spool:
    description: A folder on the host for large answers.
    type: path
  codec:
    description: How to compress a parcel.
    type: str
    default: zlib
  listing:
    description: What the source holds, in base64.
    type: str
  listing_file:
    description: The same as a file on the host.
    type: path
  wants:
    description: What the destination wants of it, in base64.
    type: str
  wants_file:
    description: The same as a file on the host.
    type: path
  plan:
    description: The plan that the step before made, in base64.
    type: str
  plan_file:
    description: The same as a file on the host.
    type: path
  parcel:
    description: The contents, in base64.
    type: str
  parcel_file:
    description: The same as a file on the host.
    type: path
seealso:
  - module: copia.sync.mirror
"""

EXAMPLES = r"""
- name: Use the module that this one serves
  copia.sync.mirror:
    src: site
    dest: /srv/www/site
"""

RETURN = r"""
wants:
  description: What the destination wants, inside the result or as the name of a file on the host.
  returned: when there is something that it wants
  type: dict
plan:
  description: The plan, for the next step.
  returned: when there is something that the destination wants
  type: dict
listing:
  description: What the source holds.
  returned: for the step that lists
  type: dict
parcel:
  description: The contents.
  returned: for the step that builds a parcel
  type: dict
codecs:
  description: The codecs that the host has, best first.
  returned: when a parcel is to follow
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import run_on_host

MESSAGES = ("listing", "wants", "plan", "parcel")


def main() -> None:
    """Run one step."""
    messages = {name: {"type": "str", "no_log": True} for name in MESSAGES}
    files = {f"{name}_file": {"type": "path"} for name in MESSAGES}
    steps = ["consider", "finish", "offer", "answer", "mirror", "bisync"]
    module = AnsibleModule(
        argument_spec={
            "options": {"type": "dict", "required": True},
            "step": {"type": "str", "choices": steps, "required": True},
            "engine": {"type": "str"},
            "engine_folder": {"type": "path"},
            "spool": {"type": "path"},
            "codec": {"type": "str", "default": "zlib"},
            **messages,
            **files,
        },
        supports_check_mode=True,
    )
    run_on_host(module, module.params["step"], module.params["options"])


if __name__ == "__main__":
    main()
