"""The engines of Ratcliff/Obershelp matching: all give difflib's numbers, and none can be stalled."""

from __future__ import annotations

import difflib
import os
import random
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rewards.ratcliff import Block, Engine, Fallback, Native, engines, matching_blocks
from tests.rewards.ratcliff_pairs import hostile, pairs, steps

ENGINES = list(engines())
BY_LABEL = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.label.split()[0])

COMPILER = shutil.which((os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++").split()[0])
NATIVE = next((engine for engine in ENGINES if isinstance(engine, Native)), None)
native_only = pytest.mark.skipif(NATIVE is None, reason="the native kernel was not built")

MODES = pytest.mark.parametrize("autojunk", [False, True])


def oracle(completion: str, reference: str, autojunk: bool) -> float:
    return difflib.SequenceMatcher(None, completion, reference, autojunk).ratio()


def ratios(engine: Engine, batch: list[tuple[str, str]], autojunk: bool, threads: int = 1) -> list[float | None]:
    return engine.ratios([pair[0] for pair in batch], [pair[1] for pair in batch], autojunk=autojunk, threads=threads)


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
def test_where_there_is_a_compiler_the_native_kernel_runs() -> None:
    """The extension is optional, so a kernel that does not compile would otherwise go unnoticed."""
    assert NATIVE is not None
    assert [engine.label.split()[0] for engine in ENGINES] == ["native", "cydifflib", "difflib"]


# -- the same numbers -------------------------------------------------------------------------------------------------

WORKED = [
    pytest.param("", "", 1.0, id="nothing equals nothing"),
    pytest.param("", "abc", 0.0, id="nothing in common"),
    pytest.param("abc", "abc", 1.0, id="equal"),
    pytest.param("abcd", "bcde", 2 * 3 / 8, id="the longest block is bcd"),
    # of ab (0) and ab (2) the first is taken, so that ab is left to match behind it
    pytest.param("abab", "ab", 2 * 2 / 6, id="the first in the completion"),
    # both a's of the reference fit: the first is taken, and b matches behind it
    pytest.param("ab", "axayb", 2 * 2 / 7, id="the first in the reference"),
    # xy is longest; a and b lie on different sides of it and are lost, which no alignment by edits would do
    pytest.param("axyb", "bxya", 2 * 2 / 8, id="crossing is lost"),
    # bc (2) is taken before a..d could be aligned in full: greedy, not optimal
    pytest.param("bcaxd", "axdbc", 2 * 3 / 10, id="greedy"),
    pytest.param("\x00a\ud800", "\x00a\ud800", 1.0, id="NUL and a lone surrogate"),
    pytest.param("e\u0301", "\u00e9", 0.0, id="combining is not composed"),
]


@BY_LABEL
@MODES
@pytest.mark.parametrize(("completion", "reference", "ratio"), WORKED)
def test_worked_examples(engine: Engine, autojunk: bool, completion: str, reference: str, ratio: float) -> None:
    assert engine.ratios([completion], [reference], autojunk=autojunk) == [ratio]


@BY_LABEL
def test_autojunk_starts_at_200_and_extends_blocks_by_popular_characters(engine: Engine) -> None:
    """In 200 characters more than 200 // 100 + 1 = 3 occurrences make a character popular."""
    reference = "xyz" + "a" * 197
    # yz is sought and found; x and the a's are popular only in the case of the a's, so: the block xyz, then aaa
    assert engine.ratios(["xyzaaa"], [reference], autojunk=True) == [2 * 6 / 206]
    # no unpopular character in common: the block is what is equal at the start of both, nothing here …
    assert engine.ratios(["aaa"], [reference], autojunk=True) == [0.0]
    assert engine.ratios(["aaa"], [reference], autojunk=False) == [2 * 3 / 203]
    # … and at 199 characters nothing is popular
    assert engine.ratios(["aaa"], [reference[:199]], autojunk=True) == [2 * 3 / 202]
    # three occurrences are not popular, four are
    threes = "qqq" + "".join(chr(0x4E00 + at) for at in range(197))
    assert engine.ratios(["-q"], [threes], autojunk=True) == [2 / 202]
    assert engine.ratios(["-q"], ["q" + threes], autojunk=True) == [0.0]


@pytest.mark.slow
@BY_LABEL
@MODES
def test_hostile_patterns_small_enough_for_difflib(engine: Engine, autojunk: bool) -> None:
    for size in (20, 63, 64, 65, 70, 199, 200, 230):
        batch = list(hostile(size).values())
        assert ratios(engine, batch, autojunk) == [oracle(*pair, autojunk) for pair in batch]


texts = st.one_of(
    st.text(st.characters(), max_size=40),  # lone surrogates too
    st.text("ab", max_size=300),
    st.text("abc \x00\U0001f600", max_size=260),
    st.lists(st.sampled_from(["ab", "ba", "aab", "step ", "= 12", "𝔸", "\ud800"]), max_size=90).map("".join),
)


@BY_LABEL
@MODES
@settings(max_examples=300)
@given(completion=texts, reference=texts)
@example(completion="ab" * 150, reference="ba" * 150)
def test_any_two_texts(engine: Engine, autojunk: bool, completion: str, reference: str) -> None:
    assert engine.ratios([completion], [reference], autojunk=autojunk) == [oracle(completion, reference, autojunk)]


@pytest.mark.slow
@native_only
@MODES
@settings(max_examples=200)
@given(
    alphabet=st.sampled_from([2, 3, 8, 254, 255, 400]),
    sizes=st.tuples(st.integers(0, 1200), st.integers(0, 1200)),
    seed=st.integers(0, 2**32),
)
def test_long_random_texts(autojunk: bool, alphabet: int, sizes: tuple[int, int], seed: int) -> None:
    rng = random.Random(seed)
    completion, reference = ("".join(chr(rng.randrange(alphabet)) for _ in range(size)) for size in sizes)
    # difflib takes long where nearly everything matches
    if alphabet < 8:
        completion, reference = completion[:300], reference[:300]
    assert NATIVE is not None
    assert NATIVE.ratios([completion], [reference], autojunk=autojunk) == [oracle(completion, reference, autojunk)]


@pytest.mark.slow
@BY_LABEL
@MODES
def test_all_engines_equal_difflib_on_a_sample(engine: Engine, autojunk: bool) -> None:
    batch = list(pairs(600, seed=1))
    assert ratios(engine, batch, autojunk) == [oracle(*pair, autojunk) for pair in batch]


@native_only
@pytest.mark.slow
@MODES
def test_the_native_kernel_on_fifty_thousand_pairs(autojunk: bool) -> None:
    """The oracle is cydifflib, which is difflib in C; the test above, and the first pairs here, show that it is."""
    cydifflib = pytest.importorskip("cydifflib")
    batch = list(pairs(50_000, seed=2))
    expected = []
    for number, (completion, reference) in enumerate(batch):
        ratio = cydifflib.SequenceMatcher(None, completion, reference, autojunk).ratio()
        assert number >= 2000 or ratio == oracle(completion, reference, autojunk)
        expected.append(ratio)
    assert NATIVE is not None
    found = ratios(NATIVE, batch, autojunk, threads=2)
    assert [pair for pair, ours, theirs in zip(batch, found, expected, strict=True) if ours != theirs] == []


# -- batches ----------------------------------------------------------------------------------------------------------


def groups_of_eight(count: int) -> list[tuple[str, str]]:
    candidates = islice(steps() * 2, 8 * count)
    references = [reference for reference in steps()[:count] for _ in range(8)]
    return list(zip(candidates, references, strict=True))


@native_only
@MODES
def test_the_result_depends_neither_on_threads_nor_on_the_order_of_groups(autojunk: bool) -> None:
    assert NATIVE is not None
    batch = groups_of_eight(60)
    alone = [ratios(NATIVE, [pair], autojunk)[0] for pair in batch]
    for threads in (1, 2, 3, 16, 1000):
        assert ratios(NATIVE, batch, autojunk, threads) == alone
    order = random.Random(5).sample(range(len(batch)), len(batch))
    assert ratios(NATIVE, [batch[at] for at in order], autojunk, 2) == [alone[at] for at in order]


@native_only
def test_equal_references_that_are_different_objects_share_a_group_all_the_same() -> None:
    assert NATIVE is not None
    reference = "the sum is 12, so x = 4"
    copies = ["".join(list(reference)) for _ in range(5)]
    assert copies[0] is not copies[1]
    assert NATIVE.ratios([reference[at:] for at in range(5)], copies) == [
        oracle(reference[at:], reference, False) for at in range(5)
    ]


@BY_LABEL
def test_many_threads_of_python_at_once(engine: Engine) -> None:
    batch = groups_of_eight(4)
    alone = ratios(engine, batch, False)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ratios(engine, batch, False, threads=2), range(16)))
    assert all(each == alone for each in found)


