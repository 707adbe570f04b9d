r"""Calls in canonical form.

Two experts who do the same thing write it differently, and a string similarity would see a difference where
the environment sees none. The canonical form takes out what the environment ignores: the order of arguments
and the layout around them. Values stay as they were written.
"""

from __future__ import annotations

import json
from typing import Literal

from srl_data.types import Call

__all__ = ["Order", "render"]

Order = Literal["sorted", "written"]


def render(call: Call, order: Order = "sorted") -> str:
    r"""A call in canonical form.

    * ``xml``: ``<function=NAME>``, a line ``<parameter=KEY>VALUE</parameter>`` for each argument, ``</function>``
    * ``json``: ``{"name": NAME, "arguments": {…}}`` on one line, spaced as chat templates space it, characters
      beyond ASCII as themselves
    * ``plain``: the command, without white space at its end

    Args:
        call: The call.
        order: ``sorted`` sorts arguments by name (in ``json`` at every level), ``written`` keeps the expert's order.

    Example:
        >>> print(render(Call("edit", {"path": "a.py", "line": "3"}, "xml")))
        <function=edit>
        <parameter=line>3</parameter>
        <parameter=path>a.py</parameter>
        </function>
        >>> render(Call("edit", {"path": "a.py", "line": 3}, "json"), "written")
        '{"name": "edit", "arguments": {"path": "a.py", "line": 3}}'
    """
    if call.syntax == "plain":
        return str(call.arguments.get("", "")).rstrip()
    if call.syntax == "xml":
        names = sorted(call.arguments) if order == "sorted" else list(call.arguments)
        lines = [f"<parameter={name}>{call.arguments[name]}</parameter>" for name in names]
        return "\n".join([f"<function={call.name}>", *lines, "</function>"])
    # arguments under the one name "" are no object: a text that is not JSON, a bare list
    arguments = call.arguments[""] if set(call.arguments) == {""} else dict(call.arguments)
    written = json.dumps(arguments, ensure_ascii=False, sort_keys=order == "sorted")
    return f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {written}}}'
