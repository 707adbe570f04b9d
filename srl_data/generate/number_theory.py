"""Greatest common divisors, powers with a modulus, prime factors, and simultaneous congruences.

``gcd``: Euclid's algorithm; the level is the number of divisions less one; the numbers are below 100 up to level 3,
below 1,000 up to level 6, below 1,000,000 beyond.
``factor``: prime factorisation; the level is the number of prime factors less one, up to 7; the
primes go to 23 up to level 2, to 13 up to level 7, to 47 beyond.
``modpower``: a power with a modulus by repeated squaring; the exponent has level + 1 binary digits.
``crt``: congruences for one number; 2 below level 5, 3 below level 9, then 4, with growing moduli.
"""

from __future__ import annotations

import random
from math import gcd as _gcd
from math import prod

from srl_data.generate.expr import ANSWER, Call, Expr, N, Named, Prod, Quot, Sum, Sym, term
from srl_data.generate.model import Problem, Relation, Step, congruent, eq, less, listed, step

__all__ = ["crt", "factor", "gcd", "modpower"]

_MIDDLE = (2, 3, 5, 7, 11, 13)
_LARGE = (*_MIDDLE, 17, 19, 23, 29, 31, 37, 41, 43, 47)


def gcd(rng: random.Random, level: int) -> Problem:
    """The greatest common divisor of two numbers, by Euclid's algorithm."""
    while True:
        a, b = _pair(rng, level)
        if a < 10 ** (2 if level <= 3 else 3 if level <= 6 else 6) and b > 1:
            break
    statement = rng.choice(
        (
            f"Find the greatest common divisor of {a} and {b}.",
            f"What is the greatest common divisor of {a} and {b}?",
            f"Compute gcd({a}, {b}).",
            f"Use Euclid's algorithm to find the greatest common divisor of {a} and {b}.",
        )
    )
    answer = _gcd(a, b)
    goal = eq(Call("gcd", (N(a), N(b))), ANSWER)
    steps = []
    while b:
        quotient, rest = divmod(a, b)
        shown = eq(N(a), N(quotient) * b + rest if rest else N(quotient) * b)
        if rest:
            prose = rng.choice(
                (
                    f"We have {{}}, so the remainder is {rest}.",
                    f"The remainder is {rest}: {{}}.",
                    f"Since {{}}, the next remainder is {rest}.",
                )
            )
        else:
            prose = rng.choice(
                (
                    f"Nothing is left: {{}}. The last divisor, {b}, is the greatest common divisor.",
                    f"It divides without remainder: {{}}. So the greatest common divisor is {b}.",
                )
            )
        steps.append(step(f"Divide {a} by {b}", prose, shown, unspoken=(less(rest, b),)))
        a, b = b, rest
    return Problem(statement, tuple(steps), (goal,), ({"?": N(answer)},))


def _pair(rng: random.Random, level: int) -> tuple[int, int]:
    """Two numbers for which Euclid's algorithm takes ``level + 1`` divisions: run backwards."""
    shared = rng.randint(1 if level > 3 else 2, 15)
    a, b = shared * rng.randint(2, 4), shared
    for _ in range(level):
        a, b = a * rng.choice((1, 1, 1, 2, 2, 3)) + b, a
    return a, b


