# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the project by one word: ``python -m tests.chores WISH...``.

Each check prints one line; its output is in ``build/logs``. At the end stands what failed, what was skipped and why,
and a line that counts all: ``N passed, N failed, N skipped``.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from typing import Callable, Dict, Optional, Sequence

from tests.checkout import ROOT, copy_files
from tests.tally import BIN, BUILD, COLLECTIONS, Tally, environment, in_lanes, run, skip

CARRIED = BUILD / "carried"
INSTALLED = COLLECTIONS / "ansible_collections" / "copia" / "sync"
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def interpreter(version: str) -> Optional[str]:
    """An interpreter of that version that runs: on the path, or among pyenv's."""
    homes = [os.environ.get("PYENV_ROOT", ""), str(pathlib.Path.home() / ".pyenv")]
    candidates = [shutil.which(f"python{version}") or ""]
    for home in filter(None, homes):
        found = sorted(pathlib.Path(home).glob(f"versions/{version}.*/bin/python"))
        candidates += [str(path) for path in found]
    for candidate in filter(None, candidates):
        asked = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, check=False
        )
        if asked.stdout.decode().strip() == version:
            return candidate
    return None


def carried_wheels(tally: Tally, everything: bool) -> None:
    """The C module's source and its wheels into build/carried: for every platform, or for this machine."""
    run(tally, "C module", [sys.executable, "-m", "tests.native.build", *(["--all"] if everything else [])])


def collection(tally: Tally, everything: bool = True) -> None:
    """The wheels of the engine into the role, then the collection's archive into build."""
    carried = ROOT / "roles" / "engine" / "files"
    built = [path for pattern in ("copia[-_]*.whl", "copia_native-*.tar.gz") for path in carried.glob(pattern)]
    for old in [*built, *BUILD.glob("copia-sync-*.tar.gz")]:
        old.unlink()
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600")
    source = BUILD / "wheel-source"
    copy_files(source, "plugins/module_utils/_copia/", "pyproject.toml", "LICENSES/GPL-3.0-or-later.txt")
    carried_wheels(tally, everything)
    for path in CARRIED.glob("copia_native-*"):
        shutil.copy(path, carried)
    run(tally, "wheel", [sys.executable, "-m", "build", "--wheel", "--outdir", carried, source])
    run(tally, "collection", [BIN / "ansible-galaxy", "collection", "build", "--force", "--output-path", BUILD, ROOT])


def install(tally: Tally) -> None:
    """Build the collection and install it where our tests look for it, with what the benchmarks compare it with."""
    collection(tally, everything=False)
    native(tally)
    archives = sorted(BUILD.glob("copia-sync-*.tar.gz"))
    command = [BIN / "ansible-galaxy", "collection", "install", "--force", "--no-deps", "--offline", "-p", COLLECTIONS]
    shutil.rmtree(INSTALLED, ignore_errors=True)
    run(tally, "install", [*command, *archives])


def lint(tally: Tally) -> None:
    """Style, types, Ansible's own lint, changelog."""
    run(tally, "ruff", [BIN / "ruff", "check", "."])
    run(tally, "format", [BIN / "ruff", "format", "--check", "."])
    stubs = BUILD / "stubs"
    stubs.mkdir(parents=True, exist_ok=True)
    if not (stubs / "copia").exists():
        (stubs / "copia").symlink_to(ROOT / "plugins" / "module_utils" / "_copia")
    run(tally, "mypy", [BIN / "mypy", "-p", "copia", "-m", "tests.chores", "-m", "tests.house"], cwd=ROOT)
    run(tally, "changelog", [BIN / "antsibull-changelog", "lint"])
    if INSTALLED.exists():
        run(tally, "ansible-lint", [BIN / "ansible-lint", "--offline", "--profile", "production", "--strict", "."])
    else:
        skip(tally, "ansible-lint", "the collection is not installed; make install")


