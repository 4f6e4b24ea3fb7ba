# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs of native/proofs: ``python -m tests.native.proofs``.

``rolling.c`` tries every case and needs a C compiler; ``bounds.c`` is for Frama-C's plug-in Eva, and needs that.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
from typing import Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
BUILD = ROOT / "build" / "proofs"
CHECKED = ("-std=c11", "-O2", "-D_GNU_SOURCE=1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
EVA = (
    *("-machdep", "gcc_x86_64", "-cpp-extra-args=-U__x86_64__ -Inative/src -DNDEBUG", "-eva", "-eva-precision", "1"),
    *("-eva-alloc-builtin", "fresh", "-eva-slevel", "200", "-eva-auto-loop-unroll", "256", "-eva-split-return", "auto"),
)


class CannotProve(Exception):
    """Why a proof is not tried: one sentence."""


def output(words: Sequence[str]) -> str:
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace")


def rolling() -> bool:
    """Every case of the rolling sum."""
    if shutil.which("gcc") is None:
        raise CannotProve("no gcc is here")
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / "rolling"
    files = [NATIVE / "proofs" / "rolling.c", *(NATIVE / "src" / f"{name}.c" for name in ("blocks", "blake3", "cpu"))]
    subprocess.run(["gcc", *CHECKED, f"-I{NATIVE / 'src'}", *map(str, files), "-o", str(program)], check=True)
    said = output([str(program)])
    print(f"rolling: {said.strip()}")
    return said == "proved\n"


def bounds() -> bool:
    """No access out of bounds, for any content."""
    if shutil.which("frama-c") is None:
        raise CannotProve("no frama-c is here: install frama-c-base")
    library = f"{output(['frama-c', '-print-share-path']).strip()}/libc/string.c"
    said = output(["frama-c", *EVA, "native/proofs/bounds.c", library])
    summary = said.partition("ANALYSIS SUMMARY")[2]
    alarms = re.findall(r"^\[eva:alarm\].*\n.*\n?.*", said, re.MULTILINE)
    print("\n".join(["bounds:", *alarms, *(line for line in summary.splitlines() if line.startswith("  "))]))
    return "0 alarms generated" in summary and "100% of the logical properties reached have been proven" in summary


def main() -> int:
    passed, failed, skipped = 0, 0, 0
    for proof in (rolling, bounds):
        try:
            holds = proof()
        except CannotProve as reason:
            print(f"skipped: {proof.__name__}: {reason}")
            skipped += 1
            continue
        passed, failed = passed + holds, failed + (not holds)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
