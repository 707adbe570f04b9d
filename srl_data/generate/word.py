"""Word problems, told as stories with names, prices, rates, ages and percentages.

Six templates: shopping, ages, stock, journey, prices in percent, machines. The level sets how many things
happen (from one or two at level 1 to eight or more at level 10) and how large the numbers are: one digit up to
level 2, two digits up to level 7, three digits beyond. One to about twenty steps.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

from srl_data.generate.draws import people
from srl_data.generate.expr import Expr, N, Quot, Sum
from srl_data.generate.model import Problem, listed
from srl_data.generate.story import Story

__all__ = ["word"]

_EVENTS = (1, 1, 2, 2, 3, 4, 5, 6, 7, 8)
_SIZES = (9, 9, 12, 20, 20, 30, 50, 120, 250, 500)


def word(rng: random.Random, level: int) -> Problem:
    """A story with names, prices, rates, ages or percentages, as long as the level says."""
    return rng.choice(_TEMPLATES)(Story(rng), _EVENTS[level - 1], _SIZES[level - 1], level)


_GOODS = (
    "notebooks", "pens", "mugs", "candles", "plants", "posters", "books", "scarves", "lamps", "puzzles",
    "cushions", "baskets", "kites", "bowls", "brushes", "T-shirts",
)  # fmt: skip


def _shopping(story: Story, events: int, size: int, level: int) -> Problem:
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


def _ages(story: Story, events: int, size: int, level: int) -> Problem:
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


def _stock(story: Story, events: int, size: int, level: int) -> Problem:
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


def _journey(story: Story, events: int, size: int, level: int) -> Problem:
    rng = story.rng
    name = people(rng, 1)[0]
    ways = (
        ("walks", "walk", 3, 6), ("cycles", "bicycle ride", 12, 28), ("takes a bus", "bus ride", 35, 60),
        ("drives", "drive", 50, 95), ("takes a train", "train ride", 70, 180),
    )  # fmt: skip
    total, whole, parts = 0, None, []
    for index in range(events + 1):
        verb, noun, low, high = rng.choice(ways)
        speed, hours = rng.randint(low, high), rng.randint(2, 6)
        lead = name if index == 0 else rng.choice((f"Then {name}", f"After that, {name}", f"Next, {name}"))
        story.say(f"{lead} {verb} for {hours} hours at {speed} kilometres an hour.")
        distance = speed * hours
        ordinal = _ORDINALS[index]
        story.work(
            f"Find the length of the {ordinal} part",
            N(hours) * speed,
            distance,
            f"The {noun} covers {{}} kilometres.",
            f"In {hours} hours at this speed, {name} covers {{}} kilometres.",
        )
        parts.append(distance)
        whole = N(hours) * speed if whole is None else whole + N(hours) * speed
        total += distance
    assert whole is not None  # noqa: S101 - there are at least two parts
    story.work("Add up the distances", Sum(tuple(map(N, parts))), total, "All parts together are {} kilometres long.")
    if level <= 2:
        return story.finish("journey", f"How many kilometres does {name} travel in all?", whole, total)
    route = total + rng.randint(5, 60)
    story.say(f"The whole route is {route} kilometres long.")
    story.work("Find the distance that remains", N(route) - total, route - total, "There remain {} kilometres.")
    return story.finish("route", "How many kilometres remain?", N(route) - whole, route - total)


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def _prices(story: Story, events: int, size: int, level: int) -> Problem:
    rng = story.rng
    thing = rng.choice(("bicycle", "phone", "guitar", "camera", "sofa", "desk", "coat", "tent"))
    price = rng.randint(2, max(4, size // 3)) * (20 if level < 5 else 40)
    story.say(f"A {thing} costs {price} dollars.", f"The price of a {thing} is {price} dollars.")
    whole: Expr = N(price)
    for index in range(events):
        rates = [p for p in (5, 10, 15, 20, 25, 30, 40, 50) if price * p % 100 == 0]
        lead = ("First", "Then", "Later", "After a while", "Next", "Some weeks later", "After that", "Finally")[
            min(index, 7)
        ]
        if events == 1:
            lead = rng.choice(("In a sale", "After the holidays", "This week"))
        up = rng.random() < 0.4
        if not rates:
            amount = -price % 20
            story.say(f"{lead}, the price goes up by {amount} dollars.")
            story.work(f"Add {amount} dollars", N(price) + amount, price + amount, "The price becomes {} dollars.")
            whole, price = whole + amount, price + amount
            continue
        rate = rng.choice(rates)
        change = price * rate // 100
        verb = ("is raised by", "goes up by") if up else ("is reduced by", "falls by")
        story.say(f"{lead}, the price {rng.choice(verb)} {rate}%.")
        story.work(
            f"Find {rate}% of {price}",
            Quot(N(rate) * price, N(100)),
            change,
            "The price changes by {} dollars.",
            f"{rate}% of {price} dollars is {{}} dollars.",
        )
        new = price + change if up else price - change
        story.work(
            f"{'Add' if up else 'Subtract'} {change} dollars",
            N(price) + change if up else N(price) - change,
            new,
            "The new price is {} dollars.",
            f"The {thing} now costs {{}} dollars.",
        )
        part = Quot(N(rate) * whole, N(100))
        whole, price = (whole + part if up else whole - part), new
    return story.finish(
        "percent",
        rng.choice((f"What does the {thing} cost in the end, in dollars?", "What is the final price in dollars?")),
        whole,
        price,
    )


def _machines(story: Story, events: int, size: int, level: int) -> Problem:
    rng = story.rng
    thing = rng.choice(("screws", "bottles", "candles", "boxes", "bricks", "pencils"))
    letters = "ABCDEFGHI"[: events + 1]
    total, whole, parts = 0, None, []
    for letter in letters:
        rate, hours = rng.randint(2, size), rng.randint(2, 9)
        story.say(
            f"Machine {letter} makes {rate} {thing} an hour and runs for {hours} hours.",
            f"Machine {letter} runs for {hours} hours and makes {rate} {thing} in each of them.",
        )
        made = rate * hours
        story.work(
            f"Find the output of machine {letter}", N(hours) * rate, made, f"Machine {letter} makes {{}} {thing}."
        )
        parts.append(made)
        whole = N(hours) * rate if whole is None else whole + N(hours) * rate
        total += made
    assert whole is not None  # noqa: S101 - there are at least two machines
    story.work("Add up the output", Sum(tuple(map(N, parts))), total, f"Together they make {{}} {thing}.")
    if level <= 2:
        return story.finish("machines", f"How many {thing} do they make together?", whole, total)
    sizes = [k for k in range(2, 13) if total % k == 0]
    if sizes:
        per, price = rng.choice(sizes), rng.randint(2, 9)
        packs = total // per
        story.say(f"The {thing} are packed in sets of {per}, and each set is sold for {price} dollars.")
        story.work("Find the number of sets", Quot(N(total), N(per)), packs, "That makes {} sets.")
        story.work("Find the earnings", N(packs) * price, packs * price, "They are sold for {} dollars.")
        goal = Quot(whole, N(per)) * price
        return story.finish("sets", "How many dollars do all the sets bring?", goal, packs * price)
    price = rng.randint(2, 9)
    story.say(f"Each of the {thing} is sold for {price} dollars.")
    story.work("Find the earnings", N(total) * price, total * price, "They are sold for {} dollars.")
    return story.finish("earnings", f"How many dollars do the {thing} bring?", whole * price, total * price)


_TEMPLATES: tuple[Callable[[Story, int, int, int], Problem], ...] = (
    _shopping,
    _ages,
    _stock,
    _journey,
    _prices,
    _machines,
)
