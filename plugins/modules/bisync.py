#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bisync
short_description: Bring two file trees on one or two hosts together, both ways
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - Brings O(left) and O(right) together. What was made, changed or removed on one side since the last run is carried
    to the other. Swapping the two changes nothing.
  - What both sides last agreed on is kept in an archive. Content is compared by BLAKE3. A file that has the size and
    the time that the archive has is not read again.
  - A removal needs evidence, namely an archive that is whole and belongs to these very roots, and a survivor
    that is as it was last agreed on. Without a trusted archive both trees are brought together and nothing is removed.
  - When both sides changed a file, both versions survive on both sides (see O(conflict)). An edit wins over a delete,
    whatever the policy. Equal edits are no conflict.
  - A file that one side renamed is moved on the other, where it is clear which one it was; nothing is carried then.
  - Files, directories (empty ones too) and symbolic links are carried, with permissions and with times in nanoseconds.
    Sockets, pipes and devices are left alone. Owners are carried with O(preserve) only, and the permissions of the two
    tops are not.
  - Names that are one name on a side whose file system ignores case or how Unicode is composed are left alone on both
    sides and are problems of the run.
  - A run that is killed is finished by the next. An edit made during the run is never lost; the path becomes
    a problem and the next run takes it up.
extends_documentation_fragment:
  - copia.sync.attributes
  - copia.sync.backup
  - copia.sync.content
  - copia.sync.ssh
  - copia.sync.tree
options:
  left:
    description:
      - One tree, as an absolute path on the host.
    type: path
    required: true
  right:
    description:
      - The other tree, as an absolute path on the same host; or as C(HOST:PATH) or C(USER@HOST:PATH) on another one,
        which ssh reaches from the host of the task. The engine has to be on both, and the archive is kept where
        O(left) is.
    type: path
    required: true
  conflict:
    description:
      - What becomes of a file or link that both sides changed.
      - With V(keep_both) the version with the greater BLAKE3 keeps the name, and the other survives on both sides as
        C(NAME.conflict-HOST-HASH).
      - With V(fail) nothing is touched and the task fails, in check mode too.
      - With the other policies the named version wins and the other one is gone.
      - A directory against something that is none is always settled as with V(keep_both); the directory keeps the name.
    type: str
    choices: [keep_both, fail, prefer_left, prefer_right, newest, oldest, largest, smallest]
    default: keep_both
  max_conflicts:
    description:
      - The most conflict copies of one path. When there are as many, a path in conflict is left alone and is a problem.
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
      - Override the brakes for this run, that is O(max_delete), and those for a root that is missing, is empty
        while the other is not, or is not the directory that it was.
    type: bool
    default: false
  preserve:
    description:
      - What is kept of each entry beside its content, permissions and time, which always are.
      - V(owner) and V(group) keep whose it is, by name; where the other host has no account of that name, by number.
        Setting owners needs root. Without it, each entry whose owner could not be set is a problem; all else is done.
      - V(acls) keeps POSIX ACLs of files and directories, with the accounts in them by name. V(xattrs) keeps extended
        attributes whose names begin with C(user.), and capabilities. Where the file system cannot hold them, that is a
        problem of the path.
      - V(hard_links) makes one file on both sides of the names that are one file on either side, where their content
        and attributes are equal. A link that was taken apart on one side without an edit comes back. A name that is
        excluded, or outside the trees, does not count.
    type: list
    elements: str
    choices: [owner, group, acls, xattrs, hard_links]
    default: []
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
  - module: copia.sync.mirror
notes:
  - While a run stages, there is a folder C(.copia) at the top of both trees. An entry of that name there is never
    carried.
  - Do not synchronise the same pair with different O(exclude) from task to task. What becomes excluded is
    forgotten, and a deletion made meanwhile is not known. A folder that was O(backup_dir) once and is no more is
    carried like any other.
  - An absolute O(backup_dir) has a folder C(left) and one C(right) in it, the latter on the host of O(right).
"""

EXAMPLES = r"""
- name: Two trees on a host, both ways
  copia.sync.bisync:
    left: /srv/share
    right: /mnt/disk/share

- name: See what would be done, touching nothing
  copia.sync.bisync:
    left: /srv/share
    right: /mnt/disk/share
  check_mode: true
  diff: true

- name: A tree on this host and one on another
  copia.sync.bisync:
    left: /srv/share
    right: copia@files.example.org:/srv/share
    ssh_key: /etc/copia/key
    known_hosts: /etc/copia/known_hosts

- name: The later edit wins, caches are left out, and no more than ten entries go
  copia.sync.bisync:
    left: /srv/share
    right: /mnt/disk/share
    conflict: newest
    exclude: [".cache/", "*.tmp"]
    max_delete: 10

- name: What is replaced or removed is kept in a folder of each tree, which is not carried
  copia.sync.bisync:
    left: /srv/share
    right: /mnt/disk/share
    backup_dir: .old
"""

RETURN = r"""
changed:
  description: Whether anything but times is, or in check mode would be, different from before on either side.
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
      description: The side whose version has the name now.
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
  description: The changes of the left side, then of the right one, sorted by path, at most O(report_limit) of each.
  returned: when the run got as far as a plan
  type: list
  elements: dict
  contains:
    side:
      description: One of left and right.
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
      description: One of absent, kind, content, target, mode, owner, attributes, linked, renamed and extra.
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
  description: Counts of both sides together, and seconds by phase.
  returned: when the run got as far as a plan
  type: dict
base:
  description: V(trusted), V(old) when the newest archive was damaged and the one before was read, or V(none).
  returned: when the run got as far as a plan
  type: str
epoch:
  description: How often something new was recorded for this pair.
  returned: when the run got as far as a plan
  type: int
brakes:
  description: The brake that stopped the run.
  returned: when the run was stopped by one
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import BISYNC_OPTIONS


def main() -> None:
    """What Ansible runs is the action plugin of the same name, which has the host run ``engine_step``."""
    module = AnsibleModule(argument_spec=BISYNC_OPTIONS, supports_check_mode=True)
    module.fail_json(msg="copia.sync.bisync needs its action plugin, and this run has gone past it")


if __name__ == "__main__":
    main()
