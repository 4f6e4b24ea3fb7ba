# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the calling user on 127.0.1.x, each with a home folder of its own."""

from __future__ import annotations

import getpass
import os
import pathlib
import socket
import subprocess
from typing import Any, Dict, Optional

from .sshd import sshd_config, sshd_path, wait_for_ssh


class Loopback:
    """Starts hosts that need no root."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.sshd = sshd_path()
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)

    def start(self, name: str, number: int, engine: Optional[pathlib.Path]) -> Dict[str, Any]:
        """One host that answers; what the inventory and ``stop`` need of it."""
        home = self.folder / name / "home"
        home.mkdir(parents=True)
        if engine is not None:
            (home / ".local/share").mkdir(parents=True)
            (home / ".local/share/copia").symlink_to(engine)
        address = f"127.0.1.{number}"
        port = _free_port(address)
        config = self.folder / name / "sshd_config"
        listen = (f"ListenAddress {address}", f"Port {port}", f"SetEnv HOME={home}")
        config.write_text(sshd_config(self.folder / "sshd", *listen))
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [self.sshd, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return {"address": address, "port": port, "pid": process.pid, "root": "/", "behind": (address, port)}

    def connected(self, host: Dict[str, Any]) -> None:
        """Wait until the host answers."""
        wait_for_ssh(host["address"], host["port"])

    def join(self, near: Dict[str, Any], far: Dict[str, Any], _number: int) -> None:
        """The hosts reach each other over the loopback device already."""
        far["first"] = (near["address"], near["port"])

    def variables(self) -> Dict[str, Any]:
        """What the inventory says of all hosts. An sshd without root may not give a terminal away."""
        return {"ansible_user": getpass.getuser(), "ansible_ssh_use_tty": False}


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
