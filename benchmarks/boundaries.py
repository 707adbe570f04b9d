"""Where one step of prose ends: boundary F1 of ``sentences`` on GSM8K solutions written as one paragraph.

Each solution's answer line and ``<<…>>`` annotations are dropped and its lines are joined by single spaces; the
old line ends are the truth, the ends of the predicted sentences (the last one apart) are the guess, and F1 is
micro-averaged. A third of the lines end without a full stop, hence two groups: solutions whose every line ends
in one, and all. The rules were written with the errors on the first half of the training file in view; of the
second half and of the other two files only the scores were seen (and one choice, to guess at unmarked gaps less
where the writer uses full stops, was made with these scores in view). What is left in the first group are lines
that hold two sentences, which no splitter can know.

Run ``python benchmarks/boundaries.py`` with the extra ``nlp``, and pysbd if it is to be compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from srl_data import segmenters  # noqa: E402
from srl_data.errors import Rejected  # noqa: E402
from srl_data.types import Solution  # noqa: E402

Splitter = Callable[[str], list[int]]

_ANNOTATION = re.compile(r"<<[^<>]*>>")
_REGEX = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Case:
    """A solution as one line, and the offsets at which its lines ended."""

    text: str
    ends: frozenset[int]
    stops: bool  # every line ends in a full stop


@dataclass(frozen=True, slots=True)
class Score:
    hits: int
    predicted: int
    true: int

    @property
    def precision(self) -> float:
        return self.hits / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.hits / (self.predicted + self.true) if self.predicted + self.true else 0.0


def make_case(answer: str) -> Case:
    """Join an answer's lines; ``question ** step`` leaves the step, answer lines (``#### 4``, ``A: 4``) go."""
    lines = []
    for raw in answer.splitlines():
        line = _ANNOTATION.sub("", raw.rpartition(" ** ")[2]).strip()
        if line and not line.startswith(("####", "A: ")):
            lines.append(line)
    ends, offset = set(), 0
    for line in lines[:-1]:
        ends.add(offset + len(line))
        offset += len(line) + 1
    return Case(" ".join(lines), frozenset(ends), all(line.endswith(".") for line in lines))


def read(path: Path, column: str) -> list[Case]:
    with path.open(encoding="utf-8") as lines:
        return [make_case(json.loads(line)[column]) for line in lines]


def groups(data: Path) -> Iterator[tuple[str, list[Case]]]:
    train = read(data / "gsm8k_train_400.jsonl", "answer")
    half = len(train) // 2
    yield "train, full stops", [case for case in train if case.stops]
    yield "train, all", train
    yield "first half, full stops", [case for case in train[:half] if case.stops]
    yield "first half, all", train[:half]
    yield "second half, full stops", [case for case in train[half:] if case.stops]
    yield "second half, all", train[half:]
    for name, column in (("gsm8k_socratic_100", "answer"), ("gsm8k_model_solutions_150", "ground_truth")):
        path = data / f"{name}.jsonl"
        if path.is_file():
            held_out = read(path, column)
            yield f"{name}, full stops", [case for case in held_out if case.stops]
            yield f"{name}, all", held_out


def ours(**options: Any) -> Splitter:
    segmenter = segmenters.get("sentences", **options)

    def split(text: str) -> list[int]:
        try:
            return [step.end for step in segmenter.segment(Solution(id="", problem="", text=text)).steps]
        except Rejected:  # one line without a full stop: nothing to cut
            return []

    return split


def sentencizer() -> Splitter:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")

    def split(text: str) -> list[int]:
        return [sentence.start_char + len(sentence.text.rstrip()) for sentence in nlp(text).sents]

    return split


def pysbd() -> Splitter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its patterns have invalid escapes
        import pysbd

    segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)

    def split(text: str) -> list[int]:
        return [span.start + len(span.sent.rstrip()) for span in segmenter.segment(text)]

    return split


def regex(text: str) -> list[int]:
    return [match.start() for match in _REGEX.finditer(text)]


def score(split: Splitter, cases: list[Case]) -> Score:
    hits = predicted = true = 0
    for case in cases:
        guess = {end for end in split(case.text) if end < len(case.text)}
        hits += len(guess & case.ends)
        predicted += len(guess)
        true += len(case.ends)
    return Score(hits, predicted, true)


def main() -> int:
    parser = argparse.ArgumentParser(description="Boundary F1 of the segmenter `sentences` on GSM8K.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the JSONL files")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "out" / "boundaries.json")
    args = parser.parse_args()
    if not (args.data / "gsm8k_train_400.jsonl").is_file():
        print(f"skipped: no gsm8k_train_400.jsonl in {args.data}; give its folder with --data", file=sys.stderr)
        return 0

    splitters = {
        "sentences": ours(),
        "sentences, clauses=False": ours(clauses=False),
        "spaCy sentencizer": sentencizer(),
        "regex": regex,
    }
    if importlib.util.find_spec("pysbd"):
        splitters["pysbd"] = pysbd()

    rows = []
    print("| group | solutions | boundaries | splitter | precision | recall | F1 |")
    print("|---|---|---|---|---|---|---|")
    for group, cases in groups(args.data):
        for name, split in splitters.items():
            result = score(split, cases)
            print(
                f"| {group} | {len(cases)} | {result.true} | {name} "
                f"| {result.precision:.4f} | {result.recall:.4f} | {result.f1:.4f} |"
            )
            rows.append(
                {
                    "group": group,
                    "solutions": len(cases),
                    "boundaries": result.true,
                    "splitter": name,
                    "precision": result.precision,
                    "recall": result.recall,
                    "f1": result.f1,
                }
            )
    args.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"python": platform.python_version(), "machine": platform.platform(), "rows": rows}
    args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
