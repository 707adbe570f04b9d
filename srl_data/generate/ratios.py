"""Ratios and proportions.

Level: 1 and 2 share an amount in a ratio of two; 3 a proportion; 4 share among three; 5 the whole from one
share; 6 and 7 join two ratios, then share; 8 to 10 the same with four people and larger numbers. Two to five
steps.
"""

from __future__ import annotations

import random
from math import gcd, lcm

from srl_data.generate.draws import a_thing, people
from srl_data.generate.expr import ANSWER, N, Quot, Sum
from srl_data.generate.model import Problem, Step, eq, listed, step

__all__ = ["ratios"]


def ratios(rng: random.Random, level: int) -> Problem:
    """A story about shares in a ratio, or a proportion."""
    if level == 3:
        return _proportion(rng)
    if level == 5:
        return _whole_from_share(rng)
    if level in (6, 7) or level >= 8:
        return _joined(rng, level)
    return _shared(rng, level)


def _shared(rng: random.Random, level: int) -> Problem:
    count, bound, most = {1: (2, 5, 10), 2: (2, 9, 30), 4: (3, 9, 40)}[level]
    ratio = _ratio(rng, count, bound)
    each = rng.randint(2, most)
    names, thing = people(rng, count), a_thing(rng)
    asked = rng.randrange(count)
    total = each * sum(ratio)
    shown = ":".join(map(str, ratio))
    statement = rng.choice(
        (
            f"{listed(names)} share {total} {thing} in the ratio {shown}. How many {thing} does {names[asked]} get?",
            f"A total of {total} {thing} is divided among {listed(names)} in the ratio {shown}. "
            f"What is {names[asked]}'s share?",
        )
    )
    if count == 2:
        statement = statement.replace("divided among", "divided between")
    steps = _share_steps(rng, ratio, total, names[asked], asked, thing)
    goal = eq(Quot(N(total) * ratio[asked], Sum(tuple(map(N, ratio)))), ANSWER)
    return Problem(statement, tuple(steps), (goal,), ({"?": N(each * ratio[asked])},))


def _share_steps(rng: random.Random, ratio: list[int], total: int, name: str, asked: int, thing: str) -> list[Step]:
    parts = sum(ratio)
    each = total // parts
    steps = [
        step(
            "Add the parts of the ratio",
            rng.choice(("Altogether there are {} equal parts.", "The number of equal parts is {}.")),
            eq(Sum(tuple(map(N, ratio))), parts),
        ),
        step(
            "Find the size of one part",
            rng.choice((f"One part is {{}} {thing}.", f"Each part holds {{}} {thing}.")),
            eq(Quot(N(total), N(parts)), each),
        ),
    ]
    count = f"{ratio[asked]} part{'s' if ratio[asked] > 1 else ''}"
    prose = f"{name} gets {count}, which is {{}} {thing}."
    steps.append(step(f"Find {name}'s share", prose, eq(N(ratio[asked]) * each, ratio[asked] * each)))
    return steps


def _proportion(rng: random.Random) -> Problem:
    batch, unit = rng.randint(2, 9), rng.randint(2, 12)
    wanted = rng.choice([k for k in range(2, 31) if k != batch])
    name = people(rng, 1)[0]
    what, per, kind = rng.choice(
        (
            ("grams of flour", "pancakes", "recipe needs"),
            ("beads", "bracelets", "pattern needs"),
            ("screws", "shelves", "plan calls for"),
            ("litres of paint", "walls", "job takes"),
        )
    )
    statement = rng.choice(
        (
            f"{name}'s {kind} {batch * unit} {what} for {batch} {per}. How many {what} are needed for {wanted} {per}?",
            f"For {batch} {per}, {name} uses {batch * unit} {what}. "
            f"At the same rate, how many {what} does {name} use for {wanted} {per}?",
        )
    )
    single = {"pancakes": "pancake", "bracelets": "bracelet", "shelves": "shelf", "walls": "wall"}[per]
    steps = (
        step(
            f"Find the amount for one {single}",
            f"One {single} takes {{}} {what}.",
            eq(Quot(N(batch * unit), N(batch)), unit),
        ),
        step(
            f"Scale up to {wanted} {per}",
            f"For {wanted} {per} that makes {{}} {what}.",
            eq(N(wanted) * unit, wanted * unit),
        ),
    )
    goal = eq(Quot(ANSWER, N(batch * unit)), Quot(N(wanted), N(batch)))
    return Problem(statement, steps, (goal,), ({"?": N(wanted * unit)},))


