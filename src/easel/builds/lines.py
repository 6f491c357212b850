"""The lines of a build's log, from its output: without control characters and secrets."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable, Collection

from easel.builds.secrets import Masking

LONGEST_LINE = 2000
"""Maximum number of characters of a line in a build's log. Further characters are counted, but not shown."""
LONGEST_PIECE = 64 * 1024
"""Number of characters without a line break after which a line break is inserted."""

# ECMA-48: control sequences, control strings (titles, links) up to their end, and escapes of one character.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = (range(0x20), range(0x7F, 0xA0), (0x200E, 0x200F), range(0x202A, 0x202F), range(0x2066, 0x206A))
_UNSEEN = {code: None for codes in _CONTROLS for code in codes} | {0x09: " ", 0x2028: " ", 0x2029: " "}
"""Removes or replaces control characters, characters that change the direction of text, and unusual line breaks."""


class LogLines:
    """Takes bytes as they arrive, and passes whole lines to `on_line`.

    Removes escape sequences and control characters. Keeps only the last state of an overwritten line (a progress bar).
    Masks a secret as `***`, even if line breaks split it. If the end of a line may be the start of a secret, the line
    is held back until the next line arrives. The work is linear in the bytes, however many secrets there are.
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
        """Reads the next part of a command's output."""
        self._take(self._decoder.decode(data))

    def close(self) -> None:
        """Ends the output, and passes on the remaining lines, including a last line without a line break."""
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
        seen = "".join(self._begun)
        self._begun, self._begun_length = [], 0
        # All characters that have to be removed are unprintable, so printable lines skip this step. A build may print
        # millions of short lines.
        if not seen.isprintable():
            line = seen.rstrip("\r")
            seen = _ESCAPES.sub("", line[line.rfind("\r") + 1 :]).translate(_UNSEEN)
        self._waiting.append((self._length, seen))
        self._length += len(seen)
        self._give_out(self._masking.feed(seen))

    def _give_out(self, settled: int) -> None:
        """Passes on the lines in the first `settled` characters of the whole output."""
        while self._waiting and self._waiting[0][0] + len(self._waiting[0][1]) <= settled:
            start, line = self._waiting.popleft()
            masked = self._masking.masked(start, line)
            more = len(masked) - LONGEST_LINE
            self._on_line(f"{masked[:LONGEST_LINE]}… ({more:,} more characters)" if more > 0 else masked)
