#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mirror
short_description: Make a file tree on a host equal to another tree
version_added: 0.3.0
author:
  - The copia.sync authors (@copia-sync)
description:
  - Makes O(dest) equal to O(src), a directory tree or one file, over the connection that the play already has,
    so become, jump hosts and every connection plugin work as for any other task.
  - O(dest) B(is) the mirror. There is no rule about trailing slashes, and a file as O(src) makes a file.
  - A changed tree takes two executions of this module on the host, an unchanged one takes one, however many files
    there are. Large changed files travel as a delta.
  - A file is staged, checked against its BLAKE3 digest and put in place in one step. A reader sees the old file or the
    new one, and a run that is killed is finished by the next run.
  - Files, directories (empty ones too) and symbolic links are mirrored, with permissions and with times in nanoseconds.
    Sockets, pipes and devices are skipped and counted. The set-user-ID, set-group-ID and sticky bits of the source are
    not taken over; O(mode) and O(directory_mode) can set them.
  - Names that are one name in O(dest), where its file system ignores case or how Unicode is composed, are left alone
    and are problems of the run.
  - What changed is decided by content. Where size and time are the same nobody looks (see O(compare)); where the
    size is the same and the time is not, the digests are compared. A time that alone is different is put right and
    counted as touched, and is never a change.
extends_documentation_fragment:
  - copia.sync.attributes
  - copia.sync.backup
  - copia.sync.tree
  - copia.sync.content
options:
  src:
    description:
      - The tree or file to mirror. With O(direction=push) it is on the controller, and a relative path is looked for
        where M(ansible.builtin.copy) looks. Otherwise it is on the host.
    type: path
    required: true
  dest:
    description:
      - What is made equal to O(src). Missing parent directories are made.
      - With O(direction=pull) it is on the controller, and a relative path is taken from the folder of the playbook.
    type: path
    required: true
  direction:
    description:
      - V(push) mirrors from the controller to the host, V(pull) from the host to the controller.
    type: str
    choices: [push, pull]
    default: push
  remote_src:
    description:
      - Both O(src) and O(dest) are on the host, and O(direction) does not matter.
    type: bool
    default: false
  compare:
    description:
      - With V(quick), files of the same size and modification time (in nanoseconds) are taken to be the same.
      - With V(checksum), files of the same size are compared by BLAKE3, whatever their times.
    type: str
    choices: [quick, checksum]
    default: quick
  delete:
    description:
      - Remove what O(dest) has and O(src) does not. What is excluded is never removed.
      - Removals come last, and only when nothing went wrong before them.
      - Also allows a directory with content to make way for a file or a link.
    type: bool
    default: false
  max_delete:
    description:
      - The most entries that a run may remove, as a count (V(20)) or a percentage of the entries of O(dest) (V(50%)).
      - When there would be more, or when O(src) is empty and O(dest) is not, the task fails before anything is touched.
    type: str
    default: 50%
  force:
    description:
      - Override the brakes for this run, that is O(max_delete), the one for an empty source, and the one that
        holds removals back when part of O(src) cannot be read.
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
      - V(hard_links) makes one file of the names that are one file in O(src), and parts names that are not. A name that
        is excluded, or outside the tree, does not count.
    type: list
    elements: str
    choices: [owner, group, acls, xattrs, hard_links]
    default: []
  owner:
    description:
      - The account, by name or number, that everything in O(dest) is to belong to. Usually needs become. It wins over
        V(owner) in O(preserve).
    type: str
  group:
    description:
      - The group, by name or number, that everything in O(dest) is to belong to. It wins over V(group) in O(preserve).
    type: str
  mode:
    description:
      - The permissions of every file in O(dest), as octal digits in quotes or in symbolic form
        (V(u=rw,go=r), V(go-w)), which is applied to the permissions in O(src).
      - Without it, or as V(preserve), files get the permissions that they have in O(src).
    type: raw
  directory_mode:
    description:
      - The same for every directory in O(dest).
    type: raw
  compress:
    description:
      - How content is compressed on its way. V(auto) takes zstd where both sides have it, else zlib; what does not
        shrink is sent as it is.
      - Over ssh, 16 MiB and more at once go through a connection of their own that does not compress again, with the
        play's arguments, key and host key rules; where that would need to ask somebody, they go the ordinary way.
    type: str
    choices: [auto, zstd, zlib, none]
    default: auto
  durable:
    description:
      - Have everything on disk before the task says that it is done.
    type: bool
    default: true