def factor(rng: random.Random, level: int) -> Problem:
    """A prime factorisation, one prime at a time from the smallest on."""
    pool = _LARGE[:9] if level <= 2 else _MIDDLE if level <= 7 else _LARGE
    primes = sorted(rng.choice(pool) for _ in range(min(level + 1, 8)))
    number = prod(primes)
    statement = rng.choice(
        (
            f"Find the prime factorisation of {number}.",
            f"Write {number} as a product of primes.",
            f"Factor {number} into primes.",
            f"What are the prime factors of {number}? Give the factorisation, with powers.",
        )
    )
    steps, rest = [], number
    for prime in primes[:-1]:
        prose = rng.choice(
            (
                "The smallest prime that divides it leaves {}.",
                f"{prime} is the smallest prime factor, and {{}}.",
                "No smaller prime works, and {}.",
            )
        )
        if prime == 2:
            prose = "The number is even: {}."
        steps.append(
            step(
                f"Divide {rest} by {prime}",
                prose,
                eq(Quot(N(rest), N(prime)), rest // prime),
                unspoken=(_prime(prime),),
            )
        )
        rest //= prime
    powers = {prime: primes.count(prime) for prime in primes}
    factors: list[Expr] = [N(p) ** k if k > 1 else N(p) for p, k in powers.items()]
    answer = Prod(tuple(factors)) if len(factors) > 1 else factors[0]
    steps.append(
        step(
            "Collect the prime factors",
            f"{rest} is prime, so we are done: {{}}.",
            eq(N(number), answer),
            unspoken=(_prime(rest),),
        )
    )
    return Problem(statement, tuple(steps), (eq(ANSWER, number),), ({"?": answer},))


def _prime(number: int) -> Relation:
    return eq(Call("isprime", (N(number),)), 1)


def modpower(rng: random.Random, level: int) -> Problem:
    """The remainder of a power, by repeated squaring."""
    bound = (20, 20, 25, 25, 30, 40, 60, 99, 200, 999)[level - 1]
    while True:
        modulus, base = rng.randint(5, bound), rng.randint(2, 12 if level <= 5 else bound)
        exponent = rng.randint(2**level + 1, 2 ** (level + 1) - 1)  # a power of 2 leaves too little to do
        if base < modulus and _gcd(base, modulus) == 1 and all(pow(base, 2**k, modulus) != 1 for k in range(level + 1)):
            break
    statement = rng.choice(
        (
            f"Find the remainder when {base}^{exponent} is divided by {modulus}.",
            f"What is the remainder of {base}^{exponent} on division by {modulus}?",
            f"Compute {base}^{exponent} modulo {modulus}.",
        )
    )
    steps, residues, power, value = [], {1: base}, 1, base
    while power * 2 <= exponent:
        square = value * value
        reduced = square % modulus
        prose = rng.choice(("We square the last result: {}.", "Squaring gives {}.", "The next square is {}."))
        if power == 1:
            prose = rng.choice(("Squaring gives {}.", "The first square is {}."))
        claims: list[Expr | int] = [N(base) ** (2 * power), N(value) ** 2, square, reduced]
        if power == 1:
            del claims[1]
        if square == reduced:
            claims.pop()
        steps.append(step(f"Find {base}^{2 * power} modulo {modulus}", prose, congruent(*claims, modulus=modulus)))
        power, value = 2 * power, reduced
        residues[power] = reduced
    parts = [p for p in sorted(residues, reverse=True) if exponent & p]
    if len(parts) > 1:
        shown = Prod(tuple(N(base) ** p if p > 1 else N(base) for p in parts))
        total = Sum(tuple(map(N, parts)))
        prose = "Since {}, we have {}."
        power_claim = congruent(N(base) ** exponent, shown, modulus=modulus)
        steps.append(step("Split the exponent into powers of two", prose, eq(N(exponent), total), power_claim))
    result = residues[parts[0]]
    for p in parts[1:]:
        product = result * residues[p]
        reduced = product % modulus
        claims = [N(result) * residues[p], product, *([reduced] if reduced != product else [])]
        prose = rng.choice(("This is {}.", "We get {}.", "The product is {}."))
        steps.append(step(f"Multiply by {base}{f'^{p}' if p > 1 else ''}", prose, congruent(*claims, modulus=modulus)))
        result = reduced
    goal = (congruent(N(base) ** exponent, ANSWER, modulus=modulus), less(-1, ANSWER, modulus))
    return Problem(statement, tuple(steps), goal, ({"?": N(result)},))


def crt(rng: random.Random, level: int) -> Problem:
    """A number from its remainders (Chinese remainder theorem), one congruence at a time."""
    count = 2 if level <= 4 else 3 if level <= 8 else 4
    bound = (5, 7, 9, 13, 7, 9, 11, 15, 11, 17)[level - 1]
    while True:
        moduli = rng.sample(range(2, bound + 1), count)
        if all(_gcd(a, b) == 1 for i, a in enumerate(moduli) for b in moduli[:i]):
            break
    moduli.sort(reverse=True)
    residues = [rng.randrange(modulus) for modulus in moduli]
    told = [f"a remainder of {r} when divided by {m}" for r, m in zip(residues, moduli, strict=True)]
    wanted = "smallest non-negative whole number"
    congruences = listed([f"x ≡ {r} (mod {m})" for r, m in zip(residues, moduli, strict=True)])
    statement = rng.choice(
        (
            f"Find the {wanted} that leaves {listed(told)}.",
            f"What is the {wanted} x with {congruences}?",
        )
    )
    x = Sym("x")
    value, modulus = residues[0], moduli[0]
    steps: list[Step] = []
    for residue, m in zip(residues[1:], moduli[1:], strict=True):
        steps += _join(rng, value, modulus, residue, m)
        value = next(v for v in range(value, value + modulus * m, modulus) if v % m == residue)
        modulus *= m
    shown = [congruent(value, r, modulus=m) for r, m in zip(residues, moduli, strict=True)]
    steps.append(
        step(
            "Check every remainder",
            f"Indeed {listed(['{}'] * count)}, and {value} is smaller than {modulus}, the product of the moduli.",
            *shown,
            unspoken=(eq(Prod(tuple(map(N, moduli))), modulus), less(value, modulus)),
        )
    )
    goal = (*(congruent(x, r, modulus=m) for r, m in zip(residues, moduli, strict=True)), less(-1, x, modulus))
    return Problem(statement, tuple(steps), goal, ({"x": N(value)},))


def _join(rng: random.Random, value: int, modulus: int, residue: int, m: int) -> list[Step]:
    """From ``x ≡ value`` and ``x ≡ residue`` to one congruence for the product of the moduli."""
    if value % m == residue:
        fits = congruent(value, residue, modulus=m) if value != residue else eq(N(value), residue)
        prose = f"Modulo {m} it is right already: {{}}."
        return [step(f"Test {value} in the congruence modulo {m}", prose, fits)]
    slope, need = modulus % m, (residue - value) % m
    inverse = pow(slope, -1, m)
    found = need * inverse % m
    k = Named("k", N(found))
    form = N(value) + term(modulus, k) if value else term(modulus, k)
    prose = rng.choice(
        (
            f"Numbers that leave {value} modulo {modulus} have the form {{}} with a whole number k.",
            f"Modulo {modulus} we need {value}, so all candidates are of the form {{}}.",
        )
    )
    steps = [step(f"Write down the numbers that leave {value} modulo {modulus}", prose, form)]
    reduced = congruent(term(slope, k), need, modulus=m)
    if slope == 1:
        prose = "From {} it follows that {}."
        claims = [congruent(form, residue, modulus=m), reduced]
    else:
        prose = (
            f"From {{}} it follows that {{}}. The inverse of {slope} modulo {m} is {inverse}, because {{}}, so {{}}."
        )
        product = inverse * need
        claims = [
            congruent(form, residue, modulus=m),
            reduced,
            congruent(N(slope) * inverse, 1, modulus=m),
            congruent(k, N(inverse) * need, *([found] if found != product else []), modulus=m),
        ]
    steps.append(step(f"Find k from the congruence modulo {m}", prose, *claims))
    prose = rng.choice(("The number is {}.", "We get {}.", f"This gives {{}}, unique modulo {modulus * m}."))
    whole = N(value) + N(modulus) * found if value else N(modulus) * found
    steps.append(step(f"Put k = {found} into the form", prose, eq(whole, value + modulus * found)))
    return steps
