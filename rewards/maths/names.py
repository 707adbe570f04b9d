"""What the names in a mathematical text stand for: commands of LaTeX, functions, Greek letters."""

# ruff: noqa: SIM905 - a list of names reads best without quotes around each

from __future__ import annotations

__all__ = ["COMMANDS", "FUNCTIONS", "GREEK", "IGNORED", "NAMES", "OPERATORS", "SPACES", "UPRIGHT"]

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega"
).split()
"""Letters, in the order of their Unicode characters, without π and omicron."""

_TRIGONOMETRIC = "sin cos tan cot sec csc".split()
_HYPERBOLIC = "sinh cosh tanh coth sech csch".split()

FUNCTIONS: dict[str, str] = {
    **{name: name for name in [*_TRIGONOMETRIC, *_HYPERBOLIC]},
    **{prefix + name: "arc" + name for name in _TRIGONOMETRIC for prefix in ("arc", "a")},
    **{prefix + name: "arc" + name for name in _HYPERBOLIC[:3] for prefix in ("arc", "ar", "a")},
    **{name: name for name in ["ln", "exp", "gcd", "lcm", "min", "max", "log", "sqrt", "abs", "floor", "ceil"]},
    "lg": "log",
    "ceiling": "ceil",
    "cbrt": "cbrt",
    "binomial": "binomial",
}
"""Functions by the names that stand for them, as commands and as words."""

NAMES = frozenset([*FUNCTIONS, *GREEK, "pi", "infinity", "inf", "infty"])
"""Words that mean something in an expression."""

OPERATORS: dict[str, str] = {
    **dict.fromkeys(["cdot", "times", "ast"], "*"),
    **dict.fromkeys(["div"], "/"),
    **dict.fromkeys(["le", "leq", "leqslant"], "<="),
    **dict.fromkeys(["ge", "geq", "geqslant"], ">="),
    **dict.fromkeys(["ne", "neq"], "!="),
    **dict.fromkeys(["lt"], "<"),
    **dict.fromkeys(["gt"], ">"),
    **dict.fromkeys(["equiv"], "="),
    **dict.fromkeys(["lvert", "rvert", "vert"], "|"),
    **dict.fromkeys(["{", "lbrace"], r"\{"),
    **dict.fromkeys(["}", "rbrace"], r"\}"),
    **dict.fromkeys(["lor", "land", "vee", "wedge"], ","),
    "pmod": "mod",
    **{name: name for name in ["pm", "mp", "cup", "in", "%", "$", "lfloor", "rfloor", "lceil", "rceil"]},
    "langle": "(",
    "rangle": ")",
    "\\": r"\\",
    "colon": ":",
    "mid": ":",
    "lbrack": "[",
    "rbrack": "]",
    **dict.fromkeys(["degree", "circ"], "circ"),
}
COMMANDS: dict[str, str] = {
    **{name: name for name in FUNCTIONS.keys() - {"abs", "floor", "ceil", "ceiling", "cbrt", "binomial"}},
    **{name: name for name in [*GREEK, "pi", "infty", "emptyset", "sqrt", "begin", "end", "over", "prime", "choose"]},
    **{name: name for name in ["hbar", "odot", "angle", "triangle", "bar", "hat", "tilde", "dot", "ddot"]},
    **{long: short for short, long in [("bar", "overline"), ("hat", "widehat"), ("tilde", "widetilde")]},
    "varnothing": "emptyset",
    "varepsilon": "epsilon",
    "varphi": "phi",
    "vartheta": "theta",
    "ell": "ell",
    **dict.fromkeys(["frac", "dfrac", "tfrac", "cfrac"], "frac"),
    **dict.fromkeys(["binom", "dbinom", "tbinom"], "binom"),
}
SPACES = frozenset([*",;:> \n\t", "quad", "qquad"])
"""Commands that stand for white space."""

IGNORED = SPACES | frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle "
    "scriptstyle limits nolimits boxed fbox mathbf boldsymbol bm vec mathit ! ( ) [ ]".split()
)
"""Commands that change how mathematics looks, or where it begins and ends."""

UPRIGHT = "text textbf textit textrm textsf texttt textnormal mbox hbox mathrm mathsf operatorname".split()
"""Commands that set words upright."""
