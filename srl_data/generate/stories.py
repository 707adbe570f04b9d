"""Word problems about goods and people. A template takes a story, how many things happen, and how large numbers are."""

from __future__ import annotations

from itertools import pairwise

from srl_data.generate.draws import people
from srl_data.generate.expr import (
    Expr,
    N,
    Quot,
    Sum,
)
from srl_data.generate.model import Problem, listed
from srl_data.generate.story import Story

__all__ = ["ages", "shopping", "stock"]

_GOODS = (
    "notebooks", "pens", "mugs", "candles", "plants", "posters", "books", "scarves", "lamps", "puzzles",
    "cushions", "baskets", "kites", "bowls", "brushes", "T-shirts",
)  # fmt: skip


def shopping(story: Story, events: int, size: int, level: int) -> Problem:
    """Goods bought, a discount, the change."""
    rng = story.rng
    name = people(rng, 1)[0]
    goods = rng.sample(_GOODS, events)
    lots = [(rng.randint(2, min(size, 24)), rng.randint(2, size)) for _ in goods]
    told = [f"{n} {good} at {price} dollars each" for (n, price), good in zip(lots, goods, strict=True)]
    place = rng.choice(("at the market", "in a shop", "for a school party", "online"))
    story.say(f"{name} buys {listed(told)} {place}.", f"Shopping {place}, {name} buys {listed(told)}.")
    total, whole = 0, None
    for (n, price), good in zip(lots, goods, strict=True):
        cost = n * price
        story.work(
            f"Find the cost of the {good}",
            N(n) * price,
            cost,
            f"The {n} {good} cost {{}} dollars.",
            f"For the {good}, {name} pays {{}} dollars.",
        )
        if whole is not None:
            story.work(
                f"Add the cost of the {good}",
                N(total) + cost,
                total + cost,
                "So far that makes {} dollars.",
                "The running total is {} dollars.",
            )
        total += cost
        whole = N(n) * price if whole is None else whole + N(n) * price
    assert whole is not None  # noqa: S101 - there is at least one event
    cuts = [percent for percent in (5, 10, 20, 25, 50) if total * percent % 100 == 0]
    if level >= 5 and cuts:
        percent = rng.choice(cuts)
        off = total * percent // 100
        story.say(
            f"There is a discount of {percent}% on the whole purchase.", f"A coupon takes {percent}% off the total."
        )
        story.work(
            "Find the discount", Quot(N(percent) * total, N(100)), off, f"The discount of {percent}% is {{}} dollars."
        )
        story.work("Subtract the discount", N(total) - off, total - off, "What remains to be paid is {} dollars.")
        whole = whole - Quot(N(percent) * whole, N(100))
        total -= off
    if level >= 7:
        fee = rng.randint(3, 40)
        story.say(f"Delivery costs {fee} dollars more.", f"On top of that, {fee} dollars are charged for delivery.")
        story.work("Add the delivery", N(total) + fee, total + fee, "With delivery it is {} dollars.")
        whole, total = whole + fee, total + fee
    if level >= 2:
        paid = (total // 10 + rng.randint(1, 3)) * 10
        story.say(f"{name} pays with {paid} dollars.", f"{name} hands over {paid} dollars.")
        story.work("Find the change", N(paid) - total, paid - total, "The change is {} dollars.")
        return story.finish("change", "How many dollars of change are due?", N(paid) - whole, paid - total)
    question = rng.choice((f"How many dollars does {name} pay?", "What is the price in dollars?"))
    return story.finish("shopping", question, whole, total)


def ages(story: Story, events: int, size: int, level: int) -> Problem:
    """A chain of people, each older or younger than the one before."""
    rng = story.rng
    names = people(rng, events + 1)
    age = rng.randint(3, 12)
    story.say(f"{names[0]} is {age} years old.")
    whole: Expr = N(age)
    ages, wholes = [age], [whole]
    for previous, name in pairwise(names):
        kind = rng.choice(("older", "younger", "times") if age <= 25 else ("older", "younger", "younger"))
        if kind == "younger" and age < 6:
            kind = "older"
        if kind == "times":
            factor = rng.choice((2, 2, 3))
            often = {2: "twice", 3: "three times"}[factor]
            story.say(f"{name} is {often} as old as {previous}.")
            new, shown, whole = age * factor, N(factor) * age, N(factor) * whole
        else:
            years = rng.randint(2, 9 if kind == "older" else min(age - 3, 30))
            story.say(f"{name} is {years} years {kind} than {previous}.")
            sign = 1 if kind == "older" else -1
            new = age + sign * years
            shown, whole = (N(age) + years, whole + years) if sign > 0 else (N(age) - years, whole - years)
        story.work(f"Find {name}'s age", shown, new, f"{name} is {{}} years old.", f"{name}'s age is {{}}.")
        age = new
        ages.append(age)
        wholes.append(whole)
    if level == 1:
        return story.finish("age", f"How old is {names[-1]}?", whole, age)
    later = rng.randint(2, 10)
    story.work("Add up the ages", Sum(tuple(map(N, ages))), sum(ages), "Together they are {} years old.")
    story.work(
        "Find the years that pass for all of them",
        N(len(ages)) * later,
        len(ages) * later,
        f"In {later} years, the {len(ages)} people age by {{}} years in all.",
    )
    result = sum(ages) + len(ages) * later
    story.work(
        "Add the years that pass",
        N(sum(ages)) + len(ages) * later,
        result,
        f"In {later} years the sum of their ages is {{}}.",
    )
    goal = Sum(tuple(wholes)) + N(len(ages)) * later
    return story.finish("ages", f"What will be the sum of their ages in {later} years?", goal, result)


def stock(story: Story, events: int, size: int, level: int) -> Problem:
    """What arrives and leaves, day by day."""
    rng = story.rng
    things, keeper = rng.choice(
        (("loaves", "A bakery"), ("bicycles", "A factory"), ("books", "A library"), ("oranges", "A fruit shop"))
    )
    count = rng.randint(size, 4 * size)
    story.say(f"{keeper} has {count} {things} in stock.", f"{keeper} starts the week with {count} {things}.")
    whole: Expr = N(count)
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "the day after that")
    for day in days[: max(events, 2)]:
        shares = [k for k in (2, 3, 4, 5) if count and count % k == 0]
        kind = rng.choice(("in", "in", "out", "out", *(["share"] if shares else [])))
        when = f"On {day}"
        if kind == "share":
            k = rng.choice(shares)
            part = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}[k]
            gone = count // k
            story.say(
                f"{when}, {part} of the {things} are given away.", f"{when}, {part} of the {things} leave the store."
            )
            story.work(f"Find {part} of {count}", Quot(N(count), N(k)), gone, f"{when}, {{}} {things} go.")
            story.work(
                f"Subtract {gone}", N(count) - gone, count - gone, "There remain {}.", f"That leaves {{}} {things}."
            )
            whole, count = whole - Quot(whole, N(k)), count - gone
            continue
        boxes, each = rng.randint(2, 9), rng.randint(2, max(4, size // 4))
        if kind == "out" and boxes * each < count:
            story.say(
                f"{when}, {boxes} customers take {each} {things} each.",
                f"{when}, {boxes} orders of {each} {things} are sent out.",
            )
            story.work(f"Find how many leave on {day}", N(boxes) * each, boxes * each, f"{when}, {{}} {things} leave.")
            story.work(
                f"Subtract {boxes * each}",
                N(count) - boxes * each,
                count - boxes * each,
                "There remain {}.",
                f"That leaves {{}} {things}.",
            )
            whole, count = whole - N(boxes) * each, count - boxes * each
        else:
            story.say(
                f"{when}, {boxes} boxes with {each} {things} each arrive.",
                f"{when}, a delivery brings {boxes} boxes of {each} {things}.",
            )
            story.work(
                f"Find how many arrive on {day}", N(boxes) * each, boxes * each, f"{when}, {{}} {things} arrive."
            )
            story.work(
                f"Add {boxes * each}",
                N(count) + boxes * each,
                count + boxes * each,
                "Now there are {}.",
                f"That makes {{}} {things}.",
            )
            whole, count = whole + N(boxes) * each, count + boxes * each
    question = rng.choice((f"How many {things} are there in the end?", f"How many {things} are left in stock?"))
    return story.finish("stock", question, whole, count)
