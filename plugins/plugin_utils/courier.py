# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries the messages of a mirror over the connection that the play already has.

Only what every connection plugin has is used: module executions, ``put_file`` and ``fetch_file``. Small messages ride
inside the module's arguments and result; large ones go as files through the task's temporary folder on the host.
"""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from typing import Any, Dict, Mapping, Optional, Sequence

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError

from ..module_utils import _copia
from ..module_utils._copia.task.steps import INLINE_LIMIT
from ..modules.engine_step import engine_id
from .bulk import BULK, uncompressed

STEP_MODULE = "copia.sync.engine_step"


class StepFailed(AnsibleActionFail):
    """A step failed on the host; ``step_result`` is what it said."""

    def __init__(self, step_result: Dict[str, Any]) -> None:
        super().__init__(str(step_result.get("msg", "a step of the mirror failed on the host without a message")))
        self.step_result = step_result


class Courier:
    """Runs steps on the host of one task. ``action`` is the action plugin, ``options`` are the task's, checked.

    The options ``paths`` are sent as they were written: what ``~`` means on the host is known there.
    """

    def __init__(
        self, action: Any, options: Mapping[str, Any], task_vars: Mapping[str, Any], paths: Sequence[str]
    ) -> None:
        self._action = action
        written = action._task.args
        self._options = {**options, **{name: written[name] for name in paths if written.get(name) is not None}}
        self._task_vars = dict(task_vars)
        self._local: list[str] = []
        self.bytes_sent = 0

    def step(self, step: str, messages: Mapping[str, Any], codec: str = "zlib") -> Dict[str, Any]:
        """Run one step on the host, and return its result.

        :raises StepFailed: when it failed and has no report to give.
        """
        connection, engine = self._action._connection, str(_copia.__path__[0])
        arguments = {
            "options": self._options,
            "step": step,
            "engine": engine_id(engine),
            "engine_folder": engine if connection.transport == "local" else None,
            "codec": codec,
            "spool": connection._shell.tmpdir,
            **messages,
        }
        result = self._execute(arguments)
        interpreter = result.pop("engine_interpreter", None)
        if interpreter:
            self._use_interpreter(interpreter)
            result = self._execute(arguments)
        if result.get("failed") and "stats" not in result:
            result.pop("invocation", None)
            raise StepFailed(result)
        return result

    def make_spool(self) -> None:
        """Have a folder on the host for large answers; the action plugin removes it."""
        if not self._action._connection._shell.tmpdir:
            self._action._make_tmp_path()

    def _execute(self, arguments: Mapping[str, Any]) -> Dict[str, Any]:
        result: Dict[str, Any] = self._action._execute_module(
            module_name=STEP_MODULE, module_args=dict(arguments), task_vars=self._task_vars
        )
        return result

    def _use_interpreter(self, interpreter: str) -> None:
        """From now on run modules with ``interpreter``, for this task only: the variables are a copy."""
        name = "ansible_python_interpreter"
        delegate = self._action._task.delegate_to
        if delegate:
            hosts = dict(self._task_vars.get("ansible_delegated_vars", {}))
            hosts[delegate] = {**hosts.get(delegate, {}), name: interpreter}
            self._task_vars["ansible_delegated_vars"] = hosts
        self._task_vars[name] = interpreter

    def send(self, name: str, data: bytes) -> Dict[str, Any]:
        """The arguments that carry a message to the next step."""
        self.bytes_sent += len(data)
        if len(data) <= INLINE_LIMIT:
            return {name: base64.b64encode(data).decode("ascii")}
        path = self._local_file()
        with open(path, "wb") as stream:
            stream.write(data)
        return {f"{name}_file": self._put(path, name)}

    def send_file(self, name: str, path: str) -> Dict[str, Any]:
        """The same for a message in a local file, which belongs to the courier from now on."""
        self._local.append(path)
        size = os.path.getsize(path)
        if size <= INLINE_LIMIT:
            with open(path, "rb") as stream:
                return self.send(name, stream.read())
        self.bytes_sent += size
        return {f"{name}_file": self._put(path, name)}

    def pass_back(self, name: str, answer: Mapping[str, Any]) -> Dict[str, Any]:
        """The arguments that give a message back to the host it came from; a file there stays there."""
        if "file" in answer:
            return {f"{name}_file": answer["file"]}
        return {name: answer["inline"]}

    def receive(self, answer: Mapping[str, Any]) -> str:
        """A local file with the message that a step answered with."""
        self.bytes_sent += int(answer["size"])
        path = self._local_file()
        if "file" in answer:
            self._fetch(answer["file"], path, int(answer["size"]))
        else:
            with open(path, "wb") as stream:
                stream.write(base64.b64decode(answer["inline"]))
        return path

    def receive_bytes(self, answer: Mapping[str, Any]) -> bytes:
        """The message that a step answered with."""
        if "inline" in answer:
            self.bytes_sent += int(answer["size"])
            return base64.b64decode(answer["inline"])
        with open(self.receive(answer), "rb") as stream:
            return stream.read()

    def close(self) -> None:
        """Remove the local files."""
        for path in self._local:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _put(self, path: str, name: str) -> str:
        """Put a local file into the task's temporary folder, readable for the user that modules run as."""
        shell = self._action._connection._shell
        folder: Optional[str] = shell.tmpdir or self._action._make_tmp_path()
        remote: str = shell.join_path(folder, f"copia-{name}")
        self._transfer(path, remote)
        self._action._fixup_perms2((folder, remote), execute=False)
        return remote

    def _transfer(self, path: str, remote: str) -> None:
        own = uncompressed(self._action._connection) if os.path.getsize(path) >= BULK else None
        if own is not None:
            with contextlib.suppress(AnsibleError):
                own.put_file(path, remote)
                return
        self._action._transfer_file(path, remote)

    def _fetch(self, remote: str, path: str, size: int) -> None:
        own = uncompressed(self._action._connection) if size >= BULK else None
        if own is not None:
            with contextlib.suppress(AnsibleError):
                own.fetch_file(remote, path)
                return
        self._action._connection.fetch_file(remote, path)

    def _local_file(self) -> str:
        descriptor, path = tempfile.mkstemp(prefix="copia-", dir=C.DEFAULT_LOCAL_TMP)
        os.close(descriptor)
        self._local.append(path)
        return path
