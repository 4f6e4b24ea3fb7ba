# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the integration targets on real hosts, over every connection.

Prints ``ok``, ``failed`` or ``skipped (reason)`` per target and connection, and the sums in the last line.
Full output of Ansible: ``build/logs/integration-CONNECTION.log``.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Tuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.hosts import Hosts, HostsUnavailable, engine_venv

HERE = ROOT / "tests" / "integration"
TARGETS = HERE / "targets"
LOGS = ROOT / "build" / "logs"
CONNECTIONS: Dict[str, Dict[str, Any]] = {
    "ssh-pipelining": {"tested_host": "h1", "ansible_pipelining": True},
    "ssh": {"tested_host": "h1", "ansible_pipelining": False},
    "local": {"tested_host": "localhost"},
}


def main() -> int:
    """Run what was asked for; 1 when anything failed."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that the hosts are ended
    place_collection(ROOT / "build" / "collections" / "ansible_collections" / "copia" / "sync")
    LOGS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="integration-") as folder:
        pathlib.Path(folder).chmod(0o755)
        results = run_all(pathlib.Path(folder), options)
    counts = {word: sum(1 for outcome, _reason in results if outcome == word) for word in ("ok", "failed", "skipped")}
    print(f"{counts['ok']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


def run_all(folder: pathlib.Path, options: argparse.Namespace) -> List[Tuple[str, str]]:
    """``(outcome, reason)`` for each target over each connection."""
    with started(folder / "hosts", options) as hosts, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        names = options.connection or CONNECTIONS
        runs = [pool.submit(Run(name, hosts, folder, options)) for name in names]
        return [line for run in runs for line in run.result()]


def place_collection(place: pathlib.Path) -> None:
    """Make ``place`` what the checkout holds now, committed or not, and what the engine role carries."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        stdout=subprocess.PIPE,
    )
    names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    names += [str(path.relative_to(ROOT)) for path in ROOT.glob("roles/engine/files/copia[-_]*")]
    shutil.rmtree(place, ignore_errors=True)
    for name in names:
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


def started(folder: pathlib.Path, options: argparse.Namespace) -> Hosts:
    """Hosts that are not started yet, of the best kind that this machine allows."""
    engine = options.engine or engine_venv()
    kind = options.kind or ("netns" if os.geteuid() == 0 else "loopback")
    return Hosts(folder, 3, kind, engine, bare=["h3"])


class Run:
    """All chosen targets over one connection, in one process."""

    def __init__(self, name: str, hosts: Hosts, folder: pathlib.Path, options: argparse.Namespace) -> None:
        self.name, self.hosts, self.options = name, hosts, options
        self.work = folder / name
        self.log = LOGS / f"integration-{name}.log"

    def __call__(self) -> List[Tuple[str, str]]:
        """``(outcome, reason)`` for each target, printed as well."""
        clock = time.monotonic()
        chosen = {target: self._obstacle(target) for target in self.options.target or all_targets()}
        outcomes = self._play([target for target, obstacle in chosen.items() if not obstacle])
        results = []
        for target, obstacle in chosen.items():
            reason = obstacle or outcomes.get(target, f"did not get to its end, see {self.log}")
            outcome = "skipped" if obstacle else "failed" if reason else "ok"
            results.append((outcome, reason))
            print(f"{outcome}{f' ({reason})' if reason else ''} {target} over {self.name}", flush=True)
        print(f"{self.name}: {time.monotonic() - clock:.0f} s", flush=True)
        return results

    def _obstacle(self, target: str) -> str:
        """Why a target cannot run over this connection, or nothing."""
        aliases = (TARGETS / target / "aliases").read_text().split()
        if "needs/ssh" in aliases and self.name == "local":
            return "needs ssh"
        if "needs/root" in aliases and (self.name == "local" or self.hosts.kind != "netns"):
            return "needs hosts with accounts of their own"
        return ""

    def _play(self, targets: List[str]) -> Dict[str, str]:
        """Per target that came to an end why it failed, or nothing."""
        self.work.mkdir()
        variables = {**CONNECTIONS[self.name], "targets": targets, "work": str(self.work), "host_kind": self.hosts.kind}
        separate = self.name != "local" and self.hosts.kind == "netns"
        variables["host_work"] = f"/tmp/{self.name}" if separate else f"{self.work}/there"
        (self.work / "variables.json").write_text(json.dumps(variables))
        command = [self.options.ansible_playbook, "-i", str(self.hosts.inventory)]
        command += ["-e", f"@{self.work}/variables.json", *self.options.verbose, str(HERE / "play.yml")]
        with open(self.log, "wb") as log:
            env = self._environment()
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, check=False)
        outcomes = self.work / "outcomes.json"
        return dict(json.loads(outcomes.read_text())) if outcomes.exists() else {}

    def _environment(self) -> Dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_ROLES_PATH": str(TARGETS),
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.work / "tmp"),
        }


def all_targets() -> List[str]:
    """The names of all targets that test something."""
    return sorted(path.name for path in TARGETS.iterdir() if "hidden" not in (path / "aliases").read_text().split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.run", description=__doc__)
    parser.add_argument("target", nargs="*", help="targets to run, all when none is given")
    parser.add_argument("--connection", action="append", choices=list(CONNECTIONS), help="may be given several times")
    parser.add_argument("--kind", choices=("loopback", "netns"), help="default: netns for root")
    parser.add_argument("--engine", type=pathlib.Path, help="a virtual environment with the engine's libraries")
    parser.add_argument("--ansible-playbook", default=_beside_python(), metavar="PATH")
    parser.add_argument("--jobs", type=int, default=2, help="connections at a time")
    parser.add_argument("-v", "--verbose", action="append_const", const="-vv", default=[])
    return parser


def _beside_python() -> str:
    beside = pathlib.Path(sys.executable).parent / "ansible-playbook"
    return str(beside) if beside.exists() else "ansible-playbook"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HostsUnavailable as error:
        sys.exit(f"no hosts: {error}")
