"""Globs of Firebase Hosting (minimatch) as regular expressions, for globs that no path pattern expresses."""

from __future__ import annotations

import re

from easel.rules.files.reading import BadLineError

_DEEPEST = 16
_MARKED = re.compile(r"[@?+*]\(")
_REPEATS = {"@": "", "?": "?", "+": "+", "*": "*"}
_CLASS = re.compile(r"\[([!^]?)((?:[\w.~-]|\\[\w.-])+)\]", re.ASCII)
_STARS = re.compile(r"\*+")
_UNTIL = re.compile(r"([\w.~-])\*(?![*(])", re.ASCII)
_PLAIN = re.compile(r"[\w/~%-]+")


def glob_expression(glob: str) -> str:
    """Returns the expression for a glob. Raises BadLineError for `!(…)` and other forms without an expression."""
    reader = _Glob(glob)
    text = reader.read("", 0)
    if reader.at < len(glob):
        raise BadLineError("its source is a glob of an unsupported form.")
    return text


class _Glob:
    """Translates a glob. Each character is read once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self, ends: str, depth: int) -> str:
        """Returns the expression up to one of the characters, which end a part of a group."""
        if depth > _DEEPEST:
            raise BadLineError(f"its source has more than {_DEEPEST} groups within each other.")
        out: list[str] = []
        while self.at < len(self.text) and self.text[self.at] not in ends:
            out.append(self._piece(depth))
        return "".join(out)

    def _piece(self, depth: int) -> str:
        char = self.text[self.at]
        if found := _PLAIN.match(self.text, self.at):
            self.at = found.end()
            return found[0]
        if _MARKED.match(self.text, self.at):
            self.at += 2
            return f"(?:{self._parts('|', ')', depth)}){_REPEATS[char]}"
        if char == "{":
            self.at += 1
            return f"(?:{self._parts(',', '}', depth)})"
        if char == "[" and (found := _CLASS.match(self.text, self.at)):
            self.at = found.end()
            return f"[{'^/' if found[1] else ''}{found[2]}]"
        if char == "*":
            return self._stars()
        self.at += 1
        if char == "?":
            return "[^/]"
        if char in "()[]|!\\":
            raise BadLineError("its source is a glob of an unsupported form.")
        return f"\\{char}" if not char.isalnum() else char

    def _parts(self, between: str, end: str, depth: int) -> str:
        parts = [self.read(between + end, depth + 1)]
        while self.text.startswith(between, self.at):
            self.at += 1
            parts.append(self.read(between + end, depth + 1))
        if not self.text.startswith(end, self.at):
            raise BadLineError("its source has a group without its end.")
        self.at += 1
        return "|".join(parts)

    def _stars(self) -> str:
        found = _STARS.match(self.text, self.at)
        assert found is not None
        starts = self.text[self.at - 1 : self.at] == "/"
        self.at = found.end()
        is_whole = starts and self.text[self.at : self.at + 1] in ("", "/")
        if len(found[0]) == 1 or not is_whole:
            until = _UNTIL.match(self.text, self.at)
            # The `*` ends before the first character that follows it in the pattern, because the next `*` matches every
            # text after that character.
            others = "" if until is None else re.escape(until[1])
            return "[^/]+" if is_whole else f"[^/{others}]*"
        if self.at == len(self.text):
            return ".+"
        self.at += 1
        return "(?:.*/)?"
