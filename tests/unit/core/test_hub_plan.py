# Copyright (c) 2026 The copia.sync authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of a hub's client are the tables of docs/spec/hub-sync.md, and the hub's tree follows its news."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, NamedTuple, Optional, Set, Tuple

import pytest
from copia.core.bisync_plan import Reconciliation, Rulebook, reconcile
from copia.core.cas import Decision
from copia.core.entries import ABSENT, Entry, Kind, Presence
from copia.core.hub_plan import (
    BYTES_MOST,
    OFFERS_MOST,
    Agreed,
    Asking,
    Did,
    Direction,
    Next,
    Part,
    as_sent,
    judge_agreed,
    judge_answer,
    judge_asking,
    judge_line,
    judge_part,
    not_agreed,
    offer_of,
    portions,
    selected,
    steps_of,
    with_own_times,
)
from copia.core.hub_words import Offer
from copia.core.manifest import Manifest
from copia.core.paths import TreePath
from copia.core.reconcile import compare
from copia.core.repack import as_news, with_news
from copia.core.seen import Seen
from copia.core.selection import Rules, selector
from copia.core.steps import MakeDirectory, MirrorPlan, PutFile, Reason, Step
from copia.core.verdicts import Policy, Where
from copia.wire.hub_messages import BLOB_MOST, encode_offers

from tests.mutants import Kernel, survivors
from tests.tables import YES_NO, cases, idle_rows, table, verdict

PAGE = "hub-sync.md"
PARTS = cases(direction=tuple(d.value for d in Direction), side=tuple(side.word for side in Where))
ANSWERS = cases(decision=tuple(decision.value for decision in Decision), bare=YES_NO, insists=YES_NO)
ASKINGS = cases(removal=YES_NO, large=YES_NO, insists=YES_NO)
AGREEMENTS = cases(local=tuple(did.value for did in Did), hub=tuple(did.value for did in Did))


def parts_agree(kernel: Kernel) -> bool:
    rows = table(PAGE, "Which part is taken")
    return all(
        kernel(Direction(case["direction"]), Where[case["side"].upper()]) is Part(verdict(rows, case, "part"))
        for case in PARTS
    )


def agreements_agree(kernel: Kernel) -> bool:
    rows = table(PAGE, "What is agreed on")
    return all(
        kernel(Did(case["local"]), Did(case["hub"])) is Agreed(verdict(rows, case, "agreed")) for case in AGREEMENTS
    )


def answers_agree(kernel: Kernel) -> bool:
    rows = table(PAGE, "An answer")
    return all(
        kernel(Decision(case["decision"]), case["bare"] == "yes", case["insists"] == "yes")
        is Next(verdict(rows, case, "next"))
        for case in ANSWERS
    )


def lines_agree(kernel: Kernel) -> bool:
    rows = table(PAGE, "Whether the hub is the one that we agreed with")
    return all(
        kernel(case["knows our revision"] == "yes", case["ours is too old"] == "yes").value
        == verdict(rows, case, "line")
        for case in LINES
    )


LINES = cases(**{"knows our revision": YES_NO, "ours is too old": YES_NO})


def askings_agree(kernel: Kernel) -> bool:
    rows = table(PAGE, "What is asked first")
    return all(
        kernel(*(case[name] == "yes" for name in ("removal", "large", "insists")))
        is Asking(verdict(rows, case, "asking"))
        for case in ASKINGS
    )


KERNELS = [
    (judge_part, parts_agree),
    (judge_agreed, agreements_agree),
    (judge_answer, answers_agree),
    (judge_line, lines_agree),
    (judge_asking, askings_agree),
]


@pytest.mark.parametrize(("kernel", "agrees"), KERNELS, ids=[kernel.__name__ for kernel, _agrees in KERNELS])
def test_a_kernel_is_its_table_and_no_mutant_of_it_is(kernel: Kernel, agrees: Callable[[Kernel], bool]) -> None:
    assert agrees(kernel)
    assert not survivors(kernel, agrees)


def test_every_row_of_the_page_decides_something() -> None:
    assert not idle_rows(table(PAGE, "Which part is taken"), PARTS)
    assert not idle_rows(table(PAGE, "What is asked first"), ASKINGS)
    assert not idle_rows(table(PAGE, "An answer"), ANSWERS)
    assert not idle_rows(table(PAGE, "Whether the hub is the one that we agreed with"), LINES)
    assert not idle_rows(table(PAGE, "What is agreed on"), AGREEMENTS)


def entry(name: str, text: str = "", *, digested: bool = True) -> Entry:
    """``d/`` is a directory, ``l->x`` a link, all else a file with ``text``; the digest is made up from it."""
    path = TreePath(name.rstrip("/").partition("->")[0].encode())
    if name.endswith("/"):
        return Entry(path, Kind.DIRECTORY, 0, 5, 0o755)
    digest = text.encode().ljust(32, b".") if digested else None
    return Entry(path, Kind.FILE, len(text), 10**9 + sum(text.encode()), 0o644, digest)


