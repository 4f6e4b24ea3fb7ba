# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection for bulk: what ssh is called with, from the real connection plugin."""

from __future__ import annotations

from typing import Any, List

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed for this interpreter: hosts have none either")

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible_collections.copia.sync.plugins.plugin_utils.bulk import uncompressed

HOP = "-o ProxyJump=hop -o StrictHostKeyChecking=yes"


def connection(name: str = "ssh", **options: Any) -> Any:
    made = connection_loader.get(name, PlayContext())
    made.set_options(direct={"host": "example.org", **options})
    return made


def words(of: Any) -> List[str]:
    of.host = of.get_option("host")
    return [word.decode() for word in of._build_command("sftp", "sftp", b"example.org")]


def first(said: List[str], option: str) -> str:
    """The value that ssh takes: the first one."""
    return next(word.partition("=")[2] for word in said if word.startswith(option + "="))


def test_the_play_s_connection_compresses_and_stays_as_it_is() -> None:
    ours = connection()
    before = words(ours)
    assert "-C" in before and first(before, "ControlMaster") == "auto"
    assert uncompressed(ours) is not None
    assert words(ours) == before


def test_bulk_goes_without_compression_without_the_shared_socket_and_asks_nobody() -> None:
    own = uncompressed(connection(ssh_common_args=HOP, private_key_file="/key", remote_user="deploy", port=2222))
    said = words(own)
    assert "-C" not in said
    taken = {name: first(said, name) for name in ("Compression", "ControlMaster", "ControlPath", "BatchMode")}
    assert taken == {"Compression": "no", "ControlMaster": "no", "ControlPath": "none", "BatchMode": "yes"}
    assert first(said, "ProxyJump") == "hop" and first(said, "StrictHostKeyChecking") == "yes"
    assert first(said, "Port") == "2222" and first(said, "User") == '"deploy"'
    assert first(said, "IdentityFile") == '"/key"'


@pytest.mark.parametrize("option", ["ssh_args", "ssh_common_args", "sftp_extra_args"])
def test_compression_is_taken_out_wherever_it_was_asked_for(option: str) -> None:
    own = uncompressed(connection(**{option: "-C -o ServerAliveInterval=5"}))
    said = words(own)
    assert "-C" not in said and first(said, "ServerAliveInterval") == "5"


def test_a_password_is_answered_as_the_play_s_connection_answers_it() -> None:
    own = uncompressed(connection(password="secret"))
    assert "BatchMode=yes" not in own.get_option("ssh_args")
    assert own.get_option("password") == "secret"


def test_other_connections_and_ssh_without_compression_are_left_alone() -> None:
    assert uncompressed(connection("local")) is None
    assert uncompressed(connection(ssh_args="-o ControlMaster=auto")) is None
