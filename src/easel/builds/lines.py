"""A build's output as the lines of its log: text without control characters, and without secrets."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable, Collection

from easel.builds.secrets import Masking

LONGEST_LINE = 2000
"""Characters of a line; the others are counted."""
LONGEST_PIECE = 64 * 1024
"""Characters without a line break after which one is made."""

# ECMA-48: control sequences, control strings (titles, links) up to their end, and escapes of one character.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = (range(0x20), range(0x7F, 0xA0), (0x200E, 0x200F), range(0x202A, 0x202F), range(0x2066, 0x206A))
_UNSEEN = {code: None for codes in _CONTROLS for code in codes} | {0x09: " ", 0x2028: " ", 0x2029: " "}
"""Control characters, those that change the direction of text, and other line breaks."""


class LogLines:
    """Takes bytes as they come, and gives whole lines to `on_line`.

    Escape sequences and control characters are left out, and of a line that was overwritten (a progress bar) the last
    state is kept. A secret is masked as `***`, also where line breaks are within it. A line whose end may be the
    beginning of a secret waits for the next one. Work grows with the bytes, however many secrets there are.
    """

    def __init__(self, on_line: Callable[[str], None], secrets: Collection[str] = ()) -> None:
        self._on_line = on_line
        self._masking = Masking(secrets)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun: list[str] = []
        self._begun_length = 0
        self._waiting: deque[tuple[int, str]] = deque()
        self._length = 0

    def feed(self, data: bytes) -> None:
        """More of the output."""
        self._take(self._decoder.decode(data))

    def close(self) -> None:
        """The output has ended: gives out what is left, the last line also without its line break."""
        self._take(self._decoder.decode(b"", final=True))
        if self._begun:
            self._end_line()
        self._give_out(self._masking.close())

    def _take(self, text: str) -> None:
        first, *others = text.split("\n")
        self._begin(first)
        for line in others:
            self._end_line()
            self._begin(line)

    def _begin(self, text: str) -> None:
        for start in range(0, len(text), LONGEST_PIECE):
            piece = text[start : start + LONGEST_PIECE]
            if self._begun_length + len(piece) > LONGEST_PIECE:
                self._end_line()
            self._begun.append(piece)
            self._begun_length += len(piece)

    def _end_line(self) -> None:
        line = "".join(self._begun).rstrip("\r")
        self._begun, self._begun_length = [], 0
        seen = _ESCAPES.sub("", line[line.rfind("\r") + 1 :]).translate(_UNSEEN)
        self._waiting.append((self._length, seen))
        self._length += len(seen)
        self._give_out(self._masking.feed(seen))

    def _give_out(self, settled: int) -> None:
        """Gives out the lines that lie in the first `settled` characters of the whole output."""
        while self._waiting and self._waiting[0][0] + len(self._waiting[0][1]) <= settled:
            start, line = self._waiting.popleft()
            masked = self._masking.masked(start, line)
            more = len(masked) - LONGEST_LINE
            self._on_line(f"{masked[:LONGEST_LINE]}… ({more:,} more characters)" if more > 0 else masked)
