"""Sources of other hosts that no path pattern expresses: an expression for the whole path, matched in one pass.

The pattern of such a rule consists of the fixed folders at the start of the source, so that an index finds the rule.
"""

from __future__ import annotations

import re

from easel.rules.files.reading import BadLineError
from easel.rules.hosts.forms import Form
from easel.rules.hosts.one_pass import OnePass, one_pass
from easel.rules.models import Condition

MOST_PARTS = 64
"""Maximum number of placeholders, groups and optional parts in the source (path pattern) of a rule. Each of them costs
one pass over the pattern."""
_LITERAL = re.compile(r"(?:/|(?:[\w~@]|\\[.-])++(?![*+?{]))*+")
"""The fixed text at the start of an expression in Python's form."""
_NAME = re.compile(r":(\w+)", re.ASCII)
_PLAIN = re.compile(r"[^:(){}\\*+?]+")
_SPECIAL = re.compile(r"[.+*?=^!:${}()\[\]|/\\]")
_SHORT = re.compile(r"([\w.~@,!-])(?::\w+(?![(*+?\w])|(?::\w+)?\(\.\*\)(?![*+?]))", re.ASCII)
"""A single character between two placeholders."""
_SEGMENT = "[^/]+"


def whole_form(expression: OnePass, names: dict[str, str]) -> Form:
    """Returns the pattern and the condition for an expression. `names` are the names of its groups by the names in the
    source."""
    literal = _LITERAL.match(expression.text)
    assert literal is not None
    start = literal[0].rpartition("/")[0].replace("\\", "")
    condition = Condition("path", "", expression.text)
    return Form(f"{start}/*", {name: f":{group}" for name, group in names.items()}, conditions=(condition,))


def to_regex(source: str) -> tuple[OnePass, dict[str, str]]:
    """Returns the expression for a source in the language of path-to-regexp 6, the names of its groups by the source's
    names and numbers. Raises BadLineError if it cannot be matched in one pass."""
    if "%" in source or sum(map(source.count, ":({")) > MOST_PARTS:
        raise BadLineError("its source is not supported.")
    reader = _Source(source)
    expression = one_pass(reader.read())
    names = {name: f"part{number}" for number, name in enumerate(reader.names, 1) if name}
    names |= {f"${number}": f"part{number}" for number in range(1, len(reader.names) + 1)}
    return expression, names


class _Source:
    """Translates a source of path-to-regexp. Each character is read once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.names: list[str] = []
        """The name of each placeholder or group in its order ('' for a group)."""

    def read(self) -> str:
        """Returns the expression."""
        out: list[str] = []
        waiting = ""
        while self.at < len(self.text):
            if found := _PLAIN.match(self.text, self.at):
                out.append(_literal(waiting))
                self.at, waiting = found.end(), found[0]
            elif self.text[self.at] == "\\":
                waiting += self.text[self.at + 1 : self.at + 2]
                self.at += 2
            elif self.text[self.at] == "{":
                out.append(_literal(waiting))
                waiting = ""
                out.append(self._braces())
            elif (token := self._token()) is not None:
                # A slash or a dot before a placeholder belongs to the placeholder.
                prefix = waiting[-1:] if waiting[-1:] in ("/", ".") else ""
                out += [_literal(waiting.removesuffix(prefix)), self._repeated(prefix, token, "")]
                waiting = ""
            else:
                raise BadLineError("its source is not supported.")
        return "".join([*out, _literal(waiting)])

    def _token(self) -> str | None:
        """Returns the expression of a placeholder or a group, and adds its name. Returns None if there is none."""
        name = _NAME.match(self.text, self.at)
        if name is None and not self.text.startswith("(", self.at):
            return None
        self.at = name.end() if name is not None else self.at
        self.names.append(name[1] if name is not None else "")
        if self.text.startswith("(", self.at):
            return self._group()
        following = _SHORT.match(self.text, self.at)
        # A placeholder before a plain character takes as few characters as possible, so it ends before the first such
        # character.
        return f"[^/][^/{re.escape(following[1])}]*" if following is not None else _SEGMENT

    def _group(self) -> str:
        depth, start = 0, self.at + 1
        while self.at < len(self.text):
            char = self.text[self.at]
            depth += (char == "(") - (char == ")")
            self.at += 2 if char == "\\" else 1
            if depth > 1 and char == "(" and not self.text.startswith("?", self.at):
                raise BadLineError("its source has a group inside a group, which Vercel refuses too.")
            if not depth:
                return self.text[start : self.at - 1]
        raise BadLineError("its source has a `(` without a `)`.")

    def _braces(self) -> str:
        """Returns the expression of a part in braces, which contains at most one placeholder or group."""
        end = self.text.find("}", self.at)
        inner = _Source(self.text[self.at + 1 : end])
        self.at = end + 1
        inner.at = next((at for at, char in enumerate(inner.text) if char in ":("), len(inner.text))
        prefix = inner.text[: inner.at]
        token = inner._token() if inner.at < len(inner.text) else ""
        suffix = inner.text[inner.at :]
        if end < 0 or token is None or any(char in prefix + suffix for char in ":(){}*+?\\"):
            raise BadLineError("its source is not supported.")
        self.names += inner.names
        if token:
            return self._repeated(prefix, token, suffix)
        return f"(?:{_literal(prefix)}){self._modifier()}"

    def _modifier(self) -> str:
        found = self.text[self.at : self.at + 1]
        if found and found in "*+?":
            self.at += 1
            return found
        return ""

    def _repeated(self, prefix: str, token: str, suffix: str) -> str:
        modifier, group = self._modifier(), f"part{len(self.names)}"
        before, after = _literal(prefix), _literal(suffix)
        if modifier in ("", "?"):
            return f"(?:{before}(?<{group}>{token}){after}){modifier}"
        if not prefix + suffix:
            return f"(?<{group}>(?:{token}){modifier})"
        many = f"(?:{before}(?<{group}>(?:{token})(?:{after}{before}(?:{token}))*){after})"
        return many + ("?" if modifier == "*" else "")


def _literal(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
