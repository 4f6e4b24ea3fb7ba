# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's side of a task: one step per module execution.

``consider`` (push: plan against the controller's listing), ``finish`` (push: apply a parcel), ``offer`` (pull: list),
``answer`` (pull: build a parcel); or ``mirror`` and ``bisync``, all at once where both trees are on this host;
or ``hub_serve``, ``hub_info`` and ``hub_sync``, which need no messages.
Messages come inside the arguments or as files in the task's temporary folder, and go back inside the result or, when
large, as files there.
Every step can be run twice: nothing on the host is kept between two of them.
"""

from __future__ import annotations

import base64
import os
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping

from ..core.errors import CopiaError, RemoteProtocolError
from ..core.parcel import Listing
from ..flow.mirror import mirror
from ..flow.pump import pieces_of, unpacking
from ..flow.source import Source, SourceSpec
from ..flow.target import Target, TargetSpec
from ..values import dataclass
from ..wire.messages import decode_listing, decode_plan, decode_wants, encode_listing, encode_plan, encode_wants
from ..wire.pack import codecs
from .modes import Modes, modes_of
from .options import on_host, result_of, source_spec, target_spec

INLINE_LIMIT = 512 * 1024
"""Messages up to this many bytes travel inside arguments and results."""
MESSAGES = ("listing", "wants", "plan", "parcel")


@dataclass(frozen=True)
class Task:
    """One execution on the host: the task's options, the messages, and how it is to be done.

    ``messages`` has each message as base64 under its name, or as a file of this host under ``NAME_file``; ``spool`` is
    a folder of this host for large answers, or empty. ``modes`` forces permissions.
    """

    options: Mapping[str, Any]
    messages: Mapping[str, Any]
    modes: Modes
    check: bool
    diff: bool
    spool: str = ""
    codec: str = "zlib"

    def source(self) -> SourceSpec:
        """The source on this host.

        :raises InputError: when an option can't be understood.
        """
        return SourceSpec(**source_spec(on_host(self.options, "src"), self.modes))

    def target(self, **more: Any) -> TargetSpec:
        """The destination on this host.

        :raises InputError: when an option can't be understood.
        """
        return TargetSpec(**target_spec(on_host(self.options, "dest"), check=self.check, diff=self.diff), **more)

    def message(self, name: str) -> bytes:
        """A whole message."""
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of a message that came inside the arguments or as a file."""
        if self.messages.get(name) is not None:
            yield base64.b64decode(self.messages[name])
            return
        path = self.messages.get(f"{name}_file")
        if not path:
            raise RemoteProtocolError(f"this step needs the {name}; it is run by the action plugin only")
        yield from pieces_of(path)


def run_module(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """The result of one execution of the module ``engine_step``, whose arguments those are; those with a leading
    underline are Ansible's own. A run that cannot go on is a failed result with one line.
    """
    messages = {name: value for name, value in arguments.items() if value is not None}
    step, options = messages.get("step"), messages.get("options")
    if step not in _STEPS or not isinstance(options, dict):
        return {"failed": True, "msg": "this module is run by the action plugins of copia.sync only"}
    how = {name: messages[name] for name in ("spool", "codec") if name in messages}
    check, diff = bool(messages.get("_ansible_check_mode")), bool(messages.get("_ansible_diff"))
    try:
        return _STEPS[step](Task(options, messages, modes_of(options), check, diff, **how))
    except CopiaError as error:
        return {"failed": True, "msg": str(error)}


def _mirror(task: Task) -> Dict[str, Any]:
    return result_of(mirror(task.source(), task.target(delta=False)), task.options, diff=task.diff)


def _bisync(task: Task) -> Dict[str, Any]:
    from .pair import bisync_here

    return bisync_here(task.options, check=task.check, diff=task.diff)


def _hub_serve(task: Task) -> Dict[str, Any]:
    from .hub import hub_serve_here

    return hub_serve_here(task.options, check=task.check, diff=task.diff)


def _hub_info(task: Task) -> Dict[str, Any]:
    from .hub import hub_info_here

    return hub_info_here(task.options)


def _hub_sync(task: Task) -> Dict[str, Any]:
    from .hub import hub_sync_here

    return hub_sync_here(task.options, check=task.check, diff=task.diff)


def _consider(task: Task) -> Dict[str, Any]:
    listing = decode_listing(task.message("listing"))
    target = Target(task.target(), is_tree=listing.is_tree)
    try:
        considered = target.consider(listing)
        if not considered.wants:
            return result_of(target.finish(considered.plan, iter(())), task.options, diff=task.diff)
    finally:
        target.close()
    plan = encode_plan(considered.plan, considered.report, is_tree=listing.is_tree)
    return {
        "changed": False,
        "plan": _answer_with("plan", plan, task),
        "wants": _answer_with("wants", encode_wants(considered.wants, listing), task),
        "codecs": list(codecs()),
    }


def _finish(task: Task) -> Dict[str, Any]:
    plan, report, is_tree = decode_plan(task.message("plan"))
    target = Target(task.target(), is_tree=is_tree, report=report)
    try:
        report = target.finish(plan, unpacking(task.pieces("parcel")))
    finally:
        target.close()
    return result_of(report, task.options, diff=task.diff)


def _offer(task: Task) -> Dict[str, Any]:
    source = Source(task.source())
    try:
        listing = source.offer()
    finally:
        source.close()
    return {
        "changed": False,
        "listing": _answer_with("listing", encode_listing(listing), task),
        "codecs": list(codecs()),
    }


def _answer(task: Task) -> Dict[str, Any]:
    listing: Listing = decode_listing(task.message("listing"))
    wants = decode_wants(task.message("wants"), listing)
    clock = time.perf_counter()
    source = Source(task.source())
    try:
        parcel = _spool("parcel", source.packed(wants, task.codec, dry=task.check), task.spool)
    finally:
        source.close()
    return {"changed": False, "parcel": parcel, "seconds": time.perf_counter() - clock}


def _answer_with(name: str, data: bytes, task: Task) -> Dict[str, Any]:
    return _spool(name, iter((data,)), task.spool)


def _spool(name: str, pieces: Iterator[bytes], folder: str) -> Dict[str, Any]:
    """``{"inline": base64}`` for what is small or has no spool to go to, else ``{"file": path, "size": bytes}``."""
    gathered = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > INLINE_LIMIT and folder and os.access(folder, os.W_OK):
            return _to_file(gathered, pieces, os.path.join(folder, f"copia-answer-{name}"))
    return {"inline": base64.b64encode(b"".join(gathered)).decode("ascii"), "size": size}


def _to_file(gathered: List[bytes], pieces: Iterator[bytes], path: str) -> Dict[str, Any]:
    """A new file that the connection's user can read: the folder it is in is closed to everybody else."""
    before = os.umask(0o022)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    finally:
        os.umask(before)
    with os.fdopen(descriptor, "wb") as stream:
        for piece in gathered:
            stream.write(piece)
        for piece in pieces:
            stream.write(piece)
        size = stream.tell()
    return {"file": path, "size": size}


_STEPS: Dict[str, Callable[[Task], Dict[str, Any]]] = {
    "mirror": _mirror,
    "bisync": _bisync,
    "hub_serve": _hub_serve,
    "hub_info": _hub_info,
    "hub_sync": _hub_sync,
    "consider": _consider,
    "finish": _finish,
    "offer": _offer,
    "answer": _answer,
}
