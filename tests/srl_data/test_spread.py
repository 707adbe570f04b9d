"""The spread of groups, against the text book."""

from __future__ import annotations

from statistics import pstdev

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from srl_data.insight.spread import group_spread

_SCORES = st.one_of(
    st.none(), st.sampled_from([0.0, 0.1, 0.3, 1.0, -1.0]), st.floats(-1, 1).map(lambda score: round(score, 3))
)


@given(
    rows=st.lists(st.tuples(st.integers(0, 4), _SCORES, st.booleans()), max_size=40),
    epsilon=st.sampled_from([0.0, 0.0101, 0.3003]),
)
def test_the_spread_of_groups_is_that_of_the_text_book(
    rows: list[tuple[int, float | None, bool]], epsilon: float
) -> None:
    def spread(only_formed: bool) -> dict[int, bool]:
        groups: dict[int, list[float]] = {}
        for group, score, formed in rows:
            if score is not None and (formed or not only_formed):
                groups.setdefault(group, []).append(score)
        return {
            group: len(set(scores)) > 1 and pstdev(scores) > epsilon
            for group, scores in groups.items()
            if len(scores) > 1
        }

    found = group_spread(
        np.array([group for group, _, _ in rows], np.int64),
        np.array([score for _, score, _ in rows], np.float64),
        np.array([formed for _, _, formed in rows], np.bool_),
        epsilon,
    )
    every, formed = spread(only_formed=False), spread(only_formed=True)
    assert found["count"] == len({group for group, _, _ in rows})
    for name, expected in (("all", every), ("well_formed", formed)):
        above = sum(expected.values())
        share = round(above / len(expected), 6) if expected else None
        assert found[name] == {"measured": len(expected), "spread": above, "share": share}
    assert found["form_alone"] == sum(every[group] and not formed.get(group, False) for group in every)
