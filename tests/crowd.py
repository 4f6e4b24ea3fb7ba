# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many real clients of one hub, each with a server of its own, killed again and again; the history is one line.

``client ROOT FOLDER NAME OPERATIONS`` is one client: it writes into ``FOLDER/NAME.log`` what it is about to ask and
what it was told, and goes on where a killed one of its name stopped. ``serve ROOT NAME`` is its server. ``run`` is the
whole: it starts them, kills them, and checks the history.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Set, Tuple

from copia.cli import main as copia
from copia.core.entries import ABSENT, Entry
from copia.core.errors import CopiaError
from copia.core.hub_words import Held, Offer
from copia.core.parcel import Small
from copia.flow.hello import our_hello
from copia.flow.hub_jobs import LIMITS, RemoteHub
from copia.flow.hub_keeping import KeepSpec, keep_hub
from copia.flow.talk import Talk
from copia.link.child import Child
from copia.wire.conversation import Role

from tests.chains import NOTHING, Done, broken
from tests.hubs import TEXTS, file, put, text_of, tree

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
START = f"""
import sys
sys.path.insert(0, {str(CHECKOUT / "plugins" / "module_utils")!r})
import _copia
sys.modules["copia"] = _copia
from tests.crowd import main
sys.exit(main())
"""
"""The engine as ``copia`` without pytest, which a process that is killed soon has no use for."""
OURS = [sys.executable, "-c", START]
PATHS = 64
BATCHES = (1, 10, 50, 19)
"""How many operations a client puts at once, in turn."""
KEPT = 2
"""Displaced versions of each path that the hub keeps."""


def batch_of(number: int) -> Tuple[int, int]:
    """The first operation of the batch that an operation is in, and of the next one."""
    start = number - number % sum(BATCHES)
    for size in BATCHES:
        if number < start + size:
            break
        start += size
    return start, start + size


def version(name: str, number: int) -> Tuple[str, str]:
    """``(path, text)`` of a client's operation; the same for whoever asks."""
    start, end = batch_of(number)
    place = _places(name, start, end)[number - start]
    return f"d{place % 4}/{place}", f"{name} {number}"


@functools.cache
def _places(name: str, start: int, end: int) -> List[int]:
    return random.Random(f"{name} {start}").sample(range(PATHS), end - start)


def entry_of(path: str, text: str) -> Held:
    """A version by its text."""
    return file(path, text, time=10**18 + int(text.split()[1])) if text else ABSENT


def events(folder: pathlib.Path, name: str) -> List[Dict[str, Any]]:
    """What a client has written down; a line that was cut off by its death is none."""
    log = folder / f"{name}.log"
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [json.loads(line) for line in lines]


class Client:
    """One client process."""

    def __init__(self, root: str, folder: pathlib.Path, name: str) -> None:
        self.root, self.folder, self.name = root, folder, name
        self.known: Dict[str, str] = {}
        self.open: Dict[int, str] = {}
        self.next = 0
        past = events(folder, name)
        for event in past:
            self._replay(event)
        self._log = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if past:
            os.ftruncate(self._log, sum(len(json.dumps(event)) + 1 for event in past))

    def _replay(self, event: Dict[str, Any]) -> None:
        if "asks" in event:
            self.open.update({int(number): expected for number, expected in event["asks"].items()})
            return
        for number, _decision, _revision, held in event["told"]:
            self.open.pop(number, None)
            self.next = max(self.next, number + 1)
            self.known[version(self.name, number)[0]] = held

    def write(self, event: Dict[str, Any]) -> None:
        os.write(self._log, json.dumps(event).encode() + b"\n")

    def work(self, operations: int) -> None:
        """Until all is done: connect, and go on where we were."""
        while self.open or self.next < operations:
            try:
                self.session(operations)
            except CopiaError:
                continue

    def session(self, operations: int) -> None:
        command = [*OURS, "serve", self.root, self.name]
        child = Child(command, "hub")
        (self.folder / f"{self.name}.server").write_text(str(child._process.pid))
        talk = Talk(child.pipe, Role.CLIENT, our_hello(), limits=LIMITS, name="hub")
        try:
            talk.greet()
            talk.open("hub", {"root": b"", "client": "x"})
            hub = RemoteHub(talk)
            while self.open or self.next < operations:
                self.batch(hub, operations)
        finally:
            talk.close()
            child._process.kill()
            child.close()

    def batch(self, hub: RemoteHub, operations: int) -> None:
        if not self.open:
            end = min(batch_of(self.next)[1], operations)
            paths = {number: version(self.name, number)[0] for number in range(self.next, end)}
            self.open = {number: self.known.get(path, NOTHING) for number, path in paths.items()}
        self.write({"asks": self.open})
        offers = []
        for number, expected in self.open.items():
            path, text = version(self.name, number)
            wanted = entry_of(path, text)
            offers.append(Offer(wanted.path, entry_of(path, expected), wanted))  # type: ignore[union-attr]
        for offer in offers:
            if isinstance(offer.wanted, Entry):
                text_of(offer.wanted)
        outcomes = put(hub, *offers)
        texts = self.texts(hub, [outcome.held for outcome in outcomes])
        told = [
            [number, outcome.decision.value, outcome.revision, text]
            for number, outcome, text in zip(self.open, outcomes, texts)
        ]
        self.write({"told": told})
        self._replay({"told": told})

    def texts(self, hub: RemoteHub, versions: List[Held]) -> List[str]:
        """The texts of versions; those that we never saw are fetched."""
        unseen = [held.path for held in versions if isinstance(held, Entry) and held.digest not in TEXTS]
        for item in hub.fetch(unseen, [None] * len(unseen)) if unseen else ():
            if isinstance(item, Small):
                entry_of(item.path.decode(), item.data.decode())
        return [
            TEXTS.get(held.digest or b"", b"").decode() if isinstance(held, Entry) else NOTHING for held in versions
        ]


