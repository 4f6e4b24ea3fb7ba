#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info
short_description: What a hub says of itself
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - Reads who a hub is, what it holds, and how far each of its clients is.
  - A hub belongs to the owner of its root. The module, as root, becomes that owner before it opens the hub.
extends_documentation_fragment:
  - copia.sync.attributes
options:
  root:
    description:
      - The hub's tree, as an absolute path on the host.
    type: path
    required: true
  authorized_keys:
    description:
      - The file of the clients' keys. With it, clients that were never there are listed too, and the public keys of
        all.
    type: path
requirements:
  - Python 3.9 or newer on the host.
  - The engine on the host, which the role P(copia.sync.engine#role) installs.
seealso:
  - module: copia.sync.hub_serve
"""

EXAMPLES = r"""
- name: Look at the hub
  copia.sync.hub_info:
    root: /srv/hub
  register: hub

- name: Expect that everybody is up to date
  ansible.builtin.assert:
    that: hub.clients | selectattr('lag', '>', 0) | list == []
"""

RETURN = r"""
hub_id:
  description: Who the hub is, in hex. It is new when the hub's index had to be made anew. Empty where check mode
    would make the hub.
  returned: success
  type: str
revision:
  description: The number of the hub's last revision.
  returned: success
  type: int
files:
  description: How many files the hub holds.
  returned: success
  type: int
bytes:
  description: How many bytes they have.
  returned: success
  type: int
conflicts:
  description: How many of them are conflict copies.
  returned: success
  type: int
versions:
  description: How many replaced and removed versions of files the hub keeps.
  returned: success
  type: int
version_bytes:
  description: How many bytes they have.
  returned: success
  type: int
clients:
  description: The clients, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name that the hub's side gave to the client.
      type: str
      returned: always
    revision:
      description: The revision up to which the client said that it has everything, V(0) before it did.
      type: int
      returned: always
    lag:
      description: How many revisions came after that.
      type: int
      returned: always
    last_seen:
      description: When it said so, in seconds since the epoch.
      type: int
      returned: always
    public_key:
      description: The client's public key; empty where O(authorized_keys) does not say.
      type: str
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import HUB_INFO_OPTIONS


def main() -> None:
    """What Ansible runs is the action plugin of the same name, which has the host run ``engine_step``."""
    module = AnsibleModule(argument_spec=HUB_INFO_OPTIONS, supports_check_mode=True)
    module.fail_json(msg="copia.sync.hub_info needs its action plugin, and this run has gone past it")


if __name__ == "__main__":
    main()
