# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels hold what their tags promise: ``make wheels`` builds them and runs this."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import platform
import re
import subprocess
import sys
import zipfile

import pytest

from tests import chores
from tests.native import build, library

HERE = f"{platform.machine()}"
LARGEST = 128 * 1024
EACH = pytest.mark.parametrize("tag", library.TAGS, ids=lambda tag: tag.split(".")[0])
SMOKE = """
import sys, _copia_native
doors = [name for name in dir(_copia_native) if callable(getattr(_copia_native, name))]
for name in doors:  # no function takes this, and each says so in Python's way
    try:
        getattr(_copia_native, name)(*[object()] * 12)
    except TypeError:
        continue
    sys.exit(f"{name} takes anything")
print(_copia_native.__file__, _copia_native.ABI)
"""


@EACH
def test_a_wheel_is_small_and_complete(tag: str) -> None:
    """What RECORD says is what is there, and nothing else is."""
    path = library.wheel(tag)
    assert path.stat().st_size < LARGEST
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        lines = [line.split(",") for line in archive.read(record).decode().splitlines()]
        assert sorted(line[0] for line in lines) == sorted(names)
        for name, digest, size in lines:
            content = archive.read(name)
            sha = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert name == record or (digest, size) == (f"sha256={sha}", str(len(content)))


@EACH
def test_a_library_tells_nothing_of_where_it_was_built(tag: str, tmp_path: pathlib.Path) -> None:
    content = (library.unpacked(tag, tmp_path) / library.LIBRARY).read_bytes()
    home = str(pathlib.Path.home()).encode()
    assert str(build.ROOT).encode() not in content and b"/tmp/" not in content and home + b"/" not in content


def test_the_same_source_gives_the_same_bytes(tmp_path: pathlib.Path) -> None:
    """In another folder, at another time."""
    zig = build.installed_zig()
    if zig is None:
        pytest.skip("zig is not installed in build/zig: make wheels")
    copy = tmp_path / "elsewhere"
    (copy / "src").mkdir(parents=True)
    for path in [*(build.ROOT / "native").glob("*.[pt]*"), *(build.ROOT / "native" / "src").glob("*.[ch]")]:
        (copy / path.relative_to(build.ROOT / "native")).write_bytes(path.read_bytes())
    command = [sys.executable, copy / "wheels.py", tmp_path / "again", "--zig", zig]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)
    made = {path.name: path.read_bytes() for path in (tmp_path / "again").glob("copia_native-*")}
    assert set(made) == {path.name for path in build.CARRIED.iterdir()}
    assert [name for name, content in made.items() if (build.CARRIED / name).read_bytes() != content] == []


@EACH
def test_a_library_asks_for_no_more_than_its_tag_says(tag: str, tmp_path: pathlib.Path) -> None:
    """glibc's symbols up to 2.17, each with a version; musl's C library alone; Python's from the importing program."""
    needs = library.needs(library.unpacked(tag, tmp_path) / library.LIBRARY)
    foreign = {name for name in needs.symbols if not name.startswith(("Py", "_Py"))}
    if tag.startswith("manylinux"):
        allowed = {"libc.so.6", "libpthread.so.0", "ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2"}
        versions = {name: re.search(r"@GLIBC_2\.(\d+)", name) for name in foreign}
        assert [name for name, found in versions.items() if found is None or int(found[1]) > 17] == []
    else:
        allowed = {"libc.so"}
    assert needs.libraries <= allowed


def test_the_version_is_that_of_the_engine() -> None:
    project = (build.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{build.backend.field("version")}"' in project


@pytest.mark.parametrize("version", chores.VERSIONS)
def test_every_python_imports_the_library_of_this_machine(version: str, tmp_path: pathlib.Path) -> None:
    python = chores.interpreter(version)
    if python is None:
        pytest.skip(f"no python{version} was found")
    libc = "manylinux_2_17" if platform.libc_ver()[0] else "musllinux_1_2"
    tag = next((tag for tag in library.TAGS if tag.startswith(libc) and tag.endswith(HERE)), None)
    if tag is None:
        pytest.skip(f"no wheel is made for {HERE}")
    folder = library.unpacked(tag, tmp_path)
    command, path = [python, "-c", SMOKE], {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=path, capture_output=True, check=False)
    assert done.stdout.decode().startswith(str(folder)), done.stderr.decode()


def test_pip_builds_the_source_without_an_index(tmp_path: pathlib.Path) -> None:
    """As the role does on a host that no wheel fits."""
    try:
        build.backend.host_compiler()
        build.backend.host_headers()
    except build.backend.BuildError as error:
        pytest.skip(str(error))
    archive = next(build.CARRIED.glob("copia_native-*.tar.gz"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--isolated", "--no-index", "--no-deps", "--target"]
    subprocess.run([*pip, str(tmp_path), str(archive)], check=True)
    command, path = [sys.executable, "-c", SMOKE], {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=path, capture_output=True, check=False)
    assert done.stdout.decode().startswith(str(tmp_path)), done.stderr.decode()
