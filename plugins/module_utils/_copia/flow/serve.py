# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's end: one conversation, one job, then the end.

A job is opened with its terms, says its limits and facts, and answers asks. Whatever it raises, and whatever the client
does against the rules, ends the conversation with one refusal.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Protocol

from ..core.errors import CopiaError, InputError
from ..link.pipe import Pipe
from ..wire.conversation import PATIENCE, Hello, Role
from ..wire.frames import Limits
from .talk import Message, Reply, Talk

LINGER = 5.0
"""Seconds for a client to hear a refusal."""


class Job(Protocol):
    """What a server does for one client."""

    @property
    def limits(self) -> Limits:
        """The job's limits, the same for every client and every server."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What ACCEPT says."""

    def answer(self, ask: Message, talk: Talk) -> Reply:
        """The answer to an ask. ``talk`` gathers and has the codec; asking and replying are not for jobs.

        :raises CopiaError: when the conversation can't go on.
        """

    def close(self) -> None:
        """Let go of everything."""


OpenJob = Callable[[Mapping[str, Any]], Job]
"""Opens a job with its terms, which come from outside."""


def serve(pipe: Pipe, hello: Hello, jobs: Mapping[str, OpenJob]) -> int:
    """Hold one conversation over ``pipe``; the exit status: 0 after the client's good-bye, else 1."""
    talk = Talk(pipe, Role.SERVER, hello)
    try:
        _converse(talk, jobs)
    except CopiaError as error:
        talk.refuse(error)
        pipe.finish()
        pipe.linger(LINGER)
        return 1
    except Exception as error:
        import traceback

        talk.refuse(InputError(f"copia failed there: {type(error).__name__}: {error}; this is a bug, please report it"))
        traceback.print_exc()
        pipe.finish()
        pipe.linger(LINGER)
        return 1
    finally:
        talk.close()
    return 0


def _converse(talk: Talk, jobs: Mapping[str, OpenJob]) -> None:
    talk.greet()
    name, terms = talk.opening()
    if name not in jobs:
        raise InputError(f"this host serves no job {name!r}; it serves {', '.join(sorted(jobs))}")
    job = jobs[name](terms)
    try:
        talk.accept(job.facts, job.limits)
        for ask in talk.asks():
            talk.reply(job.answer(ask, talk))
    finally:
        job.close()


def server_pipe(incoming: int, outgoing: int) -> Pipe:
    """The pipe of a server: a client that is silent for too long is gone."""
    return Pipe(incoming, outgoing, patience=PATIENCE)
