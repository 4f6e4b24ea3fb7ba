# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selection is the table of docs/spec/selection.md; it is what git does, and pathspec where it does the same."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Iterator, List, Optional, Set, Tuple

import pathspec
import pytest
from copia.core.errors import InputError
from copia.core.selection import REMEMBERED, Rules, Selector, selector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "spec" / "selection.md"


def rows() -> Iterator[Tuple[Tuple[str, ...], str, bool]]:
    section = PAGE.read_text(encoding="utf-8").split("## Lines\n")[1].split("\n## ")[0]
    for line in [line for line in section.splitlines() if line.startswith("| `")]:
        lines, entry, excluded = line.strip("| ").split(" | ")
        yield tuple(re.findall("`([^`]*)`", lines)), entry.strip("`"), {"yes": True, "no": False}[excluded.strip()]


def leaves_out(rules: Rules, entry: str) -> bool:
    """Whether ``entry`` (a directory with a slash behind it) is left out, asked from the top."""
    chosen = selector(rules)
    if chosen is None:
        return False
    names = os.fsencode(entry.rstrip("/")).split(b"/")
    above = any(chosen.excludes(b"/".join(names[:depth]), True) for depth in range(1, len(names)))
    return above or chosen.excludes(b"/".join(names), entry.endswith("/"))


@pytest.mark.parametrize(("lines", "entry", "excluded"), list(rows()), ids=str)
def test_a_line_leaves_out_what_the_page_says(lines: Tuple[str, ...], entry: str, excluded: bool) -> None:
    assert leaves_out(Rules(lines), entry) is excluded


def test_the_page_has_its_rows() -> None:
    assert len(list(rows())) >= 36


def test_an_include_is_a_line_with_an_exclamation_mark_behind_the_others() -> None:
    rules = Rules(("*.log", "*.tmp"), ("keep.log",))
    assert [leaves_out(rules, name) for name in ("keep.log", "a.log", "a.tmp", "a")] == [False, True, True, False]


def test_only_some_files_by_the_idiom_of_the_page() -> None:
    rules = Rules(("*", "!*/"), ("*.conf",))
    assert [leaves_out(rules, entry) for entry in ("a/b/", "a/b/x.conf", "a/b/x")] == [False, False, True]


@pytest.mark.parametrize(
    "rules", [Rules(), Rules((), ("*.conf",)), Rules(("", "# note", "  "), ("#",)), Rules(("!x",))]
)
def test_rules_that_leave_nothing_out_need_no_selector(rules: Rules) -> None:
    assert selector(rules) is None


REFUSED = ("a\\", "[a", "x[", "[z-a]", "[[:alpha:]]", "/", "!", "!/", "//a", "a//b", "./a", "a/../b", "b//", "a\nb")


@pytest.mark.parametrize("line", [*REFUSED, "\ud800"])
def test_a_line_that_can_never_name_anything_is_refused_by_name(line: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"exclude {line!r}")):
        selector(Rules(("fine", line)))


@pytest.mark.parametrize("line", ["!x", "[a", "/"])
def test_an_include_that_is_wrong_is_refused_as_an_include(line: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"include {line!r}")):
        selector(Rules(("x",), (line,)))


@pytest.mark.parametrize("line", ["*.pyc\n", "*.pyc\r\n", "*.pyc  "])
def test_white_space_at_the_end_of_a_line_does_not_count(line: str) -> None:
    assert leaves_out(Rules((line,)), "a.pyc")


@pytest.mark.parametrize(
    ("line", "path", "excluded"),
    [
        ("*.pyc", b"\xff\xfe.pyc", True),
        ("/\udcff?.pyc", b"\xff\xfe.pyc", True),
        ("a?", b"a\xff", True),
        ("*.pyc", b"new\nline/x.pyc", True),
        ("*.pyc", b"x.pyc\n", False),
        ("x", b"x\n", False),
        ("/d/x", b"d/x\n", False),
        ("a?b", b"a\nb", True),
        ("**/d/x", b"new\nline/d/x", True),
        ("*", b"\n", True),
        ("d/**", b"d/\n", True),
    ],
)
def test_names_are_bytes(line: str, path: bytes, excluded: bool) -> None:
    chosen = selector(Rules((line,)))
    assert chosen is not None
    assert chosen.excludes(path, False) is excluded


