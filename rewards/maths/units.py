"""Units of measurement: what a name means, and how two units relate."""

# ruff: noqa: SIM905 - a list of names reads best without quotes around each

from __future__ import annotations

from fractions import Fraction

from rewards.maths.tree import Node, Quantity

__all__ = ["REMAINDER", "SCALES", "SHORT_WORDS", "UNITS", "measure", "modulus"]

# dimension: {names separated by a bar: how many of the first one it is}
_TABLE: dict[str, dict[str, Fraction | int]] = {
    "length": {
        "m|meter|metre|meters|metres": 1,
        "mm|millimeter|millimeters|millimetre|millimetres": Fraction(1, 1000),
        "cm|centimeter|centimeters|centimetre|centimetres": Fraction(1, 100),
        "dm|decimeter|decimeters": Fraction(1, 10),
        "km|kilometer|kilometers|kilometre|kilometres": 1000,
        "in|inch|inches": Fraction(254, 10000),
        "ft|foot|feet": Fraction(3048, 10000),
        "yd|yard|yards": Fraction(9144, 10000),
        "mi|mile|miles": Fraction(1609344, 1000),
    },
    "mass": {
        "g|gram|grams": 1,
        "mg|milligram|milligrams": Fraction(1, 1000),
        "kg|kilogram|kilograms": 1000,
        "oz|ounce|ounces": Fraction(45359237, 1600000),
        "lb|lbs|pound|pounds": Fraction(45359237, 100000),
    },
    "time": {
        "s|sec|secs|second|seconds": 1,
        "min|mins|minute|minutes": 60,
        "h|hr|hrs|hour|hours": 3600,
        "day|days": 86400,
        "week|weeks": 604800,
    },
    "months": {"month|months": 1, "yr|yrs|year|years": 12},
    "volume": {
        "L|l|liter|liters|litre|litres": 1,
        "mL|ml|milliliter|milliliters|millilitre|millilitres": Fraction(1, 1000),
    },
    "$": {"$|dollar|dollars|USD|usd": 1, "¢|cent|cents": Fraction(1, 100)},
    "€": {"€|euro|euros|EUR": 1},
    "£": {"£|GBP": 1},
    "¥": {"¥|yen|JPY|yuan|RMB": 1},
    "": {"dozen|dozens": 12, "unit|units": 1},  # numbers, that is
    "%": {"%|percent|percentage|pct": 1},
    "angle": {"°|deg|degree|degrees": 1, "rad|radian|radians": 0},  # no rational factor: see compare
}
UNITS: dict[str, str] = {
    **{name: names.split("|")[0] for rows in _TABLE.values() for names in rows for name in names.split("|")},
    **dict.fromkeys(["mph", "MPH"], "mi/h"),
    **dict.fromkeys(["kph", "kmh", "kmph"], "km/h"),
}
"""Every spelling of a known unit, and the name that stands for it in a tree."""

SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Words behind a number that multiply it, and the power of ten by which they do."""

SHORT_WORDS = frozenset(
    "an ant bag bed bee box boy bus can cap car cat cow cup dog ear egg eye fan hat hen jar key kid lap leg man map "
    "men mug nut of off pan pen pet pie pig pin pot pts rat row rug set the tie tin toy tub van vet way win".split()
)
"""Words behind a number that have so few letters that they could be products of variables, and are not."""

_MEASURES: dict[str, tuple[str, Fraction]] = {
    names.split("|")[0]: (dimension, Fraction(factor))
    for dimension, rows in _TABLE.items()
    for names, factor in rows.items()
    if factor
}


REMAINDER = "mod "
"""What the unit of a remainder begins with; behind it stands the modulus."""


def measure(unit: str) -> tuple[tuple[tuple[str, int], ...], Fraction]:
    """The dimension of a unit, as powers of basic ones, and how many basic units it is.

    A word that is no known unit is a dimension of its own; its plural is the same.

    Args:
        unit: Names with powers, multiplied by ``*`` and divided by ``/``, as in a tree.

    Example:
        >>> measure("km/h")
        ((('length', 1), ('time', -1)), Fraction(5, 18))
        >>> measure("eggs") == measure("egg")
        True
    """
    powers: dict[str, int] = {}
    factor, sign = Fraction(1), 1
    for part in unit.replace("/", "\n/\n").replace("*", "\n").split("\n"):
        if part == "/":
            sign = -1
            continue
        name, _, exponent = part.partition("^")
        power = sign * int(exponent or 1)
        dimension, each = _MEASURES.get(name, (name.removesuffix("s"), Fraction(1)))
        powers[dimension] = powers.get(dimension, 0) + power
        factor *= each**power
    return tuple(sorted((name, power) for name, power in powers.items() if name and power)), factor


def modulus(quantity: Node) -> str:
    r"""What a quantity is a remainder of a division by; empty if it is none.

    Example:
        >>> from rewards.maths.parse import parse
        >>> modulus(parse(r"3 \pmod 7")), modulus(parse("3 cm")), modulus(parse("3"))
        ('7', '', '')
    """
    unit = quantity.unit if isinstance(quantity, Quantity) else ""
    return unit.removeprefix(REMAINDER) if unit.startswith(REMAINDER) else ""
