# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of host needs: keys, the configurations of sshd and ssh, and to know when sshd answers."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import time

PATIENCE = 20.0
"""Seconds until a host that does not answer counts as failed."""


class HostsUnavailable(Exception):
    """These hosts cannot be had on this machine, or one did not start."""


def sshd_path() -> str:
    """Where sshd is.

    :raises HostsUnavailable: when it is not installed.
    """
    found = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise HostsUnavailable("sshd is not installed; install the package openssh-server")
    return found


def write_keys(folder: pathlib.Path) -> None:
    """A key for the hosts in ``sshd/`` and one for their users, made new."""
    (folder / "sshd").mkdir(parents=True)
    for path in (folder / "sshd" / "host_key", folder / "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    shutil.copy(folder / "id.pub", folder / "sshd" / "authorized_keys")


def sshd_config(folder: "pathlib.Path | str", *extra: str) -> str:
    """A configuration for a host whose keys are in ``folder``."""
    lines = (
        f"HostKey {folder}/host_key",
        f"AuthorizedKeysFile {folder}/authorized_keys .ssh/authorized_keys",
        "PidFile none",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "UsePAM no",
        "UseDNS no",
        "PrintMotd no",
        "LogLevel ERROR",
        "MaxStartups 200:30:400",
        "MaxSessions 100",
        "Subsystem sftp internal-sftp",
        "AcceptEnv LANG LC_*",
        *extra,
    )
    return "\n".join(lines) + "\n"


def wait_for_ssh(address: str, port: int) -> None:
    """Return as soon as sshd greets.

    :raises HostsUnavailable: when it does not for :data:`PATIENCE` seconds.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with socket.create_connection((address, port), 1) as stream:
                if stream.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.01)  # nothing announces that a port is open
    raise HostsUnavailable(f"no sshd answers at {address} port {port}")
