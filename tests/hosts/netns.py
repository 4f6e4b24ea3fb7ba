# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts in namespaces: each with its own network, processes, name, accounts and copy-on-write file system.

Every host is joined to this machine by a cable of its own, so no packet filter of the machine is in between, and every
other host to the first one by a cable that nobody else has. All of a host ends with its first process.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
import time
from typing import Any, Dict, Optional

from .sshd import PATIENCE, HostsUnavailable, sshd_config, sshd_path, wait_for_ssh

PASSWORD = "copia-" + secrets.token_hex(8)
"""The password of the hosts' accounts. It is in the inventory, and good for nothing else."""
_HERE = pathlib.Path(__file__).resolve().parent


class Netns:
    """Starts hosts in namespaces."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        sshd_path()
        if os.geteuid() != 0:
            raise HostsUnavailable("hosts in namespaces need root; use the kind loopback")
        for tool in ("unshare", "nsenter", "ip", "useradd", "chpasswd"):
            if shutil.which(tool) is None:
                raise HostsUnavailable(f"hosts in namespaces need {tool}, which is not installed")
        config = "/etc/copia-test"
        (folder / "sshd" / "sshd_config").write_text(sshd_config(config, "ListenAddress 0.0.0.0", "Port 22"))
        self._network = ""

    def start(self, name: str, number: int, engine: Optional[pathlib.Path], *, init: str = "sshd") -> Dict[str, Any]:
        """One host, joined to this machine. ``init`` is its first process: ``sshd``, or ``systemd``.

        :raises HostsUnavailable: when the machine does not allow namespaces or mounts.
        """
        (self.folder / name).mkdir()
        command = ["unshare", "--mount", "--uts", "--pid", "--net", "--fork", "--kill-child", "sh"]
        if init == "systemd":
            command = ["sh", "-c", 'echo $$ > "$0"/cgroup.procs; exec "$@"', _cgroup(self.folder, name), *command]
            command.insert(-1, "--cgroup")
        command += [str(_HERE / "netns_host.sh"), name, str(self.folder), PASSWORD, str(engine or ""), init]
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            process.kill()
            process.wait()
            raise HostsUnavailable(f"host {name} did not start: {(self.folder / f'{name}.log').read_text().strip()}")
        process.stdout.close()
        try:
            address = self._cable(process.pid, number)
        except HostsUnavailable:
            process.kill()
            process.wait()
            raise
        inside = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        return {"address": address, "port": 22, "pid": process.pid, "root": f"/proc/{inside}/root"}

    def connected(self, host: Dict[str, Any]) -> None:
        """Wait until the host answers."""
        wait_for_ssh(host["address"], host["port"])

    def join(self, near: Dict[str, Any], far: Dict[str, Any], number: int) -> None:
        """A cable between two hosts, of which ``far`` is the ``number``-th; ``far["behind"]`` is the address that only
        ``near`` knows, ``far["first"]`` the one under which it knows ``near``.
        """
        name, address = f"jump{number}", 128 + 4 * number
        ends = [(name, "netns", str(host["pid"])) for host in (near, far)]
        _ip("link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1])
        _inside(near["pid"], name, f"{self._network}.{address + 1}/30")
        _inside(far["pid"], name, f"{self._network}.{address + 2}/30")
        far["behind"] = (f"{self._network}.{address + 2}", 22)
        far["first"] = (f"{self._network}.{address + 1}", 22)

    def variables(self) -> Dict[str, Any]:
        """What the inventory says of all hosts."""
        return {"ansible_user": "deploy", "ansible_become_password": PASSWORD}

    def _cable(self, pid: int, number: int) -> str:
        """Join a host to this machine by a network of two; the host's address. The first cable takes a free network."""
        for third in [self._network.rsplit(".", 1)[1]] if self._network else range(255):
            outer = f"copia{third}h{number}"
            if _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", str(pid), may_fail=True):
                break
        else:
            raise HostsUnavailable("no pair of virtual network devices can be made on this machine")
        self._network = f"10.98.{third}"
        first = 4 * number
        _ip("addr", "add", f"{self._network}.{first + 1}/30", "dev", outer)
        _ip("link", "set", outer, "up")
        _inside(pid, "eth0", f"{self._network}.{first + 2}/30")
        return f"{self._network}.{first + 2}"


def has_systemd() -> bool:
    """Whether a host's first process can be systemd: it is installed, and the kernel has control groups for it."""
    return os.access("/lib/systemd/systemd", os.X_OK) and _cgroups() is not None


def _cgroups() -> Optional[pathlib.Path]:
    """Where control groups of version 2 are mounted and we may make one."""
    for place in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.access(f"{place}/cgroup.procs", os.W_OK) and os.path.exists(f"{place}/cgroup.controllers"):
            return pathlib.Path(place)
    return None


def _cgroup(folder: pathlib.Path, name: str) -> str:
    """A new control group for a host; the file ``NAME.cgroup`` says where, for whoever ends the host."""
    above = _cgroups()
    if above is None:
        raise HostsUnavailable("a host with systemd needs control groups of version 2")
    made = above / f"copia-test-{folder.name}-{name}-{os.getpid()}"
    made.mkdir()
    (folder / f"{name}.cgroup").write_text(str(made))
    return str(made)


def remove_cgroups(folder: pathlib.Path) -> None:
    """Remove the control groups of hosts that were killed, as soon as what was in them is gone."""
    for noted in folder.glob("*.cgroup"):
        top, end = noted.read_text(), time.monotonic() + PATIENCE
        while os.path.exists(top) and time.monotonic() < end:
            for place, _folders, _files in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(place)
            time.sleep(0.01)
        noted.unlink()


def _inside(pid: int, device: str, address: str) -> None:
    enter = ("nsenter", "--target", str(pid), "--net")
    _run(*enter, "ip", "addr", "add", address, "dev", device)
    _run(*enter, "ip", "link", "set", device, "up")


def _ip(*words: str, may_fail: bool = False) -> bool:
    return _run("ip", *words, may_fail=may_fail)


def _run(*command: str, may_fail: bool = False) -> bool:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode and not may_fail:
        raise HostsUnavailable(f"{' '.join(command)}: {done.stdout.strip()}")
    return not done.returncode