def unit(tally: Tally) -> None:
    """Unit tests on the interpreter of .venv."""
    run(tally, "unit tests", [sys.executable, "-m", "pytest", "-rs", "tests/unit"])


def native(tally: Tally) -> None:
    """The carried C module into .venv: the tests run on both twins then."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index"]
    if any(CARRIED.glob("copia_native-*.whl")):
        run(tally, "native", [*pip, "--force-reinstall", "--find-links", CARRIED, "copia-native"])
    else:
        skip(tally, "native", "no C compiler; everything runs in pure Python")


def wheels(tally: Tally) -> None:
    """The C module's wheels for every platform, and what holds of them."""
    carried_wheels(tally, True)
    run(tally, "wheels", [sys.executable, "-m", "pytest", "-rs", "tests/native/test_wheels.py"])


def emulation(tally: Tally, which: str = "test") -> None:
    """The wheels for aarch64 and musl on an emulated processor; or those of the tests that an expression names."""
    carried_wheels(tally, True)
    run(tally, "emulation", [sys.executable, "-m", "pytest", "-rs", "-k", which, "tests/native/test_emulation.py"])


def trust(tally: Tally) -> None:
    """The C module under sanitizers, fuzzers and proofs, each for some seconds."""
    run(tally, "sanitizers", [sys.executable, "-m", "tests.native.sanitizers"])
    run(tally, "fuzz", [sys.executable, "-m", "tests.native.fuzz"])
    run(tally, "proofs", [sys.executable, "-m", "tests.native.proofs"])


def faults(tally: Tally) -> None:
    """Kills, races, full disks."""
    run(tally, "faults", [sys.executable, "-m", "pytest", "-rs", "tests/faults"])


def ssh(tally: Tally) -> None:
    """The command against real sshd hosts."""
    run(tally, "ssh", [sys.executable, "-m", "pytest", "-rs", "tests/ssh"])


def machine(tally: Tally) -> None:
    """The state machine of the two-way sync, 200,000 steps; the unit tests run a tenth of them."""
    os.environ["COPIA_BISYNC_STEPS"] = "200000"
    run(tally, "machine", [sys.executable, "-m", "pytest", "-rs", "tests/unit/laws/test_bisync_machine.py"])


def hub(tally: Tally) -> None:
    """8 clients of a hub with 2,000 operations each, and 200 kills: of the fault tests that one alone."""
    run(tally, "hub", [sys.executable, "-m", "pytest", "-rs", "tests/faults/test_hub_crowd.py"])


