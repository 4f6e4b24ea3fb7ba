# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Harnesses of native/fuzz on the C module's algorithms: ``python -m tests.native.fuzz [--seconds N] [NAME...]``.

With clang it is libFuzzer, which steers by coverage; with gcc alone the inputs are those of native/fuzz/inputs.c. Both
under AddressSanitizer and UndefinedBehaviorSanitizer. The seconds are shared by the harnesses; what breaks one is kept
in build/fuzz and its name is printed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import List, Optional, Sequence, Tuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
BUILD = ROOT / "build" / "fuzz"
SECONDS = 10
FLAGS = ("-std=c11", "-g", "-O1", "-D_GNU_SOURCE=1", "-fno-sanitize-recover=all", f"-I{NATIVE / 'src'}", "-pthread")
CLANGS = ("clang", *(f"clang-{version}" for version in range(22, 11, -1)))
EMPTY = """#include <stdint.h>
#include <stddef.h>
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) { return input == NULL && length > 0; }
"""
SANITIZERS = "address,undefined"


class CannotBuild(Exception):
    """Why a harness is not there: one sentence."""


def works(command: Sequence[str]) -> bool:
    """Whether a compiler links a harness that does nothing; its sanitizers may be in a package of their own."""
    empty = BUILD / "empty.c"
    empty.write_text(EMPTY)
    words = [*command, str(empty), "-o", str(BUILD / "empty")]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def compiler() -> Tuple[List[str], bool]:
    """The words that compile a harness, and whether it is a libFuzzer.

    :raises CannotBuild: where no compiler has the sanitizers.
    """
    for name in filter(shutil.which, CLANGS):
        command = [name, *FLAGS, f"-fsanitize=fuzzer,{SANITIZERS}"]
        if works(command):
            return command, True
    command = ["gcc", *FLAGS, f"-fsanitize={SANITIZERS}", str(NATIVE / "fuzz" / "inputs.c")]
    if shutil.which("gcc") and works(command):
        return command, False
    raise CannotBuild("no clang and no gcc with sanitizers is here")


def build(harness: pathlib.Path, command: Sequence[str]) -> pathlib.Path:
    """The harness as a program.

    :raises CannotBuild: where the sources that it names are not (yet) there.
    """
    named = re.search(r"Sources: ([a-z0-9_. ]+)", harness.read_text(encoding="utf-8"))
    sources = [NATIVE / "src" / name for name in (named[1].split() if named else [])]
    missing = [path.name for path in sources if not path.is_file()]
    if missing:
        raise CannotBuild(f"native/src has no {', '.join(missing)}")
    program = BUILD / harness.stem
    objects = [compiled(path, command) for path in sources if path.suffix == ".c"]
    subprocess.run([*command, str(harness), *objects, "-o", str(program)], check=True)
    return program


def compiled(source: pathlib.Path, command: Sequence[str]) -> str:
    """The object of a source, which several harnesses have; made once in a run."""
    made = BUILD / f"{source.stem}.o"
    if not made.exists():
        words = [word for word in command if not word.endswith(".c")]
        subprocess.run([*words, "-c", str(source), "-o", str(made)], check=True)
    return str(made)


def fuzz(program: pathlib.Path, steered: bool, seconds: int) -> bool:
    """Run a harness; whether nothing was found."""
    corpus = BUILD / f"{program.name}.corpus"
    corpus.mkdir(exist_ok=True)
    words = [str(program), str(seconds)]
    if steered:
        limits = [f"-max_total_time={seconds}", "-max_len=16384", f"-artifact_prefix={program}-"]
        words = [str(program), *limits, str(corpus)]
    environment = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "detect_leaks=1"}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace")
    runs = re.search(r"Done (\d+) runs", said)
    how = "by coverage" if steered else "at random"
    print(f"{program.name}: {runs[1] if runs else 'no'} inputs in {seconds} s, {how}", flush=True)
    if done.returncode:
        print("\n".join(said.splitlines()[-60:]))
    return done.returncode == 0 and runs is not None and int(runs[1]) > 0


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Fuzz the C module's algorithms.")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for all harnesses together")
    parser.add_argument("names", nargs="*", help="harnesses; all by default")
    options = parser.parse_args(words)
    BUILD.mkdir(parents=True, exist_ok=True)
    for old in BUILD.glob("*.o"):
        old.unlink()
    harnesses = sorted((NATIVE / "fuzz").glob("fuzz_*.c"))
    chosen = [path for path in harnesses if not options.names or path.stem in options.names]
    results: List[Optional[bool]] = []
    command: List[str] = []
    for harness in chosen:
        try:
            if not command:
                command, steered = compiler()
            program = build(harness, command)
            results.append(fuzz(program, steered, max(1, options.seconds // len(chosen))))
        except CannotBuild as error:
            print(f"skipped: {harness.stem}: {error}")
            results.append(None)
    passed, failed, skipped = (results.count(kind) for kind in (True, False, None))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