def test_no_rules_no_import_of_pathspec() -> None:
    code = (
        "import sys, tests.conftest; from copia.core.selection import *; "
        "selector(Rules()); print('pathspec' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_what_is_remembered_is_bounded() -> None:
    chosen = selector(Rules(("*7",)))
    assert chosen is not None
    names = [b"%d" % number for number in range(REMEMBERED + 10)]
    assert [chosen.excludes(name, False) for name in names] == [name.endswith(b"7") for name in names]
    assert all(len(known) <= REMEMBERED for known in chosen._known)


NAMES = ("a", "b", "ab", "a.c", "b.c")
WORDS = st.sampled_from([*NAMES, "*", "**", "?", "a*", "*.c", "[ab]", "[!a]", "[!a].c", "\\a", "*b*", "a**"])
ODD = ("[!a]", "[!a].c", "a**")
"""In a path, pathspec lets such sets match a slash, and git takes ``a**/`` for more than its manual says. And pathspec
lets ``a/**/`` name the files right in ``a``, which git does not.
"""
BARE = st.builds("".join, st.tuples(WORDS, st.sampled_from(["", "/"])))
PATHS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "/"]),
        st.lists(WORDS.filter(lambda word: word not in ODD), min_size=1, max_size=4).map("/".join),
        st.sampled_from(["", "/"]),
    ),
)
LINES = st.builds("".join, st.tuples(st.sampled_from(["", "", "!"]), BARE | PATHS))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A tree of three levels with every name at each, files and directories, in a repository of git."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed, so its own answers cannot be compared")
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", root], check=True)
    for outer in ("a", "b", "a.c"):
        for inner in ("a", "ab", "b.c"):
            (root / outer / inner / "a").mkdir(parents=True)
            for name in NAMES[1:]:
                (root / outer / inner / name).touch()
        (root / outer / "b").touch()
        (root / outer / "a.c").touch()
    (root / "ab").touch()
    (root / "b.c").touch()
    return root


def every(root: pathlib.Path) -> List[Tuple[str, bool]]:
    found = sorted(path for path in root.rglob("*") if ".git" not in path.parts)
    return [(str(path.relative_to(root)), path.is_dir()) for path in found]


def walked(chosen: Optional[Selector], entries: List[Tuple[str, bool]]) -> Set[str]:
    """What is left out when the tree is asked from the top."""
    out: Set[str] = set()
    for path, is_directory in entries:
        above = path.rpartition("/")[0]
        if above in out or (chosen is not None and chosen.excludes(os.fsencode(path), is_directory)):
            out.add(path)
    return out


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=1, max_size=5))
def test_the_answer_is_that_of_git(repository: pathlib.Path, lines: List[str]) -> None:
    entries = every(repository)
    (repository / ".git" / "info" / "exclude").write_text("".join(f"{line}\n" for line in lines))
    asked = "".join(f"{path}\0" for path, _is_directory in entries).encode()
    command = ["git", "-C", str(repository), "check-ignore", "-z", "--stdin", "--no-index"]
    answer = subprocess.run(command, input=asked, capture_output=True, check=False).stdout.decode()
    try:
        chosen = selector(Rules(tuple(lines)))
    except InputError:
        assert any(line.strip("!") in ("", "/") for line in lines)
        return
    assert walked(chosen, entries) == set(filter(None, answer.split("\0")))


@settings(max_examples=300, deadline=None)
@given(st.lists(BARE | PATHS, min_size=1, max_size=5), st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))
def test_without_negation_the_answer_for_a_file_is_that_of_pathspec(lines: List[str], parts: List[str]) -> None:
    lines = [line for line in lines if "[!" not in line and not line.endswith("/**/")]  # see ODD
    spec = pathspec.GitIgnoreSpec.from_lines(lines)
    assert leaves_out(Rules(tuple(lines)), "/".join(parts)) is spec.match_file("/".join(parts))
