r"""Reading inputs: files, folders, the Hub, standard input → records → solutions.

The process that reads calls :func:`resolve` and :func:`blocks`; whoever gets a block calls :func:`records` and
:func:`to_solution`. :func:`peek` and :func:`guess_layout` find out beforehand which column holds what.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from srl_data import sources
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "two.jsonl")
    ...     _ = path.write_text('{"question": "1 + 1?", "answer": "1 + 1 = 2\\n#### 2"}\n{"question": "2 + 2?"}\n')
    ...     [two] = sources.resolve([str(path)])
    ...     layout = sources.guess_layout(sources.peek(two), {})
    ...     for block in sources.blocks(two):
    ...         for line, record in sources.records(block):
    ...             where = f"{two.name}:{line}"
    ...             try:
    ...                 print(where, sources.to_solution(record, layout, where, where).answer)
    ...             except sources.Rejected as rejected:
    ...                 print(where, rejected)
    two.jsonl:1 2
    two.jsonl:2 missing_column: no column answer; there are question. Name the right one: --map text=COLUMN
"""

from __future__ import annotations

from srl_data.errors import Rejected
from srl_data.sources.blocks import Block, blocks, peek, records
from srl_data.sources.inputs import Input, fingerprint, resolve
from srl_data.sources.layout import Layout, guess_layout
from srl_data.sources.solutions import to_solution

__all__ = [
    "Block",
    "Input",
    "Layout",
    "Rejected",
    "blocks",
    "fingerprint",
    "guess_layout",
    "peek",
    "records",
    "resolve",
    "to_solution",
]
