"""Finds secrets in a stream of text, in the forms in which programs print them. A form is one spelling of a secret,
such as its Base64.

All forms are searched at once (Aho and Corasick, 1975), with one step for each character.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from copy import copy
from urllib.parse import quote, quote_plus

from easel.errors import EaselError

MASK = "***"
SHORTEST = 4
"""Minimum number of characters of a masked secret. Masking shorter secrets would hide words and numbers everywhere."""
SHORTEST_FORM = 6
"""Minimum number of characters of an encoded form of a secret, or of a line of a secret, that is masked."""
LARGEST = 400_000
"""Maximum number of characters of all forms of secrets together. Further encoded forms are not searched. The secrets
themselves are always searched."""

_CUTS = re.compile(r"""(…|[`'"])""")
"""Characters that mark the end of a shortened or quoted text."""
_NODE = 21
"""Number of bits for the character in the key of an automaton's transition. The other bits of the key contain the
node."""
_TOLD = 3
"""Number of characters from the start of each form of a secret that a regular expression searches for. The slower
automaton runs only where they occur."""
_STRIDE = 8
"""Number of characters that the automaton reads before the regular expression is used again."""
_MOST_BEGINNINGS = 1000
"""Maximum number of nodes in the tree of prefixes from which the regular expression is made. A larger expression saves
no time."""


class Masking:
    """Finds secrets in a stream that is fed line by line, without the line breaks."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._step: dict[int, int] = {}
        self._fail, self._depth, self._found = [0], [0], [0]
        for form in _all_forms(secrets):
            self._add(form)
        self._link()
        self._begin = self._beginnings()
        self._state = 0
        self._length = 0
        self._ranges: deque[tuple[int, int]] = deque()

    def feed(self, text: str) -> int:
        """Searches the next part of the stream. Returns the number of characters of the stream that are settled,
        because no unfinished secret begins in them."""
        if not self._step:
            self._length += len(text)
            return self._length
        step, fail, found, begin = self._step, self._fail, self._found, self._begin
        state, at, before = self._state, 0, self._length
        while True:
            if not state and begin is not None:
                first = begin.search(text, at)
                # The last characters may begin a secret that continues in the next part of the stream.
                at = first.start() if first is not None else max(at, len(text) - _TOLD + 1)
            for position, character in enumerate(text[at : at + _STRIDE], before + at + 1):
                code = ord(character)
                following = step.get(state << _NODE | code)
                while following is None and state:
                    state = fail[state]
                    following = step.get(state << _NODE | code)
                state = following or 0
                if found[state]:
                    self._mark(position - found[state], position)
            at += _STRIDE
            if at >= len(text):
                break
        self._state = state
        self._length += len(text)
        return self._length - self._depth[state]

    def close(self) -> int:
        """Ends the stream, and returns its length in characters. If the stream ends within a secret, masks the part of
        the secret in the stream, unless this part is shorter than `SHORTEST_FORM` characters."""
        if self._depth[self._state] >= SHORTEST_FORM:
            self._mark(self._length - self._depth[self._state], self._length)
        return self._length

    def masked(self, start: int, line: str) -> str:
        """Returns the masked line that begins at `start` of the stream. Lines must be requested in order, each once."""
        end = start + len(line)
        parts: list[str] = []
        at = start
        while self._ranges and self._ranges[0][0] < end:
            first, last = self._ranges[0]
            if last > start:
                parts += (line[at - start : max(first, start) - start], MASK)
                at = min(last, end)
            if last > end:
                break
            self._ranges.popleft()
        return "".join(parts) + line[at - start :]

    def once(self, text: str) -> str:
        """Masks a text that does not belong to the stream.

        The text may quote a truncated secret. Therefore, the first characters of a secret are masked too, from
        `SHORTEST_FORM` characters on, if a quotation mark, an ellipsis or the end of the text follows them.
        """
        alone = copy(self)
        alone._state, alone._length, alone._ranges = 0, 0, deque()
        for piece in _CUTS.split(text):
            if _CUTS.fullmatch(piece):
                alone.close()
            alone.feed(piece)
        alone.close()
        return alone.masked(0, text)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Masks the details of errors that are raised in the block. The details may contain a command, a file or a
        host."""
        try:
            yield
        except EaselError as error:
            shown = {
                name: self.once(value) if isinstance(value, str) else value for name, value in error.details.items()
            }
            if shown == error.details:
                raise
            raise type(error)(**shown) from None

    def _mark(self, start: int, end: int) -> None:
        while self._ranges and self._ranges[-1][1] >= start:
            start = min(start, self._ranges.pop()[0])
        self._ranges.append((start, end))

    def _add(self, form: str) -> None:
        node = 0
        for character in form:
            key = node << _NODE | ord(character)
            following = self._step.get(key)
            if following is None:
                following = self._step[key] = len(self._depth)
                self._fail.append(0)
                self._depth.append(self._depth[node] + 1)
                self._found.append(0)
            node = following
        self._found[node] = len(form)

    def _beginnings(self) -> re.Pattern[str] | None:
        """Returns a pattern that matches the first characters of every form (plain or encoded) of a secret. Returns
        None if there are too many forms."""
        children: dict[int, list[tuple[str, int]]] = {}
        for key, node in self._step.items():
            children.setdefault(key >> _NODE, []).append((chr(key & ((1 << _NODE) - 1)), node))

        def after(node: int, left: int) -> str:
            ways = [
                re.escape(character) + (after(child, left - 1) if left > 1 else "")
                for character, child in children.get(node, ())
            ]
            return f"(?:{'|'.join(ways)})"

        near = sum(1 for depth in self._depth if 0 < depth <= _TOLD)
        return re.compile(after(0, _TOLD)) if 0 < near <= _MOST_BEGINNINGS else None

    def _link(self) -> None:
        """Links each node to the node of its longest suffix, and to the longest form that is a suffix of the node.
        Nodes near the root are linked first, because the links of deeper nodes depend on them."""
        for key, node in sorted(self._step.items(), key=lambda item: self._depth[item[1]]):
            parent, code = key >> _NODE, key & ((1 << _NODE) - 1)
            state = self._fail[parent] if parent else None
            while state is not None:
                following = self._step.get(state << _NODE | code)
                if following is not None:
                    self._fail[node] = following
                    break
                state = self._fail[state] if state else None
            self._found[node] = self._found[node] or self._found[self._fail[node]]


def _all_forms(secrets: Collection[str]) -> Iterator[str]:
    plain = {_one_line(secret) for secret in secrets}
    plain |= {line for secret in secrets for line in map(_one_line, secret.splitlines()) if len(line) >= SHORTEST_FORM}
    plain = {secret for secret in plain if len(secret) >= SHORTEST}
    yield from plain
    left = LARGEST - sum(map(len, plain))
    for secret in sorted({secret for secret in secrets if len(_one_line(secret)) >= SHORTEST}, key=len):
        for form in _encoded(secret):
            left -= len(form)
            if left < 0:
                return
            yield form


def _one_line(text: str) -> str:
    """Returns a secret as it would appear in a line of a log: without line breaks and other characters that cannot be
    printed."""
    return "".join(character for character in text.replace("\t", " ") if character.isprintable())


def _encoded(secret: str) -> set[str]:
    """Returns the encoded forms of the secret: in a URL, in lower case (as in a host's name), in JSON, as hex, and in
    Base64 (RFC 4648 §4 and §5) at each of the three alignments, limited to the characters that depend only on the
    secret."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {
        secret.lower(),
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
    }
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], raw.hex(), raw.hex().upper()}
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        sure = text[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        forms |= {sure, sure.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= SHORTEST_FORM}