def tree(words: str, *, digested: bool = True) -> Manifest:
    rows = []
    for word in words.split():
        name, _equals, text = word.partition("=")
        rows.append((entry(name, text, digested=digested).path, entry(name, text, digested=digested)))
    return after(Manifest(ABSENT), rows)


def after(before: Manifest, rows: "Iterable[Tuple[TreePath, Presence]]") -> Manifest:
    return Manifest(ABSENT, tuple(with_news(before.blocks, as_news(rows))))


def paths(manifest: Manifest) -> "list[bytes]":
    return [path for path, _what in manifest]


def test_news_change_only_what_they_name() -> None:
    before = tree("a=1 d/ d/b=2 d/c=3 e/ e/f=4")
    news: "list[Tuple[TreePath, Presence]]" = [
        (TreePath(b"d/b"), ABSENT),
        (TreePath(b"e"), ABSENT),
        (TreePath(b"e/f"), ABSENT),
        (TreePath(b"g"), entry("g", "5")),
    ]
    assert paths(after(before, news)) == [b"a", b"d", b"g", b"d/c"]
    assert after(before, []) == before


def test_a_directory_that_is_gone_takes_along_what_was_in_it() -> None:
    gone = after(tree("d/ d/e/ d/e/f=1 x=2"), [(TreePath(b"d"), ABSENT)])
    assert paths(gone) == [b"x"]
    replaced = after(tree("d/ d/e=1"), [(TreePath(b"d"), entry("d", "file"))])
    assert paths(replaced) == [b"d"]


def test_what_is_excluded_here_is_not_seen_on_the_hub_and_shelters_its_directory() -> None:
    seen = Seen()
    there = tree("a.tmp=1 d/ d/x.tmp=2 d/y=3 cache/ cache/z=4 e/ e/w.tmp=5")
    left = list(selected(there.blocks, selector(Rules(("*.tmp", "cache/"))), seen))
    assert paths(seen.manifest(left)) == [b"d", b"e", b"d/y"]
    assert seen.sheltering == [b"", b"d", b"e"]


class Planned(NamedTuple):
    """A plan, the offers that it makes by path, ``(expected, wanted)`` as texts, and the paths that it changes here."""

    plan: Reconciliation
    offers: Dict[bytes, Tuple[str, str]]
    here: Set[TreePath]


def planned(local: str, hub: str, base: Optional[str], policy: Policy = Policy.KEEP_BOTH) -> Planned:
    found = compare(tree(local, digested=False), tree(hub), None if base is None else tree(base))
    digests = {path: what.digest for path, what in tree(local) if isinstance(what, Entry) and what.digest}
    plan = reconcile(found, digests, {}, Rulebook(policy, b"", keeper=Where.RIGHT))
    offers = map(offer_of, steps_of(plan.plans[Where.RIGHT]))
    texts = {bytes(offer.path): (_text(offer.expected), _text(offer.wanted)) for offer in offers}
    return Planned(plan, texts, {step.path for step in steps_of(plan.plans[Where.LEFT])})


def _text(what: Presence) -> str:
    if not isinstance(what, Entry):
        return "nothing"
    return (what.digest or b"?").rstrip(b".").decode() if what.kind is Kind.FILE else what.kind.name.lower()


PATHS = [
    ("a new file is offered where nothing is", "a=1", "", "", ("nothing", "1"), False),
    ("a new file without any base", "a=1", "", None, ("nothing", "1"), False),
    ("an edit expects what the base has", "a=12", "a=1", "a=1", ("1", "12"), False),
    ("a removal expects what the base has", "", "a=1", "a=1", ("1", "nothing"), False),
    ("without a base nothing is removed", "", "a=1", None, None, True),
    ("an edit on the hub is fetched", "a=1", "a=12", "a=1", None, True),
    ("a removal on the hub is made here", "a=1", "", "a=1", None, True),
    ("an edit here wins over a removal there", "a=12", "", "a=1", ("nothing", "12"), False),
    ("a removal here gives way to an edit there", "", "a=12", "a=1", None, True),
    ("equal edits are no conflict", "a=2", "a=2", "a=1", None, False),
    ("another content of the same size and time is seen", "a=ab", "a=ba", "a=ab", None, True),
]


@pytest.mark.parametrize(("what", "local", "hub", "base", "offer", "here"), PATHS, ids=[row[0] for row in PATHS])
def test_a_path(
    what: str, local: str, hub: str, base: Optional[str], offer: Optional[Tuple[str, str]], here: bool
) -> None:
    made = planned(local, hub, base)
    assert made.offers.get(b"a") == offer, what
    assert bool(made.here) is here, what


