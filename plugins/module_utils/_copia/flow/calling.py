# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's end: a conversation with ``copia serve`` on a host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping

from ..core.errors import RemoteProtocolError, Unreachable
from ..link.child import Child
from ..link.ssh import SshOptions, ssh_command
from ..wire.conversation import Role
from ..wire.frames import Limits
from .hello import our_hello
from .talk import Talk


@contextmanager
def conversation(
    host: str,
    options: SshOptions,
    job: str,
    terms: Mapping[str, Any],
    limits: Limits,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Talk]:
    """A talk with ``copia serve`` on ``host``, with a job opened in it. ACCEPT is not awaited: ``accepted`` does that.
    ``meanwhile`` is called while ssh is on its way.

    :raises CopiaError: what went wrong on the way or there, with the host's name before it.
    """
    child = Child(ssh_command(host, options), host)
    talk = Talk(child.pipe, Role.CLIENT, our_hello(), limits=limits, name=host)
    try:
        meanwhile()
        talk.greet()
        talk.open(job, terms)
        yield talk
    except (Unreachable, RemoteProtocolError) as error:
        if talk.was_refused:
            raise
        talk.refuse(error)
        raise child.why(error) from error
    finally:
        talk.close()
        child.close()