requirements:
  - Python 3.9 or newer on the host.
  - The engine on the host, which the role P(copia.sync.engine#role) installs.
  - The Python libraries blake3 (1.0 or newer), cbor2 (5.9 or newer) and pathspec (0.12 or newer) on the controller.
seealso:
  - module: ansible.builtin.copy
  - module: ansible.posix.synchronize
notes:
  - While a run stages, there is a folder C(.copia) at the top of O(dest), or beside it when it is a file. It is gone
    when the run is done. What a killed run left there is removed by the next one. An entry of that name at the top of
    a tree is never mirrored.
  - The engine is found without any setting. An interpreter that can import it is used as it is, else C(/opt/copia),
    else C(~/.local/share/copia) of the user that the task runs as.
"""

EXAMPLES = r"""
- name: Deploy a site, and remove what is no longer part of it
  copia.sync.mirror:
    src: site/
    dest: /srv/www/site
    delete: true
    owner: www-data
    group: www-data
    mode: u=rw,go=r
    directory_mode: u=rwx,go=rx
  become: true

- name: Keep what is replaced or removed, by date
  copia.sync.mirror:
    src: site/
    dest: /srv/www/site
    delete: true
    backup_dir: "/srv/www/old/{{ now(fmt='%Y-%m-%d') }}"
  become: true

- name: See what has drifted, file by file, without touching anything
  copia.sync.mirror:
    src: site/
    dest: /srv/www/site
    delete: true
    compare: checksum
  check_mode: true
  diff: true
  register: drift

- name: Deploy a project without what its developers need, and never touch uploads
  copia.sync.mirror:
    src: project
    dest: /opt/project
    delete: true
    max_delete: 20
    exclude:
      - .git/
      - "*.pyc"
      - /uploads/

- name: A tree of homes, with owners and ACLs
  copia.sync.mirror:
    src: /srv/homes
    dest: /srv/homes
    preserve: [owner, group, acls, xattrs]
  become: true

- name: Fetch the logs of every host
  copia.sync.mirror:
    direction: pull
    src: /var/log/app
    dest: "/backup/{{ inventory_hostname }}/app"

- name: Keep a copy on the host itself
  copia.sync.mirror:
    remote_src: true
    src: /srv/data
    dest: /mnt/backup/data
    delete: true

- name: One file, sent as a delta when it is large and was there before
  copia.sync.mirror:
    src: images/base.img
    dest: /var/lib/images/base.img
"""

RETURN = r"""
changed:
  description: Whether anything but times is, or in check mode would be, different from before.
  returned: always
  type: bool
stats:
  description: What was done, in entries and bytes.
  returned: when the run got as far as a plan
  type: dict
  contains:
    scanned:
      description: Entries in the source, its top included.
      type: int
      returned: always
    made:
      description: Entries that were not there before.
      type: int
      returned: always
    updated:
      description: Entries whose content, kind, permissions, owner or attributes changed.
      type: int
      returned: always
    touched:
      description: Entries of which only the time was put right.
      type: int
      returned: always
    removed:
      description: Entries that were removed.
      type: int
      returned: always
    kept:
      description: Entries that only the destination has and that stayed.
      type: int
      returned: always
    skipped:
      description: Sockets, pipes and devices.
      type: int
      returned: always
    bytes_total:
      description: Size of all files of the source.
      type: int
      returned: always
    bytes_literal:
      description: Content that was sent, before compression.
      type: int
      returned: always
    bytes_matched:
      description: Content that was taken from the destination's own version.
      type: int
      returned: always
    bytes_sent:
      description: What went over the connection, after compression.
      type: int
      returned: always
    seconds:
      description: Seconds by phase.
      type: dict
      returned: always
    engine:
      description: Which engine ran.
      type: str
      returned: always
      sample: python
changes:
  description: The changes, sorted by path, at most O(report_limit) of them.
  returned: when the run got as far as a plan
  type: list
  elements: dict
  contains:
    path:
      description: The path in the tree; what does not print is escaped.
      type: str
      returned: always
    change:
      description: One of make, update and remove.
      type: str
      returned: always
    reason:
      description: One of absent, kind, size, content, target, mode, owner, attributes, linked and extra.
      type: str
      returned: always
    size_before:
      description: Size of the file before.
      type: int
      returned: always
    size_after:
      description: Size of the file after.
      type: int
      returned: always
changes_total:
  description: How many changes there are.
  returned: when the run got as far as a plan
  type: int
truncated:
  description: Whether a list in this result was cut at O(report_limit).
  returned: when the run got as far as a plan
  type: bool
problems:
  description: Paths that could not be mirrored, and why. With any of them the task fails, after all else is done.
  returned: when the run got as far as a plan
  type: list
  elements: dict
  contains:
    path:
      description: The path in the tree.
      type: str
      returned: always
    problem:
      description: What is wrong with it.
      type: str
      returned: always
notes:
  description: Things to know about the run as a whole, for instance that removals were held back.
  returned: when the run got as far as a plan
  type: list
  elements: str
tree:
  description: The BLAKE3 of the source's listing. Equal on hosts that got the same tree.
  returned: when the run got as far as a plan
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.copia.sync.plugins.module_utils._ansible import MIRROR_OPTIONS


def main() -> None:
    """What Ansible runs is the action plugin of the same name, which has the host run ``engine_step``."""
    module = AnsibleModule(argument_spec=MIRROR_OPTIONS, supports_check_mode=True)
    module.fail_json(msg="copia.sync.mirror needs its action plugin, and this run has gone past it")


if __name__ == "__main__":
    main()
