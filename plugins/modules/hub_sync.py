#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: hub_sync
short_description: Bring a tree on a host and a hub together
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - Brings O(path) and a hub together, in the direction that O(direction) says. Many hosts can do this with one hub
    at any time.
  - What both last agreed on is kept in an archive on the host. A change goes to the hub only where the hub still has
    what was agreed on. Where it has something else, both versions survive, the hub's under the name and the other one
    as C(NAME.conflict-HASH).
  - Deletes travel in both directions, on the same evidence. A host that was away neither brings back what was
    deleted nor loses what it changed. Without a trusted archive nothing is removed on either side.
  - A run that is killed, or whose link breaks, is finished by the next.
extends_documentation_fragment:
  - copia.sync.attributes
  - copia.sync.ssh
  - copia.sync.tree
options:
  path:
    description:
      - The tree, as an absolute path on the host.
    type: path
    required: true
  hub:
    description:
      - The hub, as C(HOST:ROOT) or C(USER@HOST:ROOT), reached by ssh from the host of the task; or the root of a hub
        on that very host.
      - What a key may do, and which root it sees, is decided on the hub's side.
    type: str
    required: true
  retries:
    description:
      - How often a link that fails is tried again.
    type: int
    default: 2
  direction:
    description:
      - With V(push) the hub gets what is new here and nothing here is changed, with V(pull) it is the other way
        round. V(both) does both.
    type: str
    choices: [push, pull, both]
    default: push
  conflict:
    description:
      - What becomes of a file or link that was changed here and on the hub.
      - With V(keep_both) the hub's version keeps the name, and the other survives as C(NAME.conflict-HASH).
      - With V(fail) nothing is touched and the task fails, in check mode too.
      - With the other policies the named version wins and the other one is gone. Left is O(path), right is the hub.
      - A directory against something that is none is always settled as with V(keep_both); the directory keeps the
        name.
    type: str
    choices: [keep_both, fail, prefer_left, prefer_right, newest, oldest, largest, smallest]
    default: keep_both
  max_conflicts:
    description:
      - The most conflict copies of one path. When there are as many, a path in conflict is left alone and is a
        problem.
    type: int
    default: 8
  max_delete:
    description:
      - The most entries that a run may remove from either side, as a count (V(20)) or a percentage of the entries
        of that side (V(50%)). When there would be more the task fails before anything is touched.
    type: str
    default: 50%
  force:
    description:
      - Override the brakes for this run, that is O(max_delete), and those for a tree that is missing, is empty while
        the hub is not (or the other way round), or is not the directory that it was, and for a hub that went back to
        an older revision.
    type: bool
    default: false
  durable:
    description:
      - Have everything on disk before the archive says so, and before the task says that it is done.
    type: bool
    default: true
  state_dir:
    description:
      - Where archives are kept. The default is C(/var/lib/copia) for root, else C(copia) in the user's state folder.
    type: path
requirements:
  - Python 3.9 or newer on the host.
  - The engine on the host, which the role P(copia.sync.engine#role) installs.
seealso:
  - module: copia.sync.hub_serve
  - module: copia.sync.bisync
notes:
  - While a run stages, there is a folder C(.copia) at the top of the tree. An entry of that name there is never
    carried.
"""

EXAMPLES = r"""
- name: Send what is new here to the hub
  copia.sync.hub_sync:
    path: /srv/share
    hub: copia@hub.example.com:/srv/hub
    ssh_key: /etc/copia/hub_key
    known_hosts: /etc/copia/hub_known_hosts

- name: Both ways, the later edit wins
  copia.sync.hub_sync:
    path: /srv/share
    hub: copia@hub.example.com:/srv/hub
    direction: both
    conflict: newest
"""

RETURN = r"""
changed:
  description: Whether anything but times is, or in check mode would be, different from before here or on the hub.
  returned: always
  type: bool
conflicts:
  description: The conflicts, sorted by path, at most O(report_limit) of them.
  returned: when the run got as far as a plan
  type: list
  elements: dict
  contains:
    path:
      description: The path in the trees.
      type: str
      returned: always
    kind:
      description:
        - V(edit) when both changed it, V(delete) when one removed it,
          V(kind) for a directory against a file or link.
      type: str
      returned: always
    winner:
      description: One of local and hub, the side whose version has the name now.
      type: str
      returned: always
    kept_as:
      description: The path of the other version; empty where there is none.
      type: str
      returned: always
conflict_count:
  description: How many conflicts there are.
  returned: when the run got as far as a plan
  type: int
changes:
  description: The changes of the local tree, then of the hub, sorted by path, at most O(report_limit) of each.
  returned: when the run got as far as a plan
  type: list
  elements: dict
  contains:
    side:
      description: One of local and hub.
      type: str
      returned: always
    path:
      description: The path in the tree; what does not print is escaped.
      type: str
      returned: always
    change:
      description: One of make, update, move and remove.
      type: str
      returned: always
    reason:
      description: One of absent, kind, content, target, mode, renamed and extra.
      type: str
      returned: always
    moved_from:
      description: The path that the file had before.
      type: str
      returned: when change is move
    size_before:
      description: Size of the file before.
      type: int
      returned: always
    size_after:
      description: Size of the file after.
      type: int
      returned: always
changes_total:
  description: How many changes there are on both sides together.
  returned: when the run got as far as a plan
  type: int
truncated:
  description:
    - Whether a list in this result was cut at O(report_limit), or, in a run without a base, after the first 65536
      changes of a side.
  returned: when the run got as far as a plan
  type: bool
problems:
  description: Paths that were left alone, and why. With any of them the task fails, after all else is done.
  returned: when the run got as far as a plan
  type: list
  elements: dict
notes:
  description: Things to know about the run as a whole.
  returned: when the run got as far as a plan
  type: list
  elements: str
stats:
  description:
    - Counts of both sides together, and seconds by phase.
    - C(sent) are the files and links whose content the hub took, C(received) those whose content came here, and
      C(unchanged) the local ones whose content stayed. Directories, removals, and what only got another time or other
      permissions are in neither of the first two.
  returned: when the run got as far as a plan
  type: dict
base:
  description: V(trusted), V(old) when the newest archive was damaged and the one before was read, or V(none).
  returned: when the run got as far as a plan
  type: str
hub_id:
  description: Who the hub is, in hex.
  returned: when the run got as far as a plan
  type: str
revision:
  description: The revision of the hub that this tree was told up to.
  returned: when the run got as far as a plan
  type: int
brakes:
  description: The brake that stopped the run.
  returned: when the run was stopped by one
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import HUB_SYNC_OPTIONS


def main() -> None:
    """What Ansible runs is the action plugin of the same name, which has the host run ``engine_step``."""
    module = AnsibleModule(argument_spec=HUB_SYNC_OPTIONS, supports_check_mode=True)
    module.fail_json(msg="copia.sync.hub_sync needs its action plugin, and this run has gone past it")


if __name__ == "__main__":
    main()