def test_in_a_conflict_the_hub_keeps_the_name_and_gets_a_copy_named_by_hash() -> None:
    made = planned("a=zz", "a=aa1", "a=1")
    (conflict,) = made.plan.conflicts
    assert conflict.winner is Where.RIGHT
    assert conflict.kept_as == b"a.conflict-" + b"zz".ljust(32, b".").hex()[:16].encode()
    assert made.offers == {conflict.kept_as: ("nothing", "zz")}
    assert made.here == {b"a"}


def test_a_policy_overrides_what_the_hub_has_and_says_so() -> None:
    made = planned("a=zz", "a=aa1", "a=1", Policy.PREFER_LEFT)
    assert made.offers == {b"a": ("aa1", "zz")} and not made.here


def test_what_one_side_leaves_undone_is_not_agreed_on() -> None:
    plan = planned("a=12 b=1", "a=1 b=12 c=3", "a=1 b=1").plan
    nothing: Set[TreePath] = set()
    a, b, c = (TreePath(name) for name in (b"a", b"b", b"c"))
    assert not_agreed(plan, Direction.BOTH, (nothing, nothing)) == set()
    assert not_agreed(plan, Direction.BOTH, ({b}, nothing)) == {b}
    assert not_agreed(plan, Direction.BOTH, (nothing, {a})) == {a}
    assert not_agreed(plan, Direction.PUSH, (nothing, nothing)) == {b, c}
    assert not_agreed(plan, Direction.PULL, (nothing, nothing)) == {a}


def test_the_conflict_copy_of_a_push_is_not_agreed_on_for_it_is_not_here() -> None:
    plan = planned("a=zz", "a=aa1", "a=1").plan
    copy = TreePath(plan.conflicts[0].kept_as)
    assert not_agreed(plan, Direction.PUSH, (set(), set())) == {TreePath(b"a"), copy}
    assert not_agreed(plan, Direction.BOTH, (set(), set())) == set()


def test_directories_keep_their_own_times() -> None:
    here, there = tree("d/ d/a=1"), tree("d/ d/a=1 d/e/")
    later = after(there, [(TreePath(b"d"), entry("d/")._replace(mtime_ns=99))])
    assert with_own_times((here.blocks[0], later.blocks[0], later.blocks[0])) == (here.blocks[0], *there.blocks[:1] * 2)
    assert with_own_times((None, later.blocks[0], None)) == (None, later.blocks[0], None)


def test_an_unchanged_tree_is_quiet() -> None:
    words = "a=1 d/ d/b=2"
    assert not compare(tree(words, digested=False), tree(words), tree(words)).cases


def puts(sizes: "list[int]", length: int = 10) -> "list[Step]":
    """New files of these sizes, with paths of a length."""
    steps: "list[Step]" = []
    for number, size in enumerate(sizes):
        path = TreePath(b"%d" % number + b"/n" * ((length - 6) // 2))
        steps.append(PutFile(path, ABSENT, Entry(path, Kind.FILE, size, 5, 0o644, b"." * 32), Reason.CONTENT))
    return steps


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        (puts([]), []),
        (puts([1] * (OFFERS_MOST + 1)), [OFFERS_MOST, 1]),
        (puts([BYTES_MOST, 1, 1]), [2, 1]),
        (puts([BYTES_MOST + 1, 1, BYTES_MOST + 1, BYTES_MOST + 1]), [1, 2, 1]),
        (puts([1] * 700, 4000), [524, 176]),
    ],
    ids=["nothing", "many offers", "much content", "large files", "long paths"],
)
def test_one_call_has_its_bounds(steps: "list[Step]", counts: "list[int]") -> None:
    found = list(portions(steps))
    assert [len(part) for part in found] == counts
    assert [step for part in found for step in part] == steps
    for part in found:
        offers = [offer_of(step) for step in part]
        assert len(encode_offers([Offer(o.path, o.wanted, o.wanted) for o in offers])) < BLOB_MOST // 2


def test_a_hub_gets_new_directories_just_before_what_goes_into_them() -> None:
    directories = [entry(path) for path in ("a/", "b/", "a/c/", "a/c/d/", "e/")]
    files = [entry(path) for path in ("0", "a/1", "a/c/2", "a/c/d/3", "b/4", "b/5", "old/6")]
    plan = MirrorPlan(
        makes=tuple(MakeDirectory(made.path, ABSENT, made, Reason.ABSENT) for made in directories),
        puts=tuple(PutFile(put.path, ABSENT, put, Reason.ABSENT) for put in files),
    )
    sent = [step.path.decode() for step in as_sent(plan)]
    assert sent == ["0", "a", "a/1", "a/c", "a/c/2", "a/c/d", "a/c/d/3", "b", "b/4", "b/5", "e", "old/6"]
    assert sorted(sent) == sorted(step.path.decode() for step in steps_of(plan))
