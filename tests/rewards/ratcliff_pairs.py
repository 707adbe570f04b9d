"""Pairs of texts on which every engine must agree with difflib: real steps, random Unicode, hostile patterns.

Run as a program it writes pairs with the expected counts for ``check_ratcliff.cpp``, which runs under sanitizers.
"""

from __future__ import annotations

import difflib
import json
import random
import struct
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from srl_data.generate import generate

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

ALPHABETS = [
    "a",
    "ab",
    "abc",
    "abcdefgh ",
    "abcdefghijklmnopqrstuvwxyz 0123456789",
    "\x00\ud800\udfff\U0001f600e\u0301a\uffff\U0010ffff",  # NUL, lone surrogates, astral, combining, the ends of planes
    "".join(map(chr, range(1, 255))),  # as many as fit a byte …
    "".join(map(chr, range(1, 256))),  # … and one more
    "".join(map(chr, range(0x4E00, 0x4E00 + 600))),
]

# around the lengths where something changes: words of 64 bits, autojunk at 200, the length of grams at 1000 and 2000
LENGTHS = [0, 1, 2, 3, 4, 5, 15, 16, 17, 30, 63, 64, 65, 66, 100, 128, 198, 199, 200, 201, 202, 300]
LONG = [998, 999, 1000, 1001, 1999, 2000, 2001]


@cache
def steps() -> list[str]:
    """Steps and whole solutions: generated ones, and real ones where the shared data is."""
    rows = generate(level=(1, 5), n=120, seed=3, style=["numbered", "lines"])
    texts = [row["solution"] for row in rows]
    path = SHARED / "gsm8k_model_solutions_150.jsonl"
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts += [row["ground_truth"], *(each["solution"] for each in row.values() if isinstance(each, dict))]
    lines = [line for text in texts for line in text.splitlines() if line]
    return [text[:1200] for text in texts] + lines


def mutated(text: str, share: float, rng: random.Random) -> str:
    """A text with about this share of its characters dropped, doubled or replaced."""
    out = []
    for char in text:
        draw = rng.random()
        if draw < share:
            out.append(rng.choice(["", char + char, rng.choice("e 1x\x00\ud800\U0001f600中")]))
        else:
            out.append(char)
    return "".join(out)


def repeated(pattern: str, size: int) -> str:
    """A text of this size that repeats a pattern."""
    return (pattern * (size // len(pattern) + 1))[:size]


def growing(size: int, run: str = "a", end: str = "b") -> str:
    """Longer and longer runs: ``ab aab aaab …``, without the blanks."""
    return "".join(run * length + end for length in range(1, int((2 * size) ** 0.5) + 2))[:size]


def fibonacci(size: int) -> str:
    """The Fibonacci word: it repeats itself on every scale, but has no period."""
    a, b = "a", "ab"
    while len(b) < size:
        a, b = b, b + a
    return b[:size]


def thue_morse(size: int) -> str:
    """The Thue-Morse word: nothing in it occurs three times in a row."""
    return "".join("ab"[place.bit_count() % 2] for place in range(size))


def hostile(size: int) -> dict[str, tuple[str, str]]:
    """Pairs that make a slow method slow. The first five are those of which the project measured its peers."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    rng = random.Random(size)
    period = "".join(rng.choice(alphabet) for _ in range(50))
    binary, other = ("".join(rng.choice("ab") for _ in range(size)) for _ in range(2))
    return {
        "a… and (a⁹b)…": ("a" * size, repeated("aaaaaaaaab", size)),
        "abab and baab": (repeated("ab", size), repeated("baab", size)),
        "a..z and z..a": (repeated(alphabet, size), repeated(alphabet[::-1], size)),
        "growing runs": (growing(size), growing(size)[::-1]),
        "growing runs, other ends": (growing(size), growing(size, end="c")),
        "(a⁹b)… and a…": (repeated("aaaaaaaaab", size), "a" * size),
        "growing runs and a…": (growing(size), "a" * size),
        "a… and a…, one changed": ("a" * size, "a" * (size // 2) + "b" + "a" * (size - size // 2 - 1)),
        "a… and a… but one": ("a" * size, "a" * (size - 1)),
        "a period of 2, one changed": (
            repeated("ab", size),
            repeated("ab", size // 2) + "x" + repeated("ba", size // 2),
        ),
        "periods of 3 and 5": (repeated("abc", size), repeated("abcab", size)),
        "a period of 50, one changed": (repeated(period, size), repeated(period[:25] + "#" + period[26:], size)),
        "Fibonacci, backwards": (fibonacci(size), fibonacci(size)[::-1]),
        "Fibonacci, shifted": (fibonacci(size), fibonacci(size + 55)[55:]),
        "Thue-Morse, backwards": (thue_morse(size), thue_morse(size)[::-1]),
        "two letters at random": (binary, other),
        "white space": (repeated("\n \n  ", size), repeated(" \n", size)),
        "one letter, once there": ("x" * size, "x" + repeated("ab", size - 1)),
    }


def pairs(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """So many pairs of (completion, reference)."""
    rng = random.Random(seed)
    texts = steps()
    short = [text for text in texts if 120 < len(text) < 300]
    for number in range(count):
        kind = number % 8
        if kind < 2:  # a step with slips
            reference = rng.choice(texts)[:400]
            pair = mutated(reference, rng.choice([0.02, 0.1, 0.4]), rng), reference
        elif kind < 4:  # two steps, often around 200 characters
            pair = rng.choice(short), rng.choice(short)
        elif kind == 4:
            alphabet = rng.choice(ALPHABETS)
            left, right = (LONG if number % 400 == 4 and len(alphabet) > 3 else LENGTHS for _ in range(2))
            pair = (
                "".join(rng.choices(alphabet, k=rng.choice(left))),
                "".join(rng.choices(alphabet, k=rng.choice(right))),
            )
        elif kind == 5:  # random, but alike
            reference = "".join(rng.choices(rng.choice(ALPHABETS[3:]), k=rng.randrange(190, 320)))
            pair = mutated(reference, 0.1, rng), reference
        elif kind == 6:  # repetitions
            pattern = "".join(rng.choices(rng.choice(ALPHABETS), k=rng.randrange(1, 12)))
            other = mutated(pattern, 0.5, rng) or "x"
            pair = pattern * rng.randrange(1, 20), other * rng.randrange(1, 20)
        else:  # pieces of steps in another order
            pieces = [rng.choice(texts)[: rng.randrange(60)] for _ in range(rng.randrange(1, 8))]
            pair = "".join(pieces), "".join(rng.sample(pieces, len(pieces)))
        yield pair if rng.random() < 0.8 else pair[::-1]


def _matched(completion: str, reference: str, autojunk: bool) -> int:
    matcher = difflib.SequenceMatcher(None, completion, reference, autojunk)
    return sum(block.size for block in matcher.get_matching_blocks())


def main(path: Path) -> None:
    """Write the pairs: their number, then of each the two texts and the two counts."""
    cases = [*pairs(3000, seed=11), *hostile(300).values(), *hostile(70).values()]
    with path.open("wb") as file:
        file.write(struct.pack("=q", len(cases)))
        for pair in cases:
            for text in pair:
                file.write(struct.pack("=q", len(text)) + struct.pack(f"={len(text)}I", *map(ord, text)))
            file.write(struct.pack("=qq", *(_matched(*pair, autojunk) for autojunk in (False, True))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
