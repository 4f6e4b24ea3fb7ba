# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Makefile's wishes as nox sessions, for those who have nox: ``nox -s test``. They share the Makefile's .venv."""

from __future__ import annotations

import nox

nox.options.sessions = ["fast"]
nox.options.default_venv_backend = "none"


def _add(wish: str) -> None:
    @nox.session(name=wish, python=False)
    def _session(session: nox.Session) -> None:
        session.run("make", wish, external=True)


WISHES = "demo test fast unit native faults sanity lint integration molecule matrix bench"
for _name in WISHES.split():
    _add(_name)
