# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What is kept beside content, permissions and times."""

    DOCUMENTATION = r"""
options:
  preserve:
    description:
      - What is kept of each entry beside its content, permissions and time, which always are.
      - V(owner) and V(group) keep whose it is, by name; where the other host has no account of that name, by number.
        Setting owners needs root. Without it, each entry whose owner could not be set is a problem; all else is done.
      - V(acls) keeps POSIX ACLs of files and directories, with the accounts in them by name. V(xattrs) keeps extended
        attributes whose names begin with C(user.), and capabilities. Where the file system cannot hold them, that is a
        problem of the path.
    type: list
    elements: str
    choices: [owner, group, acls, xattrs]
    default: []
"""
