r"""JSON files, cut into their records without being parsed.

Only brackets, commas and quotes are looked at; each record leaves as the bytes it was written in and is parsed
where JSONL lines are. So a file of any size takes the memory of one record, a record that is broken in itself
costs that record and not the file, and a streaming parser's own ideas (of ``NaN``, of ``"\ud800"``, of nesting
a million deep) do not come in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from srl_data.errors import Rejected
from srl_data.sources.lines import MAX_RECORD, excerpt, too_large

__all__ = ["json_documents"]

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING_REST = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)
_NESTED = re.compile(rb"[^\"{}\[\]]*+(?:\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"[^\"{}\[\]]*+)*+", re.DOTALL)
_OUTER = re.compile(rb"[^\"{}\[\],]*+")
_RECORDS = re.compile(
    rb"\"(?:data|rows|records|examples|instances|samples|train|validation|valid|dev|test)\"\s*+:\s*+\[\s*+(?=\{)"
)
_LOOK_AHEAD = 256  # bytes; room for the key of an array of records
_QUOTE, _COMMA = b'",'
_OPENING, _CLOSING = b"{[", b"}]"
_END = -1


class _Cut(Exception):
    """The bytes end inside a value."""


def json_documents(chunks: Iterable[bytes]) -> Iterator[bytes | Rejected]:
    """The records of a JSON file, as raw bytes.

    A record is an element of the file's array; or, where the file is an object with arrays of objects under
    keys such as ``data``, ``rows`` or ``train``, an element of those; or an object itself, one or several
    behind one another. An array of chat messages or of agent events is one conversation: it comes as one
    record, ``{"messages": […]}`` or ``{"events": […]}``.

    Example:
        >>> list(json_documents([b'{"version": 1, "data": [{"a": 1},', b' {"a": 2}]}']))
        [b'{"a": 1}', b'{"a": 2}']
    """
    scanner = _Scanner(chunks)
    try:
        while (byte := scanner.peek()) != _END:
            if byte == ord("["):
                scanner.position += 1
                yield from _array(scanner)
            elif byte == ord("{"):
                yield from _object(scanner)
            else:
                found = ascii(chr(byte))
                yield Rejected("bad_json", f"expected an array or an object, found {found}; the rest is not read")
                return
    except _Cut:
        rest = "" if scanner.anchor is None else f": {excerpt(scanner.buffer[scanner.anchor :])}"
        yield Rejected("truncated_input", f"the file ends inside a record or before the closing bracket{rest}")
    except Rejected as rejected:  # the compressed data are damaged
        yield rejected


class _Scanner:
    """A position in a stream of JSON.

    Attributes:
        buffer: What has been read and may still be needed.
        position: An offset in ``buffer``.
        anchor: From where on the bytes are wanted later; None if they are not, or are too many.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._dropped = 0
        self.buffer = b""
        self.position = 0
        self.anchor: int | None = None

    def more(self) -> bool:
        """Read on; False at the end."""
        piece = next(self._chunks, None)
        if piece is None:
            return False
        if self.anchor is not None and self.position - self.anchor > MAX_RECORD:
            self._dropped, self.anchor = self.position - self.anchor, None
        keep = self.position if self.anchor is None else self.anchor
        if self._dropped:
            self._dropped += len(piece)
        self.buffer = self.buffer[keep:] + piece
        self.position -= keep
        if self.anchor is not None:
            self.anchor = 0
        return True

    def peek(self) -> int:
        """The next byte that is not white space, without moving behind it; -1 at the end."""
        while True:
            found = _SPACE.match(self.buffer, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.buffer):
                return self.buffer[self.position]
            if not self.more():
                return _END

    def at_records(self) -> bool:
        """Whether an array of records under a known key starts here; if so, move to its first record."""
        while len(self.buffer) - self.position < _LOOK_AHEAD and self.more():
            pass
        found = _RECORDS.match(self.buffer, self.position)
        if found:
            self.position = found.end()
        return found is not None

    def skip(self) -> None:
        """Move behind an element or a member: to the comma or the bracket at its level."""
        depth = 0
        while True:
            found = (_NESTED if depth else _OUTER).match(self.buffer, self.position)
            self.position = found.end() if found else self.position
            if self.position == len(self.buffer):
                self._need_more()
                continue
            byte = self.buffer[self.position]
            if not depth and (byte == _COMMA or byte in _CLOSING):
                return
            self.position += 1
            if byte == _QUOTE:
                self._skip_string()
            else:
                depth += 1 if byte in _OPENING else -1

    def drop(self) -> None:
        """Want nothing of what has been passed."""
        self.anchor, self._dropped = None, 0

    def take(self) -> bytes | Rejected:
        """What lies between the anchor and here."""
        if self.anchor is None or self.position - self.anchor > MAX_RECORD:
            taken: bytes | Rejected = too_large("record", self._dropped or self.position - (self.anchor or 0))
        else:
            taken = self.buffer[self.anchor : self.position].rstrip()
        self.drop()
        return taken

    def _skip_string(self) -> None:
        while True:
            found = _STRING_REST.match(self.buffer, self.position)
            self.position = found.end() if found else self.position
            if self.buffer[self.position : self.position + 1] == b'"':
                self.position += 1
                return
            self._need_more()  # at the end, or before a backslash that is the last byte

    def _need_more(self) -> None:
        if not self.more():
            raise _Cut


def _array(scanner: _Scanner) -> Iterator[bytes | Rejected]:
    """The elements of an array whose bracket has been passed."""
    elements = _elements(scanner)
    first = next(elements, None)
    if first is None:
        return
    wrap = None if isinstance(first, Rejected) else _conversation(first)
    if wrap is None:
        yield from chain([first], elements)
        return
    turns, size = [], 0
    for turn in chain([first], elements):
        if isinstance(turn, Rejected):
            yield turn
            continue
        size += len(turn) + 1
        if size <= MAX_RECORD:
            turns.append(turn)
    if size > MAX_RECORD:
        yield too_large("conversation", size)
    else:
        yield b'{"%b":[%b]}' % (wrap, b",".join(turns))


def _elements(scanner: _Scanner) -> Iterator[bytes | Rejected]:
    while (byte := scanner.peek()) != ord("]"):
        if byte == _END:
            raise _Cut
        if byte == _COMMA:
            scanner.position += 1
        elif byte == ord("}"):
            scanner.position += 1
            yield Rejected("bad_json", "a closing brace that nothing opened")
        else:
            scanner.anchor = scanner.position
            scanner.skip()
            yield scanner.take()
    scanner.position += 1


def _object(scanner: _Scanner) -> Iterator[bytes | Rejected]:
    """An object's arrays of records, element by element; without any, the object itself."""
    scanner.anchor = scanner.position
    scanner.position += 1
    is_record = True
    while (byte := scanner.peek()) != ord("}"):
        if byte == _END:
            raise _Cut
        if byte in b",]":
            scanner.position += 1
        elif scanner.at_records():
            is_record = False
            scanner.drop()
            yield from _elements(scanner)
        else:
            scanner.skip()
    scanner.position += 1
    if is_record:
        yield scanner.take()


def _conversation(element: bytes) -> bytes | None:
    """The key for an array whose first element is this, if the array is one conversation."""
    try:
        turn: Any = json.loads(element)
    except (ValueError, RecursionError):
        return None
    if not isinstance(turn, dict):
        return None
    if "role" in turn and "content" in turn:
        return b"messages"
    if "source" in turn and ("action" in turn or "observation" in turn):
        return b"events"
    return None
