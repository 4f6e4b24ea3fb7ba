# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of a conversation in this process, over pipes, with a cut where a test wants one."""

from __future__ import annotations

import os
import pathlib
import threading
from typing import Any, Callable, Dict, List, Mapping, Optional

from copia.core.errors import CopiaError
from copia.core.preserve import NOTHING_MORE
from copia.core.report import Report
from copia.core.selection import Rules
from copia.flow.bisync import bisync
from copia.flow.grant import Grant
from copia.flow.hello import our_hello
from copia.flow.jobs import jobs_for
from copia.flow.mirror_jobs import LIMITS, source_terms, target_terms
from copia.flow.remote import Expect, pull_over, push_over
from copia.flow.remote_side import RemoteSide, side_terms
from copia.flow.serve import OpenJob, serve
from copia.flow.source import Source, SourceSpec
from copia.flow.talk import Talk
from copia.flow.target import TargetSpec
from copia.link.pipe import Pipe
from copia.link.ssh import Place
from copia.wire.conversation import PULSE_AFTER, Role
from copia.wire.frames import Limits

from tests.pairs import pair_spec


class Cable:
    """A pipe that carries at most ``most`` bytes, and then is cut. ``carried`` counts them."""

    def __init__(self, most: Optional[int]) -> None:
        self.carried = 0
        self._most = most
        self._in, self.here = os.pipe()
        self.there, self._out = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        """From whoever writes ``here`` to whoever reads ``there``."""
        while self._most is None or self.carried < self._most:
            piece = os.read(self._in, 65536)
            if self._most is not None:
                piece = piece[: self._most - self.carried]
            if not piece:
                break
            try:
                os.write(self._out, piece)
            except OSError:
                break
            self.carried += len(piece)
        os.close(self._in)
        os.close(self._out)

    def wait(self) -> None:
        self._thread.join()


class Line:
    """A client's talk with a server in a thread. ``status`` is the server's exit status once it is closed; the server
    bears silence for ``patience`` seconds.
    """

    def __init__(
        self,
        job: str,
        terms: Mapping[str, Any],
        limits: Limits,
        *,
        jobs: Optional[Mapping[str, OpenJob]] = None,
        most_there: Optional[int] = None,
        most_back: Optional[int] = None,
        patience: Optional[float] = None,
        pulse_after: float = PULSE_AFTER,
    ) -> None:
        self.there, self.back = Cable(most_there), Cable(most_back)
        self.status = -1
        self._patience = patience
        self._jobs = jobs_for(Grant()) if jobs is None else jobs
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._job, self._terms = job, terms
        pipe = Pipe(self.back.there, self.there.here)
        self.talk = Talk(pipe, Role.CLIENT, our_hello(), limits=limits, pulse_after=pulse_after)

    def __enter__(self) -> Talk:
        try:
            self.talk.greet()
            self.talk.open(self._job, self._terms)
        except CopiaError:
            self.close()
            raise
        return self.talk

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.talk.close()
        for thread in (self._thread, self.there, self.back):
            thread.join() if isinstance(thread, threading.Thread) else thread.wait()

    def _serve(self) -> None:
        pipe = Pipe(self.there.there, self.back.here, patience=self._patience)
        self.status = serve(pipe, our_hello(), self._jobs)


def speak(data: bytes, jobs: Optional[Mapping[str, OpenJob]] = None) -> "tuple[int, bytes]":
    """What a server answers to these bytes, and its exit status."""
    incoming, ours = os.pipe()
    theirs, outgoing = os.pipe()
    statuses: List[int] = []
    run: Callable[[], None] = lambda: statuses.append(  # noqa: E731
        serve(Pipe(incoming, outgoing), our_hello(), jobs_for(Grant()) if jobs is None else jobs)
    )
    thread = threading.Thread(target=run)
    thread.start()
    with os.fdopen(ours, "wb") as stream:
        stream.write(data)
    with os.fdopen(theirs, "rb") as answers:
        said = answers.read()
    thread.join()
    return statuses[0], said


def push(new: pathlib.Path, there: pathlib.Path, line: Optional[Dict[str, Any]] = None, **how: Any) -> Report:
    keeps = how.get("preserve", NOTHING_MORE)
    source = Source(
        SourceSpec(os.fsencode(new), how.get("rules", Rules()), name=os.fsencode(there.name), preserve=keeps)
    )
    spec = TargetSpec(os.fsencode(there), **how)
    try:
        with Line("target", target_terms(spec, is_tree=source.is_tree), LIMITS, **(line or {})) as talk:
            return push_over(talk, source, None, dry=spec.check)
    finally:
        source.close()


def pull(new: pathlib.Path, here: pathlib.Path, line: Optional[Dict[str, Any]] = None, **how: Any) -> Report:
    keeps = how.get("preserve", NOTHING_MORE)
    terms = source_terms(SourceSpec(os.fsencode(new), name=os.fsencode(here.name), preserve=keeps))
    with Line("source", terms, LIMITS, **(line or {})) as talk:
        return pull_over(talk, TargetSpec(os.fsencode(here), **how), Expect(new.is_dir()))


def far_sync(folder: pathlib.Path, line: Optional[Dict[str, Any]] = None, **options: Any) -> Any:
    """A two-way sync of ``left`` here and ``right`` behind a conversation; its report."""
    spec = pair_spec(folder, **options)
    with Line("side", side_terms(spec.right, spec), LIMITS, **(line or {})) as talk:
        return bisync(spec, right=RemoteSide(talk, Place("far", spec.right), spec.preserve))
