# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``copia sync`` with a host on either side, over real ssh."""

from __future__ import annotations

import json
import os
import pathlib
import re

import pytest
from copia.core.errors import InputError
from copia.link.ssh import REMOTE_COMMAND, Place, SshOptions, split_remote, ssh_command

from tests.hosts import Hosts
from tests.ssh.conftest import Run
from tests.trees import age, grow, harvest


@pytest.fixture
def new(tmp_path: pathlib.Path) -> pathlib.Path:
    root = grow(tmp_path / "new", "a=one b/c=two b/d=three:600 e/ l->a")
    age(root)
    return root


def test_push_says_what_it_does_and_rests(run: Run, new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    there = tmp_path / "there"
    assert run("sync", "-r", "new", f"h1:{there}") == (
        0,
        ["Plan: 4 to transfer, 0 unchanged (skipped), 0 to delete", "Complete: 4 sent, 0 skipped, 0 deleted, 0 failed"],
        "",
    )
    assert harvest(there) == harvest(new)
    assert run("sync", "-r", "new", f"h1:{there}")[:2] == (0, ["Already up to date (4 files)."])
    grow(there, "extra=1")
    assert run("sync", "-r", "-n", "--delete", "new", f"h1:{there}")[1] == [
        "Plan: 0 to transfer, 4 unchanged (skipped), 1 to delete",
        "delete extra",
        "(dry run) nothing was modified",
    ]


def test_pull_says_the_same(run: Run, new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    status, lines, _err = run("sync", "-r", f"h1:{new}", "here")
    assert (status, lines[-1]) == (0, "Complete: 4 sent, 0 skipped, 0 deleted, 0 failed")
    assert harvest(tmp_path / "here") == harvest(new)
    assert run("sync", "-r", f"h1:{new}", "here")[1] == ["Already up to date (4 files)."]


def test_a_single_file_both_ways_and_its_delta_sends_little(run: Run, tmp_path: pathlib.Path) -> None:
    content = os.urandom(2_000_000)
    (tmp_path / "one").write_bytes(content)
    for source, target in (("one", f"h1:{tmp_path}/two"), (f"h1:{tmp_path}/two", "three")):
        assert run("sync", source, target)[1][-1] == "Complete: 1 sent, 0 skipped, 0 deleted, 0 failed"
    (tmp_path / "one").write_bytes(content[:1_000_000] + b"inserted" + content[1_000_000:])
    for source, target in (("one", f"h1:{tmp_path}/two"), (f"h1:{tmp_path}/two", "three")):
        stats = json.loads("\n".join(run("sync", "--json", source, target)[1]))["stats"]
        assert stats["bytes_sent"] < 100_000 and stats["bytes_matched"] > 1_990_000
    assert (tmp_path / "three").read_bytes() == (tmp_path / "one").read_bytes()


def test_names_are_bytes_and_nothing_reads_them_as_words(run: Run, tmp_path: pathlib.Path) -> None:
    root = grow(tmp_path / "$(touch trap); -x", "")
    for name in (b"new\nline", b"\xff\xfe", b"-rf", b"$(touch trap)", b"'\"`touch trap`"):
        with open(os.path.join(os.fsencode(root), name), "wb") as stream:
            stream.write(name)
    age(root)
    assert run("sync", "-r", str(root), f"h1:{tmp_path}/-there")[0] == 0
    assert harvest(tmp_path / "-there") == harvest(root)
    assert run("sync", "-r", f"h1:{root}", "here")[0] == 0
    assert harvest(tmp_path / "here") == harvest(root)
    assert not list(tmp_path.rglob("trap"))


def test_no_name_of_a_file_is_on_a_command_line() -> None:
    options = SshOptions(key="/k y", known_hosts="/known hosts", args=("-v",), timeout=7)
    assert ssh_command("me@host", options) == [
        *("ssh", "-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"),
        *("-o", "ConnectTimeout=7", "-o", "BatchMode=yes", "-i", "/k y", "-o", "IdentitiesOnly=yes"),
        *("-o", 'UserKnownHostsFile="/known hosts"', "-o", "StrictHostKeyChecking=yes", "-v"),
        *("--", "me@host", REMOTE_COMMAND),
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"host:/srv/x", Place("host", b"/srv/x")),
        (b"me@host:x:y", Place("me@host", b"x:y")),
        (b"C:/x", None),
        (b"./host:x", None),
        (b"a/b:c", None),
        (b"plain", None),
        (b"\\\\share:x", None),
    ],
)
def test_what_is_remote(text: bytes, place: object) -> None:
    assert split_remote(text) == place


@pytest.mark.parametrize(
    "text", [b"-oProxyCommand=x:/y", b"me@-x:/y", b"ho st:/y", b"a@b@c:/y", b"host:", b"\xff\xff:/x"]
)
def test_what_is_no_host_is_refused(text: bytes) -> None:
    with pytest.raises(InputError):
        split_remote(text)


def test_what_is_not_possible_is_one_line(run: Run, hosts: Hosts, new: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "nobody").write_text("")
    known = (f"--known-hosts={tmp_path}/nobody", "-r", "new", f"h1:{tmp_path}/x")
    cases = (
        (("-r", f"h1:{tmp_path}/nothing", "here"), "h1: src .*/nothing does not exist"),
        (("-r", "new", f"h1:{tmp_path}/new/a"), "h1: dest .*/new/a is not a directory"),
        ((f"h1:{new}", "here"), "is a directory: add -r"),
        (("-r", "new", f"h2:{tmp_path}/x"), "h2 has no copia: .* role copia.sync.engine"),
        (known, "h1 cannot be reached: Host key verification failed"),
        (("-r", "new", "no-such-host.invalid:/x"), "no-such-host.invalid cannot be reached: "),
        (("-r", "--owner", "no-such", "new", f"h1:{tmp_path}/x"), "h1: owner is 'no-such'"),
    )
    for words, reason in cases:
        status, lines, err = run("sync", *words)
        assert (status, lines) == (1, []), words
        assert err.count("\n") == 1
        assert re.search(reason, err), err
    assert not (tmp_path / "here").exists() and not (tmp_path / "x").exists()


def test_two_hosts_are_wrong_usage(run: Run) -> None:
    assert run("sync", "h1:/a", "h2:/b")[0] == 2