def history(folder: pathlib.Path, names: List[str]) -> Iterator[Done]:
    """What all clients did."""
    for name in names:
        asked: Dict[int, List[str]] = {}
        for event in events(folder, name):
            for number, expected in event.get("asks", {}).items():
                asked.setdefault(int(number), []).append(expected)
            for number, decision, revision, _held in event.get("told", []):
                path, text = version(name, number)
                yield Done(path, asked[number][0], text, decision, revision, len(asked[number]))


class Answers:
    """How many operations were answered so far; what was read once is not read again."""

    def __init__(self, folder: pathlib.Path, names: List[str]) -> None:
        self._read = {folder / f"{name}.log": 0 for name in names}
        self._count = 0

    def count(self) -> int:
        for log, at in self._read.items():
            if log.exists():
                with log.open("rb") as stream:
                    stream.seek(at)
                    lines = [line for line in stream if line.endswith(b"\n")]
                self._read[log] += sum(map(len, lines))
                self._count += sum(len(json.loads(line).get("told", ())) for line in lines)
        return self._count


def run(folder: pathlib.Path, clients: int, operations: int, kills: int) -> List[str]:
    """The crowd; what is wrong at the end."""
    root = folder / "hub"
    root.mkdir()
    names = [f"c{number}" for number in range(clients)]
    chance = random.Random(5)

    def start(name: str) -> "subprocess.Popen[bytes]":
        command = [*OURS, "client", str(root), str(folder), name, str(operations)]
        return subprocess.Popen(command, cwd=CHECKOUT)

    running = {name: start(name) for name in names}
    answers = Answers(folder, names)
    killed = 0
    while running:
        for name, process in list(running.items()):
            try:
                if process.wait(0.02) != 0:
                    return [f"{name} ended with {process.returncode}"]
                del running[name]
            except subprocess.TimeoutExpired:
                pass
        while running and killed < kills and answers.count() > operations * clients * killed / (kills + 1):
            name = chance.choice(sorted(running))
            killed += 1
            if killed % 2:
                running[name].send_signal(signal.SIGKILL)
                running[name].wait()
                _kill_server(folder, name)
                running[name] = start(name)
            else:
                _kill_server(folder, name)
    return list(_wrong(root, folder, names, clients * operations)) or _too_few(killed, kills)


def _too_few(killed: int, kills: int) -> List[str]:
    return [] if killed >= kills else [f"only {killed} of {kills} kills came in time"]


def _kill_server(folder: pathlib.Path, name: str) -> None:
    """Kill the server of a client, when it is still that."""
    try:
        number = int((folder / f"{name}.server").read_text())
        if os.fsencode(folder / "hub") in pathlib.Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0"):
            os.kill(number, signal.SIGKILL)
    except (OSError, ValueError):
        pass


def _wrong(root: pathlib.Path, folder: pathlib.Path, names: List[str], total: int) -> Iterator[str]:
    found = tree(root)
    current = {path: text for path, text in found.items() if ".conflict-" not in path}
    kept: Set[str] = {text for path, text in found.items() if ".conflict-" in path}
    done = list(history(folder, names))
    yield from broken(done, current, kept)
    yield from _wrongly_kept(root, {one.wanted for one in done if one.decision != "stale" or one.attempts > 1})
    if len(done) != total:
        yield f"{len(done)} operations were answered, {total} were asked"
    if not kept or not any(one.attempts > 1 for one in done):
        yield "nobody met anybody, or nobody was killed in between: this shows nothing"


def _wrongly_kept(root: pathlib.Path, committed: Set[str]) -> Iterator[str]:
    """What is wrong with the displaced versions, after a session of the operator."""
    keep_hub(KeepSpec(os.fsencode(root), keep_versions=KEPT))
    top = root / ".copia" / "hub" / "versions"
    texts: Dict[str, List[str]] = {}
    for path in top.glob("*/d*/*"):
        texts.setdefault(path.name, []).append(path.read_text())
    for name, found in texts.items():
        if len(found) > KEPT or len(set(found)) != len(found) or not committed.issuperset(found):
            yield f"of {name} these versions are kept: {found}"
    if len(texts) < PATHS // 2:
        yield f"versions of only {len(texts)} paths are kept"


def main() -> int:
    """One client, or one server."""
    what, root, *rest = sys.argv[1:]
    if what == "serve":
        bounds = ["--max-conflicts", "1000000", "--keep-versions", str(KEPT)]
        return copia(["serve", "--hub", root, "--client", rest[0], *bounds])
    Client(root, pathlib.Path(rest[0]), rest[1]).work(int(rest[2]))
    return 0