@BY_LABEL
def test_an_empty_batch(engine: Engine) -> None:
    assert engine.ratios([], []) == []


@BY_LABEL
def test_a_batch_must_fit_together(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"1 references|shorter"):
        engine.ratios(["a", "b"], ["a"])


@native_only
@pytest.mark.parametrize(("completion", "reference"), [(None, "a"), ("a", None), (b"a", "a"), ("a", 3), ("a", ["a"])])
def test_the_native_kernel_takes_nothing_but_strings(completion: object, reference: object) -> None:
    assert NATIVE is not None
    with pytest.raises(TypeError):
        NATIVE.ratios(["x", completion], ["x", reference])  # type: ignore[list-item]


# -- budgets ----------------------------------------------------------------------------------------------------------


@BY_LABEL
def test_over_the_budget_there_is_no_ratio_and_the_neighbours_have_theirs(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = hostile(400)["growing runs"]
    batch = [("abc", "abd"), hard, ("x", "x"), ("", "")]
    assert ratios(engine, batch, False)[1] == oracle(*hard, False)
    monkeypatch.setattr(engine, "budget", 2000)
    for threads in (1, 3):
        assert ratios(engine, batch, False, threads) == [2 * 2 / 6, None, 1.0, 1.0]


@BY_LABEL
def test_the_budget_is_monotone_and_never_changes_a_number(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [*islice(pairs(100, seed=9), 100), *hostile(120).values()]
    scored = []
    for budget in (0, 100, 1000, 10_000, 100_000, 10**8):
        monkeypatch.setattr(engine, "budget", budget)
        scored.append(ratios(engine, batch, False))
    for less, more in pairwise(scored):
        assert all(a is None or a == b for a, b in zip(less, more, strict=True))
    assert None in scored[0]
    assert scored[-1] == [oracle(*pair, False) for pair in batch]


@native_only
@MODES
def test_hostile_text_of_8000_characters_is_scored(autojunk: bool) -> None:
    assert NATIVE is not None
    found = dict(zip(hostile(8000), ratios(NATIVE, list(hostile(8000).values()), autojunk), strict=True))
    assert None not in found.values()
    if not autojunk:
        assert found["a… and (a⁹b)…"] == 0.9  # 800 blocks of nine a's: 2·7200/16000
        assert found["a..z and z..a"] == 2 * 320 / 16000  # letter by letter, each 25 characters on
        assert found["a… and a… but one"] == 2 * 7999 / 15999
        assert found["one letter, once there"] == 2 / 16000


@native_only
@MODES
def test_a_megabyte_against_a_step_is_scored(autojunk: bool) -> None:
    """M is worked out by hand: what can match at all is the reference, once."""
    assert NATIVE is not None
    step = "".join(chr(0x4E00 + at) for at in range(200))
    million = 10**6
    completions = ["x" * million, "x" * million + step, step[:100] + "x" * million + step[100:], "\ud800" * million]
    found = NATIVE.ratios(completions, [step] * 4, autojunk=autojunk)
    assert found == [0.0, 2 * 200 / (million + 400), 2 * 200 / (million + 400), 0.0]
    assert NATIVE.ratios(["a" * million], ["a" * 199], autojunk=autojunk) == [2 * 199 / (million + 199)]
    assert NATIVE.ratios(["ab" * (million // 2)], ["ba" * 99], autojunk=autojunk) == [2 * 198 / (million + 198)]


@native_only
def test_prose_of_100_000_characters_is_scored() -> None:
    assert NATIVE is not None
    rng = random.Random(4)
    left, right = ("\n".join(rng.choices(steps(), k=2000))[:100_000] for _ in range(2))
    assert len(left) == len(right) == 100_000
    assert None not in NATIVE.ratios([left, left], [right, left], autojunk=False)
    assert None not in NATIVE.ratios([left, left], [right, left], autojunk=True)


MEMORY = """
from pathlib import Path
from rewards.ratcliff import Native
from tests.rewards.ratcliff_pairs import hostile

def peak():  # what getrusage tells would be at least what the process that starts this one had
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

engine = Native()
before = peak()
for size in (8000, 30000):
    for autojunk in (False, True):
        for completion, reference in hostile(size).values():
            engine.ratios([completion], [reference], autojunk=autojunk)
print((peak() - before) // 1024)
"""


@native_only
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hostile_text_takes_bounded_memory() -> None:
    """Counted by the system, since the kernel's memory is not Python's."""
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 200  # megabytes


# -- blocks -----------------------------------------------------------------------------------------------------------


@MODES
@settings(max_examples=200)
@given(completion=texts, reference=texts)
def test_blocks_are_those_of_difflib(autojunk: bool, completion: str, reference: str) -> None:
    matcher = difflib.SequenceMatcher(None, completion, reference, autojunk)
    found = matching_blocks(matcher, completion, reference, 10**9)
    assert found is not None
    merged: list[Block] = []
    for block in found:
        if merged and merged[-1].a + merged[-1].size == block.a and merged[-1].b + merged[-1].size == block.b:
            block = Block(merged[-1].a, merged[-1].b, merged.pop().size + block.size)
        merged.append(block)
    expected = difflib.SequenceMatcher(None, completion, reference, autojunk).get_matching_blocks()[:-1]
    assert merged == [tuple(block) for block in expected]


def test_the_fallbacks_count_what_they_look_at() -> None:
    """``aa`` in ``aaa``: the one window takes 2·3 looks and 2 + 3 steps; what is left of the text is empty."""
    matcher = difflib.SequenceMatcher(None, "aa", "aaa")
    assert matching_blocks(matcher, "aa", "aaa", 11) == [Block(0, 0, 2)]
    assert matching_blocks(matcher, "aa", "aaa", 10) is None


@pytest.mark.slow
@pytest.mark.parametrize("engine", [each for each in ENGINES if isinstance(each, Fallback)], ids=lambda e: e.label)
def test_the_fallbacks_give_up_on_what_would_take_minutes(engine: Fallback) -> None:
    cubic = [pair for name, pair in hostile(4000).items() if name in ("a… and (a⁹b)…", "abab and baab")]
    assert ratios(engine, cubic, False) == [None, None]