def _whole_from_share(rng: random.Random) -> Problem:
    ratio, each = _ratio(rng, 3, 9), rng.randint(3, 40)
    names, thing = people(rng, 3), a_thing(rng)
    known = rng.choice([index for index, part in enumerate(ratio) if part > 1])
    shown = ":".join(map(str, ratio))
    share, parts = each * ratio[known], sum(ratio)
    statement = (
        f"{listed(names)} divide some {thing} in the ratio {shown}. {names[known]} gets {share} {thing}. "
        + rng.choice((f"How many {thing} are there altogether?", f"How many {thing} do they have in all?"))
    )
    prose = f"{names[known]}'s {ratio[known]} parts are {share} {thing}, so one part is {{}} {thing}."
    steps = [step("Find the size of one part", prose, eq(Quot(N(share), N(ratio[known])), each))]
    steps += [
        step("Add the parts of the ratio", "The ratio has {} parts.", eq(Sum(tuple(map(N, ratio))), parts)),
        step(
            "Multiply by the number of parts", f"Altogether there are {{}} {thing}.", eq(N(parts) * each, parts * each)
        ),
    ]
    goal = eq(Quot(ANSWER * ratio[known], Sum(tuple(map(N, ratio)))), share)
    return Problem(statement, tuple(steps), (goal,), ({"?": N(parts * each)},))


def _joined(rng: random.Random, level: int) -> Problem:
    """Two or three ratios with a member in common, made into one."""
    bound = {6: 6, 7: 9, 8: 9, 9: 12, 10: 20}[level]
    count = 3 if level <= 7 else 4
    names, thing = people(rng, count), a_thing(rng)
    pairs = [_ratio(rng, 2, bound) for _ in range(count - 1)]
    told = [
        f"{'' if index == 0 else 'that of '}{one} to {two} is {a}:{b}"
        for index, (one, two, (a, b)) in enumerate(zip(names, names[1:], pairs, strict=False))
    ]
    ratio = pairs[0]
    steps: list[Step] = []
    for index, (left, right) in enumerate(pairs[1:], start=1):
        last = ratio[-1]
        shared = lcm(last, left)
        up, down = shared // last, shared // left
        joined = [up * part for part in ratio] + [down * right]
        prose = (
            f"{names[index]} stands for {last} in one ratio and for {left} in the other; "
            f"the least common multiple is {shared}. "
        )
        if last == left:
            prose = f"{names[index]} stands for {last} in both ratios, so they fit together as they are. "
        prose += f"Together they give {listed(names[: index + 2])} the ratio {':'.join(map(str, joined))}."
        claims = [
            eq(Quot(N(joined[k]), N(joined[k + 1]), tight=True), Quot(N(a), N(b), tight=True))
            for k, (a, b) in enumerate(pairs[: index + 1])
        ]
        steps.append(step(f"Match the two ratios at {names[index]}", prose, unspoken=tuple(claims)))
        ratio = joined
    each, asked = rng.randint(2, 9 if level < 9 else 30), rng.choice((0, count - 1))
    total = each * sum(ratio)
    statement = (
        f"{listed(names)} share {total} {thing}. The ratio of {listed(told)}. How many {thing} does {names[asked]} get?"
    )
    steps += _share_steps(rng, ratio, total, names[asked], asked, thing)
    goal = eq(Quot(N(total) * ratio[asked], Sum(tuple(map(N, ratio)))), ANSWER)
    return Problem(statement, tuple(steps), (goal,), ({"?": N(each * ratio[asked])},))


def _ratio(rng: random.Random, count: int, bound: int) -> list[int]:
    """Numbers without a common factor, not all the same."""
    while True:
        ratio = [rng.randint(1, bound) for _ in range(count)]
        if gcd(*ratio) == 1 and len(set(ratio)) > 1:
            return ratio
