"""Weighted sums, gates, and the tables that they are read from."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewards
from rewards import Explanation, Gate, Reward, Scores, Term, compose, from_config, load
from rewards.base import aligned
from rewards.errors import ColumnError, OptionError, UnknownPlugin
from rewards.structure import Format


@dataclass
class Given:
    """Scores what a column says: a number, or a status, with its value or without one."""

    column: str = "reference"
    bounds: tuple[float, float] = (-1.0, 1.0)
    name: str = "given"
    seen: list[int] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        (column,) = aligned(self.name, self.columns, completions, columns)
        self.seen.append(len(completions))
        scored = {"format": self.bounds[0], "unparseable_completion": self.bounds[0]}
        values = [scored.get(entry) if isinstance(entry, str) else entry for entry in column]
        return Scores(
            values,
            [e if isinstance(e, str) else "ok" for e in column],
            {"length": [float(len(c)) for c in completions]},
        )

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        scores = self([completion], **{name: [value] for name, value in columns.items()})
        return Explanation(scores.values[0], scores.status[0], "as given")


class TestSum:
    def test_adds_weighted_terms_that_read_different_columns(self) -> None:
        reward = compose(
            Term(Given(), 0.75),
            Term(Given(), -0.5, columns={"reference": "expert_step"}),
            Term("indel", 2.0, name="typing", columns={"reference": "hint"}),
            name="mix",
        )
        assert isinstance(reward, Reward)
        assert reward.columns == ("reference", "expert_step", "hint")
        assert reward.bounds == (-0.75 - 0.5, 0.75 + 0.5 + 2.0)
        scores = reward(["ab", "ab"], reference=[1.0, 0.5], expert_step=[0.5, -1.0], hint=["ab", "cd"], prompt=["", ""])
        assert scores.values == [0.75 - 0.25 + 2.0, 0.375 + 0.5 + 0.0]
        assert scores.parts == {
            "given": [1.0, 0.5],
            "given/length": [2.0, 2.0],
            "given_2": [0.5, -1.0],
            "given_2/length": [2.0, 2.0],
            "typing": [1.0, 0.0],
        }

    def test_a_reward_or_its_name_alone_has_weight_one(self) -> None:
        reward = compose("indel", {"name": "levenshtein", "unit": "token"}, Given("score"))
        assert reward.bounds == (-1.0, 3.0)
        assert reward(["ab"], reference=["ab"], score=[0.5]).values == [2.5]

    @pytest.mark.parametrize(
        ("first", "second", "value", "status"),
        [
            (1.0, 0.5, 1.5, "ok"),
            # what has a value takes part, and its status is told
            ("format", 0.5, -0.5, "format"),
            (0.5, "unparseable_completion", -0.5, "unparseable_completion"),
            ("format", "unparseable_completion", -2.0, "format"),
            # what has none leaves the sum without one, and its status comes first
            ("too_large", 0.5, None, "too_large"),
            ("format", "timeout", None, "timeout"),
            ("error", "unparseable_reference", None, "error"),
        ],
    )
    def test_status(self, first: Any, second: Any, value: float | None, status: str) -> None:
        reward = compose(Term(Given("a")), Term(Given("b")))
        scores = reward(["x"], a=[first], b=[second])
        assert (scores.values, scores.status) == ([value], [status])

    def test_a_term_without_weight_is_only_logged(self) -> None:
        reward = compose(Term(Given("a")), Term(Given("b"), 0.0, name="watched"))
        assert reward.bounds == (-1.0, 1.0)
        scores = reward(["x", "x"], a=[0.5, 0.5], b=[1.0, "timeout"])
        assert (scores.values, scores.status) == ([0.5, 0.5], ["ok", "ok"])
        assert scores.parts["watched"] == [1.0, None]

    def test_no_text_scores_the_lower_bound_even_with_negative_weights(self) -> None:
        reward = compose(Term("indel", 1.0), Term("token_f1", -1.0))
        scores = reward([None, b"x", "x"], reference=["x", "x", "x"])  # type: ignore[list-item]
        assert scores.values == [-1.0, -1.0, 0.0]
        assert scores.status == ["unparseable_completion", "unparseable_completion", "ok"]
        assert reward([None], reference=[None]).status == ["unparseable_reference"]  # type: ignore[list-item]

    @given(st.lists(st.floats(-1e3, 1e3).filter(bool), min_size=1, max_size=6), st.data())
    def test_no_sum_is_out_of_bounds(self, weights: list[float], data: st.DataObject) -> None:
        reward = compose(*(Term(Given(f"c{at}"), weight) for at, weight in enumerate(weights)))
        ends = [data.draw(st.sampled_from([-1.0, 1.0, 0.1])) for _ in weights]
        value = reward(["x"], **{f"c{at}": [end] for at, end in enumerate(ends)}).values[0]
        assert value is not None
        assert reward.bounds[0] <= value <= reward.bounds[1]

    def test_nests(self) -> None:
        inner = compose(Term("indel", 0.5), Term("token_f1", 0.5), name="text")
        outer = compose(Term(inner, 0.5, columns={"reference": "step"}), Term(Given("score"), 0.5), name="all")
        assert outer.columns == ("step", "score")
        scores = outer(["ab"], step=["ab"], score=[0.0])
        assert scores.values == [0.5]
        assert list(scores.parts) == ["text", "text/indel", "text/token_f1", "text/token_f1/precision",
                                      "text/token_f1/recall", "given", "given/length"]  # fmt: skip

    @pytest.mark.parametrize(
        ("terms", "message"),
        [
            ([], "mix: no terms"),
            ([Term("indel", 0.0)], "mix: every weight is 0.0"),
            ([Term("indel", float("nan"))], "mix: term 1: weight: nan is not a finite number"),
            ([Term("indel"), Term("indel", True)], "mix: term 2: weight: True is not a finite number"),
            ([Term("indel", 1e308), Term("token_f1", 1e308)], "mix: the weights are too large"),
            ([Term("indel", name="a"), Term("token_f1", name="a")], "mix: 'a' stands there twice"),
            ([Term("indel", name="a/b")], "mix: 'a/b' is no name for a term"),
            ([Term("indel", name="")], "mix: '' is no name for a term"),
            ([Term("indel", columns={"refrence": "x"})], "it reads reference; did you mean 'reference'?"),
            ([Term("format", columns={"reference": "x"})], "'format' has no column 'reference': it reads none"),
            ([Term(7)], "7 is no reward"),  # type: ignore[arg-type]
        ],
    )
    def test_refuses(self, terms: list[Term], message: str) -> None:
        with pytest.raises(OptionError) as caught:
            compose(*terms, name="mix")
        assert message in str(caught.value)

    def test_numbered_names_keep_clear_of_given_ones(self) -> None:
        reward = compose("indel", Term("token_f1", name="indel_2"), "indel", "indel")
        assert list(reward([], reference=[]).parts)[:2] == ["indel", "indel_2"]
        assert [name for name in reward([], reference=[]).parts if "/" not in name] == [
            "indel",
            "indel_2",
            "indel_3",
            "indel_4",
        ]

        later = compose("indel", "indel", Term("format", name="indel_2"))
        assert [name for name in later([], reference=[]).parts if "/" not in name] == ["indel", "indel_3", "indel_2"]

    def test_a_missing_column_is_told_by_its_dataset_name(self) -> None:
        reward = compose(Term("indel", columns={"reference": "expert_step"}), name="mix")
        with pytest.raises(ColumnError, match="mix reads the column 'expert_step', which was not passed"):
            reward(["x"], reference=["x"])

    def test_explains_each_term(self) -> None:
        explained = compose(Term("indel", 0.5), Term("token_f1", -2.0)).explain("x = 1", reference="x = 2")
        assert explained.value == pytest.approx(0.5 * 0.8 - 2 * 2 / 3)
        assert explained.reason == "0.5 × indel 0.8 + -2 × token_f1 0.6666666666666666"
        assert explained.details["indel"] == "0.8 (ok): 2 edits between 5 and 5 chars"
        assert explained.details["token_f1/missing"] == ["2"]


class TestGate:
    def test_what_fails_gets_the_score_and_is_not_asked_about(self) -> None:
        inner = Given()
        gate = Gate("format", inner, score=-3.0)
        assert isinstance(gate, Reward)
        assert (gate.name, gate.columns, gate.bounds) == ("given", ("reference",), (-3.0, 1.0))
        scores = gate(["<think>t</think>abc", "abc", "<think>t</think>a"], reference=[0.5, 1.0, "timeout"])
        assert scores.values == [0.5, -3.0, None]
        assert scores.status == ["ok", "format", "timeout"]
        assert inner.seen == [2]
        assert scores.parts["gate"] == [1.0, 0.0, 1.0]
        assert scores.parts["length"] == [3.0, None, 1.0]  # of the action: format hands it on
        assert scores.parts["gate/think"] == [1.0, 0.0, 1.0]

    def test_the_whole_reply_if_asked_for(self) -> None:
        gate = Gate("format", Given(), whole_reply=True)
        assert gate(["<think>t</think>abc"], reference=[0.5]).parts["length"] == [19.0]
        assert Gate("format", "indel")(["<think>t</think>abc"], reference=["abc"]).values == [1.0]
        assert Gate("indel", "indel")(["abc"], reference=["abc"]).values == [1.0]  # nothing to hand on but the reply

    def test_is_srl(self) -> None:
        replies = ["<think>t</think>3 + 4 = 7", "3 + 4", None, "<think>t</think>", "<think>t</think> 3 "]
        references = ["3 + 5 = 8"] * 5
        srl = rewards.get("srl", similarity="indel")(replies, reference=references)
        gate = Gate(Format(), "indel")(replies, reference=references)
        assert (gate.values, gate.status) == (srl.values, srl.status)

    @pytest.mark.parametrize(
        ("check", "value", "status", "gate"),
        [
            (0.5, 1.0, "ok", 1.0),  # at the threshold
            (0.4, -1.0, "format", 0.0),
            ("format", -1.0, "format", 0.0),
            ("unparseable_completion", -1.0, "format", 0.0),  # a text, but nothing in it for the check
            ("timeout", None, "timeout", None),
            ("unparseable_reference", None, "unparseable_reference", None),
        ],
    )
    def test_checks(self, check: Any, value: float | None, status: str, gate: float | None) -> None:
        scores = Gate(Given("check"), "indel", threshold=0.5)(["x"], check=[check], reference=["x"])
        assert (scores.values, scores.status, scores.parts["gate"]) == ([value], [status], [gate])

    def test_without_threshold_the_status_decides(self) -> None:
        assert Gate(Given("check"), "indel")(["x"], check=[-1.0], reference=["x"]).values == [1.0]

    def test_no_text_scores_the_lower_bound(self) -> None:
        gate = Gate("format", Given(bounds=(-5.0, 5.0)), score=-1.0)
        scores = gate([None, "x"], reference=[1.0, 1.0])  # type: ignore[list-item]
        assert (scores.values, scores.status) == ([-5.0, -1.0], ["unparseable_completion", "format"])

    def test_nests_with_parts_of_its_own(self) -> None:
        inner = Gate(Given("inner"), "token_f1", score=-0.5, threshold=0.0)
        outer = Gate(Given("outer"), inner, score=-1.0, threshold=0.0)
        scores = outer(["x"] * 3, inner=[1.0, -1.0, 1.0], outer=[1.0, 1.0, -1.0], reference=["x"] * 3)
        assert scores.values == [1.0, -0.5, -1.0]
        assert list(scores.parts) == ["gate_2", "gate_2/length", "gate", "gate/length", "precision", "recall"]
        assert scores.parts["gate"] == [1.0, 0.0, None]
        assert scores.parts["gate_2"] == [1.0, 1.0, 0.0]

    @pytest.mark.parametrize("options", [{"score": float("nan")}, {"threshold": float("inf")}, {"score": "-1"}])
    def test_refuses(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError, match=f"{next(iter(options))}: .* is not a finite number"):
            Gate("format", "indel", **options)

    def test_explains(self) -> None:
        gate = Gate(Given("check"), "indel", threshold=0.5)
        assert gate.explain("x", check=0.4, reference="x").reason == "the gate given: 0.4 is below 0.5, as given"
        assert gate.explain("x", check="timeout", reference="x").status == "timeout"
        passed = gate.explain("x", check=0.6, reference="x")
        assert (passed.value, passed.reason) == (1.0, "0 edits between 1 and 1 chars")
        assert passed.details["gate"] == "as given"


TABLE = """
name = "step_and_answer"

