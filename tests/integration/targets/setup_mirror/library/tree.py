#!/usr/bin/python
# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tree
short_description: Make a small file tree for a test and say what stands there
description: For tests only. Names may hold escapes such as \n and \xff.
options:
  path: {description: The tree., type: path, required: true}
  fresh: {description: Remove it first., type: bool, default: false}
  remove: {description: Names in it to remove., type: list, elements: str, default: []}
  grow:
    description:
      - C(name=content) and C(name=content:mode) make files, C(name/) and C(name/:mode) directories,
        C(name->target) links.
    type: list
    elements: str
    default: []
  time: {description: "The modification time of everything in it, in nanoseconds.", type: str}
"""

EXAMPLES = r"""
- name: Two files and a link
  tree:
    path: /tmp/here
    grow: [a=text, "sub/b=secret:600", link->a]
"""

RETURN = r"""
found: {description: "Per name its kind, content, mode and time.", type: dict, returned: always}
plain: {description: "Per name its content, C(->) and a link's target, or a slash.", type: dict, returned: always}
modes: {description: "Per name its mode.", type: dict, returned: always}
owners: {description: "Per name its owner and group.", type: dict, returned: always}
"""

import grp
import hashlib
import os
import pwd
import shutil
import stat

from ansible.module_utils.basic import AnsibleModule


def raw(name):
    """The bytes of a name with escapes."""
    return name.encode("utf-8").decode("unicode_escape").encode("latin-1")


def grow(root, word):
    """Make what one word describes, in place of what was there."""
    if "->" in word:
        name, target = word.split("->")
        path = os.path.join(root, raw(name))
        clear(path)
        os.symlink(raw(target), path)
        return
    word, _colon, mode = word.partition(":")
    name, equals, content = word.partition("=")
    path = os.path.join(root, raw(name.rstrip("/")))
    os.makedirs(path if not equals else os.path.dirname(path), exist_ok=True)
    if equals:
        clear(path)
        with open(path, "wb") as stream:
            stream.write(content.encode())
    os.chmod(path, int(mode, 8) if mode else 0o644 if equals else 0o755)


def clear(path):
    """Remove whatever stands there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def entries(root):
    """Everything below the root, deepest first."""
    for directory, directories, files in os.walk(root, topdown=False):
        for name in directories + files:
            yield os.path.join(directory, name)


def describe(path, result, name):
    """Put one entry into the result."""
    found = os.lstat(path)
    kind, plain, digest = "other", "?", ""
    if stat.S_ISDIR(found.st_mode):
        kind, plain = "directory", "/"
    elif stat.S_ISLNK(found.st_mode):
        kind, plain = "link", "->" + os.readlink(path).decode("utf-8", "backslashreplace")
    elif stat.S_ISREG(found.st_mode):
        kind, plain, digest = "file", *content(path, found.st_size)
    mode = oct(stat.S_IMODE(found.st_mode))[2:]
    result["plain"][name], result["modes"][name] = plain, mode
    result["found"][name] = [kind, plain, digest, mode, "" if kind == "directory" else str(found.st_mtime_ns)]
    result["owners"][name] = pwd.getpwuid(found.st_uid).pw_name + ":" + grp.getgrgid(found.st_gid).gr_name


def content(path, size):
    """The text of a small file, and the digest of any."""
    if not os.access(path, os.R_OK):
        return "unreadable", ""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        first = stream.read(1000)
        digest.update(first)
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return (first.decode("utf-8", "backslashreplace") if size <= 1000 else f"{size} bytes"), digest.hexdigest()


def main():
    """Change the tree as wished, and say what stands there."""
    options = {
        "path": {"type": "path", "required": True},
        "fresh": {"type": "bool", "default": False},
        "remove": {"type": "list", "elements": "str", "default": []},
        "grow": {"type": "list", "elements": "str", "default": []},
        "time": {"type": "str"},
    }
    module = AnsibleModule(argument_spec=options)
    root = os.fsencode(module.params["path"])
    if module.params["fresh"]:
        clear(root)
        os.makedirs(root)
    for name in module.params["remove"]:
        clear(os.path.join(root, raw(name)))
    for word in module.params["grow"]:
        grow(root, word)
    if module.params["time"]:
        when = int(module.params["time"])
        for path in entries(root):
            os.utime(path, ns=(when, when), follow_symlinks=False)
    result = {"found": {}, "plain": {}, "modes": {}, "owners": {}}
    for path in entries(root):
        describe(path, result, os.path.relpath(path, root).decode("utf-8", "backslashreplace"))
    module.exit_json(changed=False, exists=os.path.lexists(root), **result)


if __name__ == "__main__":
    main()
