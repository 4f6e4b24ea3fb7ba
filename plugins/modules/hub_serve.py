#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: hub_serve
short_description: Provision a hub for many clients on a host
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - Has a hub at O(root), and exactly the O(clients) in the file O(authorized_keys). The role P(copia.sync.hub#role)
    does this for a
    whole fleet.
  - A hub is a plain directory that anyone with the right to it can read. Its index is in C(.copia) below it. Clients
    push to it and pull
    from it with M(copia.sync.hub_sync) or C(copia hub-sync). No update is ever lost, because what a client did not
    know of it does
    not overwrite.
  - Every key can do one thing, which the line in O(authorized_keys) says and the client has no word in. Lines of
    other hubs, and
    of other people, stay as they are.
  - A hub belongs to the owner of its root. The module, as root, becomes that owner before it opens the hub.
extends_documentation_fragment:
  - copia.sync.attributes
options:
  root:
    description:
      - The hub's tree, as an absolute path on the host. It is made when it is missing.
    type: path
    required: true
  state:
    description:
      - With V(absent) no client can use the hub any more. What it holds stays, also its index; remove O(root) with
        M(ansible.builtin.file) to be rid of that.
    type: str
    choices: [present, absent]
    default: present
  clients:
    description:
      - Who may use the hub. A client that is left out loses its line.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the hub calls the client, in letters, digits, dots, dashes and underscores.
        type: str
        required: true
      public_key:
        description: Its public key, as in a C(.pub) file.
        type: str
        required: true
      rights:
        description:
          - What it may do. V(read) what is there, V(add) what is not, V(write) over what is, and V(delete).
        type: list
        elements: str
        choices: [read, add, write, delete]
        default: [read, add, write, delete]
      prefix:
        description: The directory of the hub that it sees, with all in it; empty for the whole hub.
        type: str
        default: ""
      quota:
        description: How many bytes there may be below its prefix; V(0) is no limit. The default is that of O(quota).
        type: int
        default: 0
  authorized_keys:
    description:
      - The file that sshd reads the clients' keys from. Its folder has to be there.
      - A file that is new belongs to the owner of its folder, and nobody else can read it.
    type: path
  command:
    description:
      - The C(copia) command that sshd starts for a client. The default is that of the engine that runs the module.
    type: path
  max_conflicts:
    description:
      - The most conflict copies of one path that the hub keeps.
    type: int
    default: 8
  tombstone_days:
    description:
      - How long the hub remembers what was removed, in days. A client that was away for longer gets the whole listing.
    type: int
    default: 30
  keep_versions:
    description:
      - How many replaced and removed versions of each file the hub keeps for its operator, as
        C(.copia/hub/versions/WHEN/PATH) below O(root), where no client gets to. To bring one back, copy it over the
        file.
      - With V(0) nothing more is kept. What was kept before goes when O(keep_days) are over.
    type: int
    default: 0
  keep_days:
    description:
      - For how many days they are kept.
    type: int
    default: 30
  keep_bytes:
    description:
      - How many bytes they may have altogether, V(0) for no limit. The oldest go first. They count for no quota.
    type: int
    default: 0
  quota:
    description:
      - How many bytes there may be below the prefix of a client that has no quota of its own; V(0) is no limit.
    type: int
    default: 0
  scrub:
    description:
      - Read every file and compare it with the index. What was changed by other hands becomes a revision.
    type: bool
    default: false
requirements:
  - Python 3.9 or newer on the host.
  - The engine on the host, which the role P(copia.sync.engine#role) installs.
seealso:
  - module: copia.sync.hub_info
  - module: copia.sync.hub_sync
"""

EXAMPLES = r"""
- name: A hub with two clients, one of which can only look
  copia.sync.hub_serve:
    root: /srv/hub
    authorized_keys: /var/lib/copia-hub/.ssh/authorized_keys
    clients:
      - name: office
        public_key: "{{ lookup('ansible.builtin.file', 'keys/office.pub') }}"
      - name: display
        public_key: "{{ lookup('ansible.builtin.file', 'keys/display.pub') }}"
        rights: [read]
        prefix: slides

- name: A hub that keeps what its clients replace and remove, for a quarter of a year
  copia.sync.hub_serve:
    root: /srv/hub
    authorized_keys: /var/lib/copia-hub/.ssh/authorized_keys
    clients: "{{ hub_clients }}"
    keep_versions: 10
    keep_days: 90
    keep_bytes: 50000000000

- name: Nobody can use it any more, and all that it holds stays
  copia.sync.hub_serve:
    root: /srv/hub
    authorized_keys: /var/lib/copia-hub/.ssh/authorized_keys
    state: absent
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
noticed:
  description: How many changes of the tree by other hands became part of the index, with O(scrub).
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import HUB_SERVE_OPTIONS


def main() -> None:
    """What Ansible runs is the action plugin of the same name, which has the host run ``engine_step``."""
    module = AnsibleModule(argument_spec=HUB_SERVE_OPTIONS, supports_check_mode=True)
    module.fail_json(msg="copia.sync.hub_serve needs its action plugin, and this run has gone past it")


if __name__ == "__main__":
    main()
