"""The bytes of an input, decompressed, a piece at a time.

Compression is told by the first bytes, not by the file's name, so that a mislabelled file and compressed
standard input work alike. Damage never loses what came before it: the readable part is handed out first, then
:class:`~srl_data.errors.Rejected` says how far it went.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import cast
from weakref import WeakKeyDictionary

from srl_data.errors import Rejected

__all__ = ["STDIN", "Chunks", "text_chunks"]

STDIN = "-"
_READ = 256 << 10
_PIECE = 1 << 20  # at most this much comes out of one step of decompression, however hard a file is packed
_ZSTD_READ = 2 << 10  # zstd has no such limit; 2 KiB of it unpack to 64 MiB at the worst

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
_MAGIC = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"BZh": "compressed with bzip2; unpack it, or use gzip or zstd",
    b"\xfd7zXZ\x00": "compressed with xz; unpack it, or use gzip or zstd",
    b"PAR1": "Parquet; name it .parquet",
    b"ARROW1": "Arrow; name it .arrow",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16; convert it with iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "UTF-16; convert it with iconv -f UTF-16 -t UTF-8",
}

# What `peek` has read from a stream that cannot be rewound waits here for `blocks`.
_read_ahead: WeakKeyDictionary[BufferedReader, list[bytes]] = WeakKeyDictionary()


class Chunks:
    """The decompressed bytes of a file or of standard input, to be iterated once.

    Args:
        path: A file, or ``-`` for standard input.
        keep: Whether what is read from standard input stays there for the next reader.

    Attributes:
        position: How many bytes of the input, as it is stored, have been read so far.

    Raises:
        Rejected: ``truncated_input`` while iterating, behind the last readable piece, if compressed data are
            cut off or damaged.
        OSError: While iterating, if the input cannot be opened or read.
    """

    def __init__(self, path: str, *, keep: bool = False) -> None:
        self.path = path
        self.keep = keep
        self.position = 0

    def __iter__(self) -> Iterator[bytes]:
        raw = self._raw()
        head = b""
        while len(head) < len(_ZSTD):  # a pipe may hand out a byte at a time
            piece = next(raw, None)
            if piece is None:
                break
            head += piece
        pieces = _chain(head, raw)
        if head.startswith(_GZIP):
            return _gunzip(pieces)
        if head.startswith(_ZSTD):
            return _unzstd(pieces)
        return pieces

    def _raw(self) -> Iterator[bytes]:
        for piece in _stdin(self.keep) if self.path == STDIN else _file(self.path):
            self.position += len(piece)
            yield piece


def text_chunks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes without a byte order mark, after a look at whether they can be text at all.

    Raises:
        Rejected: ``not_text`` while iterating, if they are UTF-16 or binary.
    """
    pieces = iter(chunks)
    head = b""
    while len(head) < len(_BOM):
        piece = next(pieces, None)
        if piece is None:
            break
        head += piece
    if problem := _not_text(head):
        raise Rejected("not_text", f"this is not UTF-8 text: it looks {problem}")
    yield from _chain(head.removeprefix(_BOM), pieces)


def _not_text(head: bytes) -> str | None:
    for magic, meaning in _MAGIC.items():
        if head.startswith(magic):
            return f"like {meaning}"
    sample = head[:4096]
    nuls = sample.count(0)
    if 2 * nuls >= len(sample) - 1 and len(sample) > 2:
        return "like UTF-16 without a byte order mark, or a file of NUL bytes"
    broken = nuls + sample.decode(errors="replace").count("\ufffd")
    return "binary" if len(sample) > 32 and 5 * broken > len(sample) else None


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest


def _file(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(_READ):
            yield piece


def _stdin(keep: bool) -> Iterator[bytes]:
    stream = cast(BufferedReader, sys.stdin.buffer)
    waiting = _read_ahead.setdefault(stream, [])
    yield from tuple(waiting)
    if not keep:
        del _read_ahead[stream]
    while piece := stream.read1(_READ):
        if keep:
            waiting.append(piece)
        yield piece


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpack, done = zlib.decompressobj(wbits=31), 0
    for piece in pieces:
        data = piece
        while data:
            if unpack.eof:  # the next member; NULs between or behind members are padding
                data = data.lstrip(b"\0")
                if not data:
                    break
                unpack = zlib.decompressobj(wbits=31)
            try:
                out = unpack.decompress(data, _PIECE)
            except zlib.error as error:
                raise _damaged("gzip", done, str(error)) from error
            if out:
                done += len(out)
                yield out
            data = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    if not unpack.eof:
        raise _damaged("gzip", done, "it ends too early")


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import zstandard

    unpack, done = zstandard.ZstdDecompressor().decompressobj(), 0
    for piece in pieces:
        for start in range(0, len(piece), _ZSTD_READ):
            data = piece[start : start + _ZSTD_READ]
            while data:
                if unpack.eof:  # the next frame
                    unpack = zstandard.ZstdDecompressor().decompressobj()
                try:
                    out = unpack.decompress(data)
                except zstandard.ZstdError as error:
                    raise _damaged("zstd", done, str(error)) from error
                if out:
                    done += len(out)
                    yield out
                data = unpack.unused_data if unpack.eof else b""
    if not unpack.eof:
        raise _damaged("zstd", done, "it ends too early")


def _damaged(kind: str, done: int, why: str) -> Rejected:
    return Rejected("truncated_input", f"the {kind} data are cut off or damaged after {done:,} unpacked bytes: {why}")
