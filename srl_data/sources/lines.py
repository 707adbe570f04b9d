"""Lines of a byte stream, in blocks: the splitting that JSONL and CSV share.

The boundaries depend on the bytes alone, never on the sizes in which a disk or a pipe hands them out, so that
a run that is taken up again meets the same blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from srl_data.errors import Rejected

__all__ = ["MAX_RECORD", "excerpt", "line_blocks", "too_large"]

MAX_RECORD = 64 << 20  # bytes; no solution is that long, but a file without line ends is


def line_blocks(chunks: Iterable[bytes], size: int) -> Iterator[tuple[int, bytes | Rejected]]:
    r"""Group a stream into runs of whole lines of about ``size`` bytes.

    Yields:
        The 1-based number of the first line, and the lines; or, for a line that cannot be had, why not:
        ``too_large`` if it is over 64 MiB (it is skipped, not held in memory), ``truncated_input`` where
        ``chunks`` raises that.

    Example:
        >>> list(line_blocks([b"a\nb", b"b\nc"], size=2))
        [(1, b'a\n'), (2, b'bb\n'), (3, b'c')]
    """
    size = max(1, min(size, MAX_RECORD))
    buffer, first, dropped = bytearray(), 1, 0
    damage: Rejected | None = None
    pieces = iter(chunks)
    while True:
        try:
            piece = next(pieces, None)
        except Rejected as rejected:
            if rejected.reason != "truncated_input":
                raise
            damage, piece = rejected, None
        if piece is None:
            break
        buffer += piece
        if dropped:  # inside a line that is too long
            end = buffer.find(b"\n")
            if end < 0:
                dropped += len(buffer)
                buffer.clear()
                continue
            yield first, too_large("line", dropped + end)
            del buffer[: end + 1]
            first, dropped = first + 1, 0
        while cut := _cut(buffer, size):
            lines = bytes(memoryview(buffer)[:cut])
            del buffer[:cut]
            yield first, lines if cut <= MAX_RECORD + 1 else too_large("line", cut - 1)
            first += lines.count(b"\n")
        if len(buffer) > MAX_RECORD:
            dropped = len(buffer)
            buffer.clear()

    if dropped:
        yield first, too_large("line", dropped + len(buffer))
        buffer.clear()
        first += 1
    rest = bytes(buffer)
    tail = b"" if damage is None else rest[rest.rfind(b"\n") + 1 :]
    if _is_json(tail):  # the cut happens to lie behind a whole record
        tail = b""
    if whole := rest[: len(rest) - len(tail)]:
        yield first, whole
        first += whole.count(b"\n") + (not whole.endswith(b"\n"))
    if damage is not None:
        cut_off = f"; this line is cut off: {excerpt(tail)}" if tail else ""
        yield first, Rejected(damage.reason, damage.detail + cut_off)


def excerpt(text: str | bytes, at: int = 0, width: int = 60) -> str:
    """A short quotation from ``text`` around ``at``, safe to print on one line.

    Example:
        >>> excerpt("x" * 50 + "here" + "y" * 50, at=50, width=12)
        "…'xxxxxxhereyy'…"
    """
    start = max(0, at - width // 2)
    piece = text[start : start + width]
    shown = ascii(piece.decode(errors="replace") if isinstance(piece, bytes) else piece)
    return f"{'…' if start else ''}{shown}{'…' if start + width < len(text) else ''}"


def too_large(what: str, size: int) -> Rejected:
    """The reject for a record of ``size`` bytes."""
    return Rejected("too_large", f"the {what} has {size:,} bytes; at most {MAX_RECORD:,} are read")


def _cut(buffer: bytearray, size: int) -> int:
    """Where the next block ends; 0 if that cannot be known yet."""
    if len(buffer) < size:
        return 0
    return buffer.rfind(b"\n", 0, size) + 1 or buffer.find(b"\n", size) + 1


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
