# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A group of hosts with the inventory and the ssh configuration that reach them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from typing import Any, Callable, Collection, Dict, List, NamedTuple, Optional, Set, Union

from .loopback import Loopback
from .netns import Netns, has_systemd, remove_cgroups
from .sshd import HostsUnavailable, write_keys

KINDS: Dict[str, Callable[[pathlib.Path], Union[Loopback, Netns]]] = {"loopback": Loopback, "netns": Netns}
Path = Union[str, "os.PathLike[str]"]


class Host(NamedTuple):
    """A host that runs. ``root`` is where this machine sees the host's file system (for root only, in a namespace)."""

    name: str
    address: str
    port: int
    root: pathlib.Path


class Hosts:
    """``count`` hosts ``h1``, ``h2``, … of a kind, in a folder of their own, which must not exist or be empty.

    :param engine: a virtual environment with the engine's libraries (:func:`engine_venv`) that the hosts get where
        the role copia.sync.engine would put it, or None.
    :param python: the interpreter that the inventory names, the one ``engine`` is made of.
    :param bare: names of hosts that get no engine.
    :param systemd: names of hosts, in namespaces, whose first process is systemd, where this machine can do that.

    As a context manager it is the running hosts.
    """

    def __init__(
        self,
        folder: Path,
        count: int = 2,
        kind: str = "loopback",
        engine: Optional[Path] = None,
        *,
        python: str = "/usr/bin/python3",
        bare: Collection[str] = (),
        systemd: Collection[str] = (),
    ) -> None:
        self.folder = pathlib.Path(folder).resolve()
        self.count, self.kind, self.python, self.bare = count, kind, python, frozenset(bare)
        self.engine = None if engine is None else pathlib.Path(engine).resolve()
        self.inventory = self.folder / "inventory.json"
        self.systemd = frozenset(systemd) if has_systemd() else frozenset()
        self._state: Dict[str, Any] = {"hosts": {}, "sockets": None}

    @classmethod
    def found_in(cls, folder: Path) -> "Hosts":
        """The hosts that another process started in ``folder``; nothing is known of them but how to stop them."""
        hosts = cls(folder, 0)
        record = hosts.folder / "hosts.json"
        if record.exists():
            hosts._state = json.loads(record.read_text())
        return hosts

    def __enter__(self) -> "Hosts":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def __getitem__(self, name: str) -> Host:
        found = self._state["hosts"][name]
        return Host(name, found["address"], found["port"], pathlib.Path(found["root"]))

    def start(self) -> pathlib.Path:
        """Start the hosts, wait until all answer, and return the inventory's path.

        :raises HostsUnavailable: when that is not possible; nothing is left running.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self.inventory

    def stop(self) -> None:
        """End the hosts and everything that runs on them. May be called twice."""
        _end_connections(self._state["sockets"])
        for pid in _with_descendants({host["pid"] for host in self._of_ours()}):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for host in self._state["hosts"].values():
            try:
                os.waitpid(host["pid"], 0)
            except ChildProcessError:
                pass  # another process started it
        remove_cgroups(self.folder)
        self._state = {"hosts": {}, "sockets": None}
        (self.folder / "hosts.json").unlink(missing_ok=True)

    def _start(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()):
            raise HostsUnavailable(f"{self.folder} is not empty; give the hosts a folder of their own")
        write_keys(self.folder)
        self._state["sockets"] = tempfile.mkdtemp(prefix="cp-", dir="/tmp")  # paths of sockets must be short
        kind = KINDS[self.kind](self.folder)
        hosts = self._state["hosts"]
        for number in range(1, self.count + 1):
            name = f"h{number}"
            init = {"init": "systemd"} if name in self.systemd else {}
            hosts[name] = kind.start(name, number, None if name in self.bare else self.engine, **init)
            (self.folder / "hosts.json").write_text(json.dumps(self._state))
        for host in hosts.values():
            kind.connected(host)
        for number, host in enumerate(hosts.values(), 1):
            if number > 1:
                kind.join(hosts["h1"], host, number)
        self._write_access(kind.variables())

    def _write_access(self, variables: Dict[str, Any]) -> None:
        config = self.folder / "ssh_config"
        hosts = self._state["hosts"]
        shared = {
            **variables,
            "ansible_python_interpreter": self.python,
            "ansible_ssh_common_args": f"-F {config}",
            "ansible_control_path_dir": self._state["sockets"],
        }
        group: Dict[str, Any] = {"hosts": {name: _variables(host) for name, host in hosts.items()}}
        if self.count > 1:
            group["hosts"]["behind"] = {"host_root": hosts["h2"]["root"]}
        self.inventory.write_text(json.dumps({"hosts": {**group, "vars": shared}}, indent=1) + "\n")
        config.write_text(self._ssh_config(variables["ansible_user"]))
        config.chmod(0o600)

    def _ssh_config(self, user: str) -> str:
        lines: List[str] = []
        for name, host in self._state["hosts"].items():
            lines += [f"Host {name}", f"  HostName {host['address']}", f"  Port {host['port']}"]
        if self.count > 1:
            address, port = self._state["hosts"]["h2"]["behind"]
            lines += ["Host behind", f"  HostName {address}", f"  Port {port}", "  ProxyJump h1"]
        lines += ["Host *", f"  User {user}", f"  IdentityFile {self.folder}/id", "  IdentitiesOnly yes"]
        lines += ["  StrictHostKeyChecking no", "  UserKnownHostsFile /dev/null", "  LogLevel ERROR"]
        return "\n".join(lines) + "\n"

    def _of_ours(self) -> List[Dict[str, Any]]:
        """The hosts whose process is still the one that was started, not a later one with its number."""
        found = []
        for host in self._state["hosts"].values():
            try:
                command = pathlib.Path(f"/proc/{host['pid']}/cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.folder) in command:
                found.append(host)
        return found


def _variables(host: Dict[str, Any]) -> Dict[str, Any]:
    """What the inventory says of one host: its file system, and how it reaches the first host."""
    first = dict(zip(("first_address", "first_port"), host.get("first", ())))
    return {"host_root": host["root"], **first}


def _end_connections(sockets: Optional[str]) -> None:
    """End the ssh clients that wait for the next task."""
    if sockets is None:
        return
    for path in pathlib.Path(sockets).iterdir():
        command = ["ssh", "-O", "exit", "-o", f"ControlPath={path}", "any"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(sockets, ignore_errors=True)


def _with_descendants(roots: Set[int]) -> Set[int]:
    """Also the children's children: sshd gives every session a group of its own."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = set(roots)
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more