def unit_on(tally: Tally, version: str, *folders: str) -> None:
    """Tests of some folders on another interpreter, in a venv of its own."""
    name = f"unit tests on {version}"
    python = interpreter(version)
    if python is None:
        skip(tally, name, f"no python{version} was found")
        return
    venv = BUILD / "matrix" / version
    if not (venv / "ready").exists():
        pip = [venv / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        needed = ["-r", ROOT / "requirements" / "controller.txt", "-r", ROOT / "requirements" / "test.txt"]
        subprocess.run([python, "-m", "venv", str(venv)], check=True, capture_output=True)
        if not run(tally, f"venv for {version}", [*pip, *needed]):
            return
        (venv / "ready").touch()
    # what a longer search finds, it finds on one interpreter
    fewer = ["env", "COPIA_BISYNC_STEPS=2000", "COPIA_HUB_EXAMPLES=20", "COPIA_HUB_CROWD=8 60 8"]
    pytest = [venv / "bin" / "python", "-m", "pytest", "-rs", "--ignore", "tests/unit/architecture"]
    run(tally, name, [*fewer, *pytest, *folders])


def sanity(tally: Tally) -> None:
    """ansible-test sanity on the installed collection: a copy in a git repository of its own, as ansible-test wants."""
    run(tally, "sanity", [sys.executable, "-m", "tests.sanity_run"])


def integration(tally: Tally) -> None:
    """Real sshd hosts, every connection."""
    run(tally, "integration", [sys.executable, ROOT / "tests" / "integration" / "run.py"])


def scenarios() -> Dict[str, Callable[[Tally], None]]:
    """A check for each scenario of a role."""

    def check(name: str) -> Callable[[Tally], None]:
        def scenario(tally: Tally) -> None:
            run(tally, f"molecule {name}", [BIN / "molecule", "test", "-s", name], cwd=ROOT / "extensions")

        return scenario

    return {
        path.parent.name: check(path.parent.name) for path in (ROOT / "extensions" / "molecule").glob("*/molecule.yml")
    }


def molecule(tally: Tally) -> None:
    """Role scenarios."""
    for _name, scenario in sorted(scenarios().items()):
        scenario(tally)


def matrix(tally: Tally) -> None:
    """Every interpreter that is found; the integration targets on the newest ansible-core that one of them can run."""
    found = {version: interpreter(version) for version in VERSIONS}
    for version, python in found.items():
        print(f"python {version}: {'found' if python else 'not found'}")
        if python:
            unit_on(tally, version, "tests/unit", "tests/faults")
    newest = [python for python in found.values() if python][-1]
    venv = BUILD / "matrix" / "newest-ansible"
    if not (venv / "ready").exists():
        subprocess.run([newest, "-m", "venv", str(venv)], check=True, capture_output=True)
        pip = [venv / "bin" / "python", "-m", "pip", "install", "-q", "--upgrade", "--disable-pip-version-check"]
        needed = [
            argument for name in ("ansible", "controller") for argument in ("-r", ROOT / "requirements" / f"{name}.txt")
        ]
        if not run(tally, "venv for the newest ansible-core", [*pip, *needed]):
            return
        (venv / "ready").touch()
    asked = subprocess.run([venv / "bin" / "ansible", "--version"], capture_output=True, check=True, env=environment())
    version = asked.stdout.decode().splitlines()[0]
    print(f"newest: {version}")
    playbook = venv / "bin" / "ansible-playbook"
    run(
        tally,
        f"integration on {version}",
        [sys.executable, ROOT / "tests" / "integration" / "run.py", "--ansible-playbook", playbook],
    )


def fast(tally: Tally) -> None:
    """What to run before a push."""
    lint(tally)
    unit(tally)


def older_and_newer(tally: Tally) -> None:
    """Unit tests on the oldest and on a new interpreter that a host may have; ``matrix`` runs more, on all."""
    for version in ("3.9", "3.13"):
        unit_on(tally, version, "tests/unit")


def some_emulation(tally: Tally) -> None:
    """Of the emulated tests those that take seconds."""
    emulation(tally, "imported or musl")


def test(tally: Tally) -> None:
    """Everything, in two rows that need about the same time."""
    wheels(tally)
    install(tally)
    others = scenarios()
    longest = others.pop("engine")
    in_lanes(
        tally,
        (lint, unit, faults, ssh, some_emulation, older_and_newer, *others.values()),
        (sanity, integration, longest, trust),
    )


WISHES: Dict[str, Callable[[Tally], None]] = {
    function.__name__: function
    for function in (
        *(
            test,
            fast,
            lint,
            unit,
            native,
            faults,
            ssh,
            machine,
            hub,
            wheels,
            emulation,
            trust,
            sanity,
            integration,
            molecule,
            matrix,
        ),
        *(collection, install),
    )
}


def main(words: Sequence[str]) -> int:
    """Fulfil the wishes; the exit status says whether anything failed."""
    unknown = [word for word in words if word not in WISHES]
    if unknown or not words:
        print(f"usage: python -m tests.chores {'|'.join(WISHES)}", file=sys.stderr)
        return 2
    tally = Tally()
    for word in words:
        WISHES[word](tally)
    print("-" * 40)
    for name in tally.ok:
        print(f"passed: {name}")
    for reason in tally.skipped:
        print(f"skipped: {reason}")
    for name in dict.fromkeys(tally.failed):
        print(f"failed: {name} (build/logs)")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
