# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests on the C module under sanitizers, and each of its doors called again and again.

``python -m tests.native.sanitizers`` builds the module with AddressSanitizer and UBSan, and runs the
unit tests that touch it; Python's own allocator is off, so that a read past the end of an object is seen. What was
allocated by the module and never freed is counted at the end. Then the ordinary build runs with tests/native/again.py.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
from typing import List, Sequence

from tests.native import build, unit

OURS = r"_copia_native|\bsrc/[a-z0-9_]+\.[ch]:"
"""What a line of a stack looks like that is the module's own."""
FOLDER = build.BUILD / "sanitized"
INSTRUMENTED = (
    *("-std=c11", "-O1", "-g", "-fno-omit-frame-pointer", "-fPIC", "-shared", "-pthread"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DPy_LIMITED_API=0x03090000", "-D_GNU_SOURCE=1"),
)


def leaks(reports: Sequence[pathlib.Path]) -> List[str]:
    """The reports on memory that the module allocated and nobody freed."""
    texts = [report.read_text(encoding="utf-8", errors="replace") for report in reports]
    parts = [part for text in texts for part in re.split(r"\n\n", text) if re.match(r"(Direct|Indirect) leak", part)]
    return [part for part in parts if any(re.search(OURS, line) for line in part.splitlines()[1:5])]


def sanitized() -> bool:
    """Whether the tests pass on the instrumented module and it leaks nothing.

    :raises build.backend.BuildError: where it can't be built.
    """
    if shutil.which("gcc") is None:
        raise build.backend.BuildError("no gcc is here")
    library = build.backend.compile_library(["gcc"], build.backend.host_headers(), {}, INSTRUMENTED)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    build.backend.put(str(FOLDER), build.backend.LIBRARY, library)
    asked = subprocess.run(["gcc", "-print-file-name=libasan.so"], stdout=subprocess.PIPE, check=True)
    code = unit.run(
        FOLDER,
        {
            "LD_PRELOAD": asked.stdout.decode().strip(),
            "PYTHONMALLOC": "malloc",
            "ASAN_OPTIONS": f"detect_leaks=1:log_path={FOLDER}/report",
            "LSAN_OPTIONS": "exitcode=0:report_objects=0",
            "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={FOLDER}/report",
        },
        ("-p", "no:faulthandler", *unit.about_twins("core", "disk")),
    )
    reports = sorted(FOLDER.glob("report*"))
    lost = leaks(reports)
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in reports]
    bad = [text for text in texts if re.search("ERROR: AddressSanitizer|runtime error", text)]
    print("\n".join([*lost, *bad]))
    print(f"{len(lost)} leaks of the module, {len(bad)} errors")
    return code == 0 and not lost and not bad


def repeated() -> bool:
    """Whether memory and descriptors stay as they are when each door is called again and again."""
    words = ("-p", "tests.native.again", *unit.about_twins("core", "disk"))
    return unit.run(unit.library_for_this_machine(), {}, words) == 0


def main() -> int:
    results = []
    for check in (sanitized, repeated):
        try:
            results.append(check())
        except build.backend.BuildError as error:
            print(f"skipped: {check.__name__}: {error}")
            results.append(None)
    print(f"{results.count(True)} passed, {results.count(False)} failed, {results.count(None)} skipped")
    return 1 if False in results else 0


if __name__ == "__main__":
    sys.exit(main())
