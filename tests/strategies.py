"""Hypothesis strategies shared by the tests: texts as hostile as the ones that people feed in."""

from __future__ import annotations

from hypothesis import strategies as st

# what segmenters react to, so that random texts reach their branches
_BITS = [
    "1. ",
    "2. ",
    "3) ",
    "**Title**: ",
    "Step 1: ",
    "## Step 2\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "```python\n",
    "```\n",
    "~~~",
    "$",
    "$$",
    "$x$",
    r"\(",
    r"\)",
    r"\[",
    r"\]",
    r"\begin{align}",
    r"\end{align}",
    r"\\",
    r"\boxed{7}",
    "<think>",
    "</think>",
    "Wait, ",
    "So ",
    "Let me check. ",
    "e.g. ",
    "3.14",
    "x. ",
    "A. B. Smith ",
    "$5.00",
    "...",
    "…",
    "{",
    "}",
    "<<1+1=2>>",
    "#### 42",
    " ** ",
    "\x00",
    "\u0301",
    "𝔸",
    "\u2028",
    "\u00a0",
    "。",
    "Answer: 3",
    "- ",
    "a",
    "The end. ",
]

characters = st.characters(blacklist_categories=["Cs"])  # lone surrogates are rejected before a segmenter sees them

texts = st.one_of(
    st.text(characters, max_size=80),
    st.lists(st.one_of(st.sampled_from(_BITS), st.text(characters, max_size=6)), max_size=40).map("".join),
)
