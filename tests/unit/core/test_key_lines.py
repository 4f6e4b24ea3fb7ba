# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of an authorized_keys file: what others wrote stays, and no name, path or key gets out of its place."""

from __future__ import annotations

import shlex

import pytest
from copia.core.errors import InputError
from copia.core.key_lines import Client, clients_in, with_clients

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}"
OTHERS = (
    f"# admin\n{KEY.format('Admin')} admin\n"
    f'command="copia serve --hub /other --client a",restrict {KEY.format("O")}Other x\n'
)


def client(name: str, **more: object) -> Client:
    return Client(name, f"{KEY.format(name.replace('-', '').replace('.', ''))}aaaaaaaa me@{name}", **more)  # type: ignore[arg-type]


def test_each_client_has_one_line_that_can_do_one_thing() -> None:
    text = with_clients(OTHERS, ["/opt/copia/bin/copia"], "/srv/hub", [client("b", prefix="/team/docs/"), client("a")])
    lines = text.splitlines()
    assert text.startswith(OTHERS) and len(lines) == 5
    assert lines[3].startswith(
        'command="/opt/copia/bin/copia serve --hub /srv/hub --client a --rights all",restrict ssh-ed25519 '
    )
    assert "--prefix team/docs" in lines[4] and lines[4].endswith(" copia-b")
    assert clients_in(text, "/srv/hub") == [(name, client(name).public_key.rsplit(" ", 1)[0]) for name in ("a", "b")]


def test_writing_again_changes_nothing_and_leaving_out_removes() -> None:
    both = with_clients(OTHERS, ["copia"], "/srv/hub", [client("a"), client("b")])
    assert with_clients(both, ["copia"], "/srv/hub", [client("b"), client("a")]) == both
    assert with_clients(both, ["copia"], "/srv/hub", []) == OTHERS
    assert [name for name, _key in clients_in(both, "/srv/hub")] == ["a", "b"]
    assert not clients_in(both, "/srv")


@pytest.mark.parametrize("root", ["/srv/with space", '/srv/"quoted"', "/srv/it's", "/srv/$(reboot);x", "/srv/ü\\"])
def test_a_root_is_one_word_for_the_shell(root: str) -> None:
    text = with_clients("", ["copia", "--max-conflicts", "3"], root, [client("a")])
    inside = text[len('command="') : text.index('",restrict')].replace('\\"', '"')
    assert shlex.split(inside)[:4] == ["copia", "serve", "--hub", root]
    assert [name for name, _key in clients_in(text, root)] == ["a"]
    assert with_clients(text, ["copia"], root, []) == ""


BAD = [
    Client("", KEY.format("aaaaaaaa")),
    Client("-x", KEY.format("aaaaaaaa")),
    Client("a b", KEY.format("aaaaaaaa")),
    Client("a\n", KEY.format("aaaaaaaa")),
    Client("a", "not a key"),
    Client("a", f"{KEY.format('aaaaaaaa')}\n{KEY.format('bbbbbbbb')}"),
    Client("a", f'command="sh" {KEY.format("aaaaaaaa")}'),
    Client("a", KEY.format("aaaaaaaa"), "everything"),
    Client("a", KEY.format("aaaaaaaa"), "all", "../up"),
    Client("a", KEY.format("aaaaaaaa"), "all", "a\nb"),
    Client("a", KEY.format("aaaaaaaa"), "all", "", -1),
]


@pytest.mark.parametrize("bad", BAD, ids=[str(number) for number in range(len(BAD))])
def test_what_breaks_a_rule_is_refused(bad: Client) -> None:
    with pytest.raises(InputError):
        with_clients("", ["copia"], "/srv/hub", [bad])


def test_two_clients_are_two() -> None:
    for twice in ([client("a"), client("a")], [client("a"), client("b")._replace(public_key=client("a").public_key)]):
        with pytest.raises(InputError, match="two clients"):
            with_clients("", ["copia"], "/srv/hub", twice)
