r"""The mathematics of a step: formulas, ``<<calculations>>``, and arithmetic within prose, cut out as texts.

Everything takes time linear in the step, whatever it is.
"""

from __future__ import annotations

import re

from rewards.maths.prose import arithmetic
from rewards.text import normalize

__all__ = ["UNKNOWN", "snippets"]

UNKNOWN = "□"
"""What stands for a value in words, so that what it is part of is not taken for the whole."""


def snippets(step: str) -> list[str]:
    r"""The mathematics of a step, each piece as a text to parse: an expression, an equation, or a chain of them.

    Found are formulas in ``$…$``, ``$$…$$``, ``\(…\)``, ``\[…\]`` and display environments, line by line; what stands
    in ``<<…>>``; and in what is left, arithmetic: numbers, single letters and operators in signs or words. Arithmetic
    without an equals sign counts only if it cannot be taken for something else (``3-4`` may be a range, ``24/7`` a
    saying). Words behind a number (``12 eggs * 2 = 24 eggs``) are units, and left out, as words in formulas are.

    Example:
        >>> snippets(r"So $3x = 12$. Now 12 eggs - 4 = 8 eggs, and 2 times 8 is 16, or 4*4 = <<4*4=16>>16.")
        ['3x = 12', '4*4=16', '12 - 4 = 8', '2 * 8 = 16', '4*4 = 16']
    """
    found = [piece for formula in _FORMULA.finditer(step) for piece in _pieces(formula[formula.lastgroup or 0])]
    rest = _FORMULA.sub("\n", step) if found else step
    if "<<" in rest:
        found += [_plain(calculation) for calculation in _CALCULATION.findall(rest)]
        rest = _CALCULATION.sub("", rest)
    return found + arithmetic(rest)


# -- formulas ---------------------------------------------------------------------------------------------------------

_INNER = r"(?: [^$\\] | \\(?![()\[\]]|(?:begin|end)\{(?:align|equation|gather|eqnarray|multline)) . )*+"
_PRICE = r"[\d,.]++\s(?!(?:sin|cos|tan|log|ln|mod|or|and)\b)[A-Za-z]{2,}\s"  # $5 each, so 3*$5=$15
_FORMULA = re.compile(
    rf"""\$\$ (?P<display> (?: [^$\\] | \\. )*+ ) \$\$
      | \$ (?![\s$]|{_PRICE}) (?P<inline> (?: [^$\\\n] | \\. | \n(?!\s*+\n) )*+ ) (?<=[^\s=*(/]) \$ (?!\d)
      | \\\( (?P<round> {_INNER} ) \\\)
      | \\\[ (?P<square> {_INNER} ) \\\]
      | \\begin\{{ (?:align|equation|gather|eqnarray|multline)(?:ed)?\*?\}} (?P<environment> {_INNER} )
        \\end\{{ (?:align|equation|gather|eqnarray|multline)(?:ed)?\*?\}}""",
    re.VERBOSE | re.DOTALL,
)
_CALCULATION = re.compile(r"<<([^<>\n]{1,200}+)>>")
_DIGIT = re.compile(r"\d")
_BREAK = re.compile(
    r"\\(?:implies|iff|[Rr]ightarrow|Longrightarrow|[Ll]eftrightarrow|Leftrightarrow|to|therefore|because|approx|simeq"
    r"|quad|qquad)(?![A-Za-z])|[⇒→⟹⇔∴≈]"
)
_LINE = re.compile(r"\\\\(?:\[[^\]\n]{0,9}\])?")
_WORDS = r"\\(?:text|textbf|textit|textrm|mbox|mathrm) *+\{([^{}]*+)\}"
_UNIT = re.compile(rf"(?:/ *+)?{_WORDS}(?: *+\^ *+(?:\d|\{{\d\}}))?+")  # /\text{h}, \text{ m}^2
_UNITS = re.compile(r"\\[dt]?frac *+\{ *+\} *+\{ *+\}")  # what is left of \frac{\text{km}}{\text{h}}
_CONVERTED = re.compile(rf"(?:^|(?<==)) *+[\d.,]++ *+{_WORDS} *+= *+[\d.,]++ *+{_WORDS} *+(?=$|=)")
_TAG = re.compile(r"\\(?:tag|label)\*?\{[^{}]*+\}|\\(?:nonumber|notag|displaystyle)(?![A-Za-z])")
_ALIGNED = re.compile(r"\\(?:begin|end)\{(?:align|equation|gather|eqnarray|multline|split)(?:ed)?\*?\}")  # within $$
_BOXED = re.compile(r"\\boxed *+\{([^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+)\}")
_X = re.compile(r"(?<=\d) *+[xX] *+(?=\d)")


def _pieces(formula: str) -> list[str]:
    """The lines of a formula, and what arrows part, without words, alignment and full stops."""
    formula = _ALIGNED.sub(" ", _TAG.sub("", formula)).replace("\\$", "")
    if "\\begin" in formula:  # a matrix, say
        lines = [formula]
    else:
        formula = _LINE.sub("\n", formula).replace("&", " ")
        lines = [line for part in _BREAK.split(formula) for line in _joined(part.split("\n"))]
    found: list[str] = []
    for line in lines:
        line = normalize(line)
        if "{" in line:
            line = _UNITS.sub("", _UNIT.sub(_word, _CONVERTED.sub("", line)))
        line = line.strip(" .,;:").removeprefix("=").strip()
        if boxed := _BOXED.fullmatch(line):
            line = boxed[1].strip()
        if len(line) > 2 or _DIGIT.search(line):
            found.append(line)
    return found


def _joined(lines: list[str]) -> list[str]:
    """Lines of a chain as one: a line that begins with a relation or an operator goes on from the one before."""
    found: list[str] = []
    for line in lines:
        if found and line.lstrip().startswith(("=", "+", "-", "\\cdot", "\\times")):
            found[-1] += line
        elif line.strip():
            found.append(line)
    return found


_KEPT = frozenset(["or", "and", "e", "i", "d"])
_OPERATOR = re.compile(r" *+(?:[-+*/^]|\\(?:times|cdot|div)(?![A-Za-z]))")


def _word(found: re.Match[str]) -> str:
    """Nothing for a label or a unit; the words, if they join or hold numbers; a mark, if they stand for a value."""
    text, words = found.string, found[1]
    if words.strip() in _KEPT or _DIGIT.search(words):
        return f" {words} "
    is_unit = text[max(0, found.start() - 9) : found.start()].rstrip()[-1:] in _ENDS
    return UNKNOWN if not is_unit and _OPERATOR.match(text, found.end()) else " "


_ENDS = frozenset("0123456789)}]")


def _plain(calculation: str) -> str:
    return _X.sub("*", calculation.strip())