[[term]]
reward = "levenshtein"
weight = 0.8
options = { unit = "token" }

[[term]]
reward = "token_f1"
weight = 0.2
name = "hint"
columns = { reference = "hint" }

[gate]
reward = "format"
score = -2
options = { tags = "think+solution" }
"""


class TestTable:
    def test_reads_what_the_same_calls_would_make(self, tmp_path: Path) -> None:
        file = tmp_path / "reward.toml"
        file.write_text(TABLE)
        written = Gate(
            {"name": "format", "tags": "think+solution"},
            compose(
                Term({"name": "levenshtein", "unit": "token"}, 0.8),
                Term("token_f1", 0.2, name="hint", columns={"reference": "hint"}),
                name="step_and_answer",
            ),
            score=-2.0,
        )
        read = load(file)
        assert (read.name, read.columns, read.bounds) == ("step_and_answer", ("reference", "hint"), (-2.0, 1.0))
        batch = ["<think>t</think><solution>x = 1</solution>", "x = 1"]
        columns = {"reference": ["x = 2", "x = 2"], "hint": ["x = 1", "x = 1"]}
        assert read(batch, **columns) == written(batch, **columns)
        assert read(batch, **columns).values == [pytest.approx(0.8 * 2 / 3 + 0.2), -2.0]
        assert load(str(file))(batch, **columns) == pickle.loads(pickle.dumps(read))(batch, **columns)  # noqa: S301

    def test_a_gate_may_read_a_column_of_another_name_and_have_a_threshold(self) -> None:
        gate = {"reward": "indel", "columns": {"reference": "answer"}, "threshold": 0.9, "score": 0}
        reward = from_config({"term": [{"reward": "token_f1"}], "gate": gate})
        assert reward.columns == ("answer", "reference")
        assert reward(["x", "x"], answer=["x", "y"], reference=["x", "x"]).values == [1.0, 0.0]

    def test_the_whole_reply_if_asked_for(self) -> None:
        table: dict[str, Any] = {"term": [{"reward": "indel"}], "gate": {"reward": "format"}}
        reply, reference = ["<think>t</think>a"], ["<think>t</think>a"]
        assert from_config(table)(reply, reference=["a"]).values == [1.0]
        table["gate"]["whole_reply"] = True
        assert from_config(table)(reply, reference=reference).values == [1.0]

    @pytest.mark.parametrize(
        ("edit", "error", "message"),
        [
            (("weight = 0.8", "wieght = 0.8"), OptionError, "[[term]] 1: unknown key 'wieght'; it takes columns, name, "
             "options, reward, weight; did you mean 'weight'?"),
            (("weight = 0.8", 'weight = "0.8"'), OptionError, "[[term]] 1: weight = '0.8' is not a number"),
            (("weight = 0.8", "weight = true"), OptionError, "[[term]] 1: weight = True is not a number"),
            (("weight = 0.8", "weight = nan"), OptionError, "term 1: weight: nan is not a finite number"),
            (('unit = "token"', 'unti = "token"'), OptionError, "[[term]] 1: reward 'levenshtein' has no option "
             "'unti': it takes max_cells, normalize, unit, workers; did you mean 'unit'?"),
            (('unit = "token"', "unit = 3"), OptionError, "[[term]] 1: option unit: 3 is not char|token|line"),
            (('reward = "token_f1"', 'reward = "token_f2"'), UnknownPlugin, "[[term]] 2: unknown reward 'token_f2'"),
            (('reward = "token_f1"', ""), OptionError, "[[term]] 2: there is no reward"),
            (("{ reference =", "{ refrence ="), OptionError, "term 2: 'token_f1' has no column 'refrence': it reads "
             "reference; did you mean 'reference'?"),
            (('{ reference = "hint" }', "{ reference = 3 }"), OptionError, "[[term]] 2: columns: reference = 3 is "
             "not a column's name"),
            (("score = -2", "scroe = -2"), OptionError, "[gate]: unknown key 'scroe'; it takes columns, options, "
             "reward, score, threshold, whole_reply; did you mean 'score'?"),
            (("score = -2", "whole_reply = 1"), OptionError, "[gate]: whole_reply = 1 is not true or false"),
            (("score = -2", "score = inf"), OptionError, "[gate]: score: inf is not a finite number"),
            (('tags = "think+solution"', 'tags = "answer"'), OptionError, "[gate]: option tags: 'answer' is not"),
            (("[gate]", "[gates]"), OptionError, "unknown key 'gates'; it takes gate, name, term; did you mean"),
            (("[gate]", "[[gate]]"), OptionError, "is not a table"),
            (("[[term]]", "[term]"), OptionError, "not a TOML file"),  # twice the same table
            (('name = "step_and_answer"', "name = 3"), OptionError, "name = 3 is not a string"),
            ((TABLE, ""), OptionError, "there is no [[term]]"),
            ((TABLE, "term = []"), OptionError, "there is no [[term]]"),
            ((TABLE, "term = [3]"), OptionError, "[[term]] 1: 3 is not a table"),
            ((TABLE, 'term = "indel"'), OptionError, "term = 'indel' is not an array of tables"),
            ((TABLE, "[term]\nreward = 'indel'"), OptionError, "is not an array of tables"),
            ((TABLE, "\x00"), OptionError, "not a TOML file"),
        ],
    )  # fmt: skip
    def test_errors_say_where(
        self, tmp_path: Path, edit: tuple[str, str], error: type[Exception], message: str
    ) -> None:
        file = tmp_path / "reward.toml"
        assert edit[0] in TABLE
        file.write_text(TABLE.replace(*edit))
        with pytest.raises(error) as caught:
            load(file)
        assert str(caught.value).startswith(f"{file}: ")
        assert message in str(caught.value)

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "reward.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(OptionError, match="not a TOML file"):
            load(tmp_path / "reward.toml")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"nowhere\.toml"):
            load(tmp_path / "nowhere.toml")


def _composite() -> Reward:
    return compose(Term("indel", 0.5), Term("token_f1", 0.5, columns={"reference": "hint"}))


def _gated() -> Reward:
    return Gate("format", _composite())


@pytest.mark.parametrize("make", [_composite, _gated])
def test_a_composite_is_as_picklable_as_its_terms(make: Callable[[], Reward]) -> None:
    reward = make()
    again = pickle.loads(pickle.dumps(reward))  # noqa: S301
    batch, columns = ["<think>t</think>ab", "ab"], {"reference": ["ab", "ab"], "hint": ["cd", "cd"]}
    assert again(batch, **columns) == reward(batch, **columns)
    assert repr(again) == repr(reward)


def test_names_of_the_package_are_the_functions_not_the_modules() -> None:
    assert rewards.compose is compose
    assert callable(rewards.load)
