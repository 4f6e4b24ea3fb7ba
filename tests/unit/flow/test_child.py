# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the end of a child is awaited."""

from __future__ import annotations

import os
import time

import pytest
from copia.core.errors import Unreachable
from copia.link.child import Child

from tests.calls import calls_of

needs_kernel = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux 5.3 and Python 3.9")


@needs_kernel
def test_a_child_that_ends_is_asked_for_its_status_once() -> None:
    child = Child(["sleep", "0.2"], "host")
    assert calls_of("_try_wait", child.close) <= 2


@pytest.mark.parametrize("kernel", ["can be asked", "can not"])
def test_how_a_child_ended_is_known(monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    if kernel == "can not":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    child = Child(["sh", "-c", "sleep 0.1; exit 127"], "host")
    assert "has no copia" in str(child.why(Unreachable("gone")))
    child.close()


def test_the_last_line_of_what_it_said_is_the_reason() -> None:
    child = Child(["sh", "-c", "echo first >&2; echo the reason >&2; exit 255"], "host")
    assert str(child.why(Unreachable("gone"))) == "host cannot be reached: the reason"
    child.close()


def test_a_child_that_does_not_end_is_made_to() -> None:
    began = time.monotonic()
    child = Child(["sleep", "60"], "host")
    assert child._wait(0.1) == -15
    child.close()
    assert time.monotonic() - began < 30
