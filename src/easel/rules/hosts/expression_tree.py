"""Reads the regular expressions of other hosts (the common part of JavaScript's and RE2's languages) as trees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from easel.rules.files.reading import BadLineError

_DEEPEST = 16
_MOST_CHARACTERS = 512
_MOST_LISTED = 4_096
"""Maximum number of characters in all ranges of an expression, because each range becomes a set of its characters."""
MOST_TIMES = 1_000
"""Maximum number in the count of a repetition (`{2,9}`)."""
_DIGITS = frozenset("0123456789")
_WORD = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_SPACE = frozenset(" \t\n\r\f\v")
_NAMED_SETS = {"d": (_DIGITS, False), "w": (_WORD, False), "s": (_SPACE, False)}
_NAMED_SETS |= {name.upper(): (chars, True) for name, (chars, _) in _NAMED_SETS.items()}
_COUNT = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}", re.ASCII)
_NAME = re.compile(r"\?P?<([A-Za-z]\w{0,60})>", re.ASCII)


@dataclass(frozen=True, slots=True)
class CharSet:
    """One character: one of `chars`, or, if negated, any other character."""

    chars: frozenset[str]
    negated: bool = False

    def meets(self, other: CharSet) -> bool:
        """Returns true if both contain a common character."""
        if self.negated and other.negated:
            return True
        if self.negated:
            return not other.chars <= self.chars
        return not self.chars <= other.chars if other.negated else not self.chars.isdisjoint(other.chars)

    def union(self, other: CharSet) -> CharSet:
        """Returns the characters of both."""
        if self.negated and other.negated:
            return CharSet(self.chars & other.chars, True)
        if self.negated:
            return CharSet(self.chars - other.chars, True)
        return CharSet(other.chars - self.chars, True) if other.negated else CharSet(self.chars | other.chars)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several nodes, one after another."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives."""

    branches: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A repetition of a node, from `least` to `most` times (None: any number of times)."""

    item: Node
    least: int
    most: int | None
    lazy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A node whose text is captured under a name."""

    item: Node
    name: str


Node = CharSet | Sequence | Choice | Loop | Group
NOTHING = CharSet(frozenset())
ANY = CharSet(frozenset(), True)


