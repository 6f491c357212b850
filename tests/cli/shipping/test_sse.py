"""Server-sent events, split into pieces of any size."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from easel.cli.shipping.sse import Event, events

STREAM = (
    b"\xef\xbb\xbf: hello\n\n"
    b'id: 1\ndata: {"line": "\xe2\x80\xa8 \xc3\xa4"}\n\n'
    b"id: 2\r\ndata: two\r\ndata:lines\r\n\r\n"
    b"data: cr\r\r"
    b": keep-alive\n\n"
    b"event: done\ndata: {}\n\n"
    b"data: cut off"
)
EXPECTED = [
    Event("message", '{"line": "\u2028 ä"}', "1"),
    Event("message", "two\nlines", "2"),
    Event("message", "cr", "2"),
    Event("done", "{}", "2"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_the_same_events_result_however_the_stream_is_split(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(borders)]
    assert list(events(chunks)) == EXPECTED


def test_events_are_parsed_from_single_bytes() -> None:
    assert list(events(STREAM[index : index + 1] for index in range(len(STREAM)))) == EXPECTED
