# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options ``mode`` and ``directory_mode`` mean what they mean to Ansible's own modules."""

from __future__ import annotations

import os
import stat
from typing import Any

import pytest
from copia.core.entries import Kind
from copia.core.errors import InputError
from copia.task.modes import modes_of, symbolic
from copia.task.options import source_spec

OPTIONS = {"src": "/s", "dest": "/d", "compare": "quick", "exclude": [], "include": [], "preserve": []}
SYMBOLS = [
    *("u=rwX,go=rX", "u=rw,g=r,o=", "go-w", "a+x", "+x", "+w", "=rw", "-x", "ug+s", "o+t", "+t", "u+s,g-s", "a-st"),
    *("g=u", "o=g-w", "u=o+x", "ugo=u", "g+X", "a=r+X-w", "u=rw-x+X,g=r-x+X,o=r-x+X", "u", "", "u=r,", "uu+x", "a="),
]


@pytest.mark.parametrize(
    ("mode", "directory_mode", "kind", "found", "wanted"),
    [
        ("0640", None, Kind.FILE, 0o777, 0o640),
        ("0640", None, Kind.DIRECTORY, 0o755, 0o755),
        (0o600, "2775", Kind.DIRECTORY, 0o700, 0o2775),
        ("u=rwX,go=rX", "u=rwX,go=rX", Kind.FILE, 0o600, 0o644),
        ("u=rwX,go=rX", "u=rwX,go=rX", Kind.FILE, 0o700, 0o755),
        (None, "u=rwX,go=rX", Kind.DIRECTORY, 0o600, 0o755),
        ("go-w", "preserve", Kind.FILE, 0o666, 0o644),
        ("0640", "0750", Kind.LINK, 0o777, 0o777),
    ],
)
def test_modes_are_forced_by_kind(mode: Any, directory_mode: Any, kind: Kind, found: int, wanted: int) -> None:
    modes = modes_of({"mode": mode, "directory_mode": directory_mode})
    assert source_spec(OPTIONS, modes)["mode_rule"](kind, found) == wanted


@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
@pytest.mark.parametrize("text", SYMBOLS)
def test_symbols_mean_what_they_mean_to_ansible(text: str, umask: int) -> None:
    basic = pytest.importorskip("ansible.module_utils.basic", reason="ansible-core is not installed here")
    before = os.umask(umask)
    try:
        for is_folder, kind in ((False, stat.S_IFREG), (True, stat.S_IFDIR)):
            rule = symbolic(text, umask, is_folder=is_folder)
            for found in range(0, 0o10000, 7):
                pretended = os.stat_result((kind | found, *[0] * 9))
                assert rule(found) == basic.AnsibleModule._symbolic_mode_to_octal(pretended, text), oct(found)
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", ["xyz", "0888", "u=q", "ua=r", "u=rw;", "9"])
def test_a_mode_that_is_none_is_refused_by_name(mode: str) -> None:
    with pytest.raises(InputError, match="mode is"):
        modes_of({"mode": mode, "directory_mode": None})


def test_without_modes_there_is_no_rule() -> None:
    assert modes_of({"mode": None, "directory_mode": "preserve"}) is None
    assert source_spec(OPTIONS, None)["mode_rule"] is None
