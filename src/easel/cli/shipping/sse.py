"""Parses server-sent events from a byte stream (HTML Living Standard, §9.2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type (`message` if the stream sets none), its data, and the last id in the stream ('' if there was
    none)."""

    event: str
    data: str
    id: str


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yields the events of a stream, each after its blank line has arrived. An event that the end of the stream
    truncates is dropped."""
    kind, data, last_id = "", list[str](), ""
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data), last_id)
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yields lines that end with LF, CRLF or CR. Other separators may occur inside data, so str.splitlines cannot be
    used."""
    begun: list[bytes] = []
    first = True
    after_return = False
    for chunk in chunks:
        if not chunk:
            continue
        if after_return:  # The line has already ended, so nothing remains.
            chunk = chunk.removeprefix(b"\n")
        after_return = chunk.endswith(b"\r")
        *whole, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            text = b"".join((*begun, line)).decode("utf-8", "replace")
            begun.clear()
            yield text.removeprefix("\ufeff") if first else text
            first = False
        if rest:
            begun.append(rest)
