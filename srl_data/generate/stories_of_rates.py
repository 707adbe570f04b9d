"""Word problems about speeds, prices in percent, and output."""

from __future__ import annotations

from srl_data.generate.draws import people
from srl_data.generate.expr import (
    Expr,
    N,
    Quot,
    Sum,
)
from srl_data.generate.model import Problem
from srl_data.generate.story import Story

__all__ = ["journey", "machines", "prices"]

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def journey(story: Story, events: int, size: int, level: int) -> Problem:
    """Distances from speeds and hours."""
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


def prices(story: Story, events: int, size: int, level: int) -> Problem:
    """A price that changes by percentages."""
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


def machines(story: Story, events: int, size: int, level: int) -> Problem:
    """Output from rates and hours, sold in sets."""
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