class Reader:
    """Parses an expression. Each character is read once."""

    def __init__(self, text: str, *, captures: bool) -> None:
        ends = text.endswith("$") and not text.endswith("\\$")
        self.text = text[:-1] if ends else text
        self.at = 0
        self.names: list[str] = []
        self._captures = captures
        self._unnamed = 0
        self._listed = 0

    def fail(self) -> NoReturn:
        """Raises BadLineError, which shows the text at the current place."""
        shown = self.text[max(self.at - 1, 0) : self.at + 20]
        raise BadLineError(f"its expression contains `{shown}`, which is not supported.")

    def _next(self) -> str:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        return char

    def _take(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def choice(self, depth: int) -> Node:
        """Returns the alternatives up to the end of their group."""
        if depth > _DEEPEST:
            raise BadLineError(f"its expression has more than {_DEEPEST} groups within each other.")
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        return _factored(branches)

    def _sequence(self, depth: int) -> Sequence:
        items: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            items.append(self._repeated(self._atom(depth)))
        return Sequence(tuple(items))

    def _atom(self, depth: int) -> Node:
        char = self._next()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._class()
        if char == ".":
            return ANY
        if char == "\\":
            return self._escaped()
        if char in "^$*+?{}":
            self.fail()
        return CharSet(frozenset(char))

    def _group(self, depth: int) -> Node:
        name = ""
        if found := _NAME.match(self.text, self.at):
            name, self.at = found[1], found.end()
            self.names.append(name)
        elif not self._take("?:"):
            if self.text.startswith("?", self.at):
                self.fail()
            if self._captures:
                self._unnamed += 1
                name = f"group{self._unnamed}"
                self.names.append(name)
        item = self.choice(depth + 1)
        if not self._take(")"):
            self.fail()
        return Group(item, name) if name else item

    def _escaped(self) -> CharSet:
        char = self._next()
        if char in _NAMED_SETS:
            return CharSet(*_NAMED_SETS[char])
        if not char or char.isalnum():
            self.fail()
        return CharSet(frozenset(char))

    def _class(self) -> CharSet:
        negated = self._take("^")
        found = NOTHING
        # The set grows in its place. A new union for each character would copy all earlier characters.
        chars: set[str] = set()
        while not self._take("]"):
            char = self._next()
            if char in ("", "["):
                self.fail()
            one = self._escaped() if char == "\\" else CharSet(frozenset(char))
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                last = self._next()
                to = self._escaped() if last == "\\" else CharSet(frozenset(last))
                one = self._range(one, to)
            if one.negated:
                found = found.union(one)
            else:
                chars |= one.chars
        found = found.union(CharSet(frozenset(chars)))
        if not found.chars and not found.negated:
            self.fail()
        return CharSet(found.chars, found.negated != negated)

    def _range(self, first: CharSet, last: CharSet) -> CharSet:
        if len(first.chars) != 1 or len(last.chars) != 1 or first.negated or last.negated:
            self.fail()
        start, stop = (ord(next(iter(one.chars))) for one in (first, last))
        if not start <= stop < start + _MOST_CHARACTERS:
            self.fail()
        self._listed += stop + 1 - start
        if self._listed > _MOST_LISTED:
            raise BadLineError(f"its expression has more than {_MOST_LISTED:,} characters in its ranges.")
        return CharSet(frozenset(map(chr, range(start, stop + 1))))

    def _repeated(self, item: Node) -> Node:
        char = self.text[self.at : self.at + 1]
        least, most = 1, None
        if char in ("*", "+", "?") and char:
            self.at += 1
            least, most = (0, None) if char == "*" else (1, None) if char == "+" else (0, 1)
        elif found := _COUNT.match(self.text, self.at):
            self.at = found.end()
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
            if max(least, most or 0) > MOST_TIMES or (most is not None and most < least):
                self.fail()
        else:
            return item
        lazy = self._take("?")
        if self.text[self.at : self.at + 1] in ("*", "+", "?", "{") and self.at < len(self.text):
            self.fail()
        return Loop(item, least, most, lazy)


def _factored(branches: list[Sequence]) -> Node:
    """Returns the alternatives, with the common first characters of several alternatives before their group
    (`en|es` becomes `e(?:n|s)`)."""
    if len(branches) == 1:
        return branches[0]
    by_first: dict[CharSet | int, list[Sequence]] = {}
    for number, branch in enumerate(branches):
        first = branch.items[0] if branch.items else None
        by_first.setdefault(first if isinstance(first, CharSet) else number, []).append(branch)
    found: list[Sequence] = []
    for group in by_first.values():
        if len(group) == 1:
            found.append(group[0])
            continue
        common = 0
        for column in zip(*(branch.items for branch in group), strict=False):
            if not isinstance(column[0], CharSet) or any(one != column[0] for one in column):
                break
            common += 1
        rests = [Sequence(branch.items[common:]) for branch in group]
        found.append(Sequence((*group[0].items[:common], _factored(rests))))
    return found[0] if len(found) == 1 else Choice(tuple(found))


def first_of(node: Node) -> CharSet:
    """Returns the characters that a text of the node may begin with."""
    if isinstance(node, CharSet):
        return node
    if isinstance(node, Loop | Group):
        return first_of(node.item)
    found = NOTHING
    if isinstance(node, Choice):
        for branch in node.branches:
            found = found.union(first_of(branch))
        return found
    for item in node.items:
        found = found.union(first_of(item))
        if not may_be_empty(item):
            break
    return found


def may_be_empty(node: Node) -> bool:
    """Returns true if the node matches the empty text."""
    if isinstance(node, CharSet):
        return False
    if isinstance(node, Loop):
        return node.least == 0 or may_be_empty(node.item)
    if isinstance(node, Group):
        return may_be_empty(node.item)
    if isinstance(node, Choice):
        return any(map(may_be_empty, node.branches))
    return all(map(may_be_empty, node.items))


def longest(node: Node) -> int:
    """Returns the maximum length of a text of the node, or a larger number than any limit."""
    if isinstance(node, CharSet):
        return 1
    if isinstance(node, Loop):
        return MOST_TIMES * MOST_TIMES if node.most is None else node.most * longest(node.item)
    if isinstance(node, Group):
        return longest(node.item)
    if isinstance(node, Choice):
        return max(map(longest, node.branches))
    return sum(map(longest, node.items))


def repeats(node: Node, chars: CharSet) -> bool:
    """Returns true if a repetition in the node may contain one of the characters."""
    if isinstance(node, CharSet):
        return False
    if isinstance(node, Loop):
        return node.most != 1 and _contains(node.item, chars)
    if isinstance(node, Group):
        return repeats(node.item, chars)
    return any(repeats(one, chars) for one in (node.branches if isinstance(node, Choice) else node.items))


def _contains(node: Node, chars: CharSet) -> bool:
    if isinstance(node, CharSet):
        return node.meets(chars)
    if isinstance(node, Loop | Group):
        return _contains(node.item, chars)
    return any(_contains(one, chars) for one in (node.branches if isinstance(node, Choice) else node.items))


def has_bare_choice(expression: str) -> bool:
    """Returns true if a `|` stands outside of all groups."""
    depth = 0
    for char in expression:
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            return True
    return False
