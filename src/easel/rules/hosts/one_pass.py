"""Regular expressions of other hosts that are matched in one pass over a text.

An expression is accepted if each of its choices is decided by a single character, as in an LL(1) grammar: the
alternatives of a group begin with different characters, and no repetition may continue with a character that may also
follow it. Then a matcher never returns to a choice. One repetition may be an exception, if the text after it is short
and contains no repetition (`(.*)\\.html`), and several `.*` may enclose such texts (`.*bot.*`).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import NoReturn

from easel.rules.files.reading import BadLineError
from easel.rules.hosts.expression_tree import (
    ANY,
    NOTHING,
    CharSet,
    Choice,
    Group,
    Loop,
    Node,
    Reader,
    Sequence,
    first_of,
    has_bare_choice,
    longest,
    may_be_empty,
    repeats,
)

LONGEST = 500
"""Maximum number of characters of an expression."""
_LONGEST_TAIL = 64
"""Maximum number of characters that may follow a repetition that is not decided by one character, because they are
compared at each place of the text."""
_MOST_GAPS = 4


@dataclass(frozen=True, slots=True)
class OnePass:
    """An accepted expression in Python's form, for `re.fullmatch`, and the names of its groups."""

    text: str
    names: tuple[str, ...]


def one_pass(expression: str, *, captures: bool = False) -> OnePass:
    """Returns an expression for a whole text in a form that is matched in one pass. Raises BadLineError if there is no
    such form. With `captures`, a group without a name gets the name `group1`, `group2`, …"""
    root, names = _read(expression, captures)
    if not names and (text := _containing(root)) is not None:
        return OnePass(text, ())
    return OnePass(_Writer().write(root, NOTHING, 0), names)


def search_in_one_pass(expression: str) -> OnePass:
    """Returns an expression that is searched in a text (without `^` and `$`, at any place) in a form for the whole
    text. Raises BadLineError if there is no such form. Groups get names as in `one_pass`."""
    starts, ends = expression.startswith("^"), expression.endswith("$") and not expression.endswith("\\$")
    root, names = _read(expression, True)
    if (starts or ends) and has_bare_choice(expression):
        raise BadLineError("its expression has alternatives outside of a group, next to a `^` or `$`.")
    text = _Writer(is_open=not ends).write(root, NOTHING, 0)
    if not (starts or expression.startswith((".*", ".+"))):
        first = root.items[0] if isinstance(root, Sequence) and root.items else None
        # If no repetition contains the first character, two attempts never read the same text.
        if not isinstance(first, CharSet) or len(first.chars) != 1 or first.negated or repeats(root, first):
            raise BadLineError("its expression begins at any place of a path. Write `^/` at its start.")
        text = f".*?{text}"
    return OnePass(text if ends else f"{text}.*", names)


def _read(expression: str, captures: bool) -> tuple[Node, tuple[str, ...]]:
    if len(expression) > LONGEST:
        raise BadLineError(f"its expression has {len(expression)} characters; the limit is {LONGEST}.")
    reader = Reader(expression.removeprefix("^"), captures=captures)
    root = reader.choice(0)
    if reader.at < len(reader.text):
        reader.fail()
    if len(set(reader.names)) < len(reader.names):
        raise BadLineError("its expression contains the same name twice.")
    return root, tuple(reader.names)


class _Writer:
    """Writes an expression in Python's form, and checks each of its choices. If the expression is open, any text may
    follow it, so that each choice is made in its written order."""

    def __init__(self, *, is_open: bool = False) -> None:
        self._is_open = is_open
        self._has_gap = False

    def write(self, node: Node, after: CharSet, tail: int, *, is_repeated: bool = False) -> str:
        """Returns the node's text. `after` are the characters that may follow the node, and `tail` is the maximum
        length of the text that follows. Raises BadLineError if one character does not decide a choice."""
        if isinstance(node, CharSet):
            return _set_text(node)
        if isinstance(node, Group):
            return f"(?P<{node.name}>{self.write(node.item, after, tail, is_repeated=is_repeated)})"
        if isinstance(node, Choice):
            return self._choice(node, after, tail, is_repeated)
        if isinstance(node, Loop):
            return self._loop(node, after, tail, is_repeated)
        texts: list[str] = []
        for item in reversed(node.items):
            texts.append(self.write(item, after, tail, is_repeated=is_repeated))
            after = first_of(item).union(after) if may_be_empty(item) else first_of(item)
            tail += longest(item)
        return "".join(reversed(texts))

    def _choice(self, node: Choice, after: CharSet, tail: int, is_repeated: bool) -> str:
        seen = NOTHING
        has_empty = False
        for branch in node.branches:
            first = first_of(branch)
            is_empty = may_be_empty(branch)
            if first.meets(seen) or (is_empty and has_empty):
                _undecided()
            seen, has_empty = seen.union(first), has_empty or is_empty
        if has_empty and (seen.meets(after) or (self._is_open and not may_be_empty(node.branches[-1]))):
            _undecided()
        # An alternative that may be empty applies only if no other alternative matches.
        branches = sorted(node.branches, key=may_be_empty)
        texts = [self.write(branch, after, tail, is_repeated=is_repeated) for branch in branches]
        return f"(?:{'|'.join(texts)})"

    def _loop(self, node: Loop, after: CharSet, tail: int, is_repeated: bool) -> str:
        first = first_of(node.item)
        is_fixed = node.most == node.least
        if self._is_open and node.lazy and not is_fixed:
            _undecided()
        count = _count_text(node.least, node.most)
        if not is_fixed and first.meets(after):
            is_gap = isinstance(node.item, CharSet) and tail <= _LONGEST_TAIL and not is_repeated and not self._has_gap
            if not is_gap:
                _undecided()
            self._has_gap = True
            return _set_text(node.item) + count + ("?" if node.lazy else "")  # type: ignore[arg-type]
        if node.most != 1 and may_be_empty(node.item):
            _undecided()
        following = after if node.most == 1 else first.union(after)
        had_gap = self._has_gap
        inner = self.write(node.item, following, tail, is_repeated=node.most != 1 or is_repeated)
        text = inner if isinstance(node.item, CharSet | Group) else f"(?:{inner})"
        # A matcher may return to the exception inside of a part that occurs at most once.
        return text + count + ("" if is_fixed or self._has_gap != had_gap else "+")


def _containing(root: Node) -> str | None:
    """Returns the expression if it consists of texts without repetitions between several `.*`. Each text is searched
    from left to right, and its first place counts. Returns None for all other expressions."""
    if not isinstance(root, Sequence):
        return None
    gaps = [at for at, item in enumerate(root.items) if isinstance(item, Loop) and item.item == ANY]
    if not 2 <= len(gaps) <= _MOST_GAPS or any(root.items[at].most is not None for at in gaps):  # type: ignore[union-attr]
        return None
    borders = [-1, *gaps, len(root.items)]
    pieces = [Sequence(root.items[before + 1 : at]) for before, at in itertools.pairwise(borders)]
    if any(longest(piece) > _LONGEST_TAIL for piece in pieces):
        return None
    texts = [_Writer().write(piece, ANY, 0, is_repeated=True) for piece in pieces]
    counts = ["+" if root.items[at].least else "*" for at in gaps]  # type: ignore[union-attr]
    between = [f"(?>.{count}?{text})" for count, text in zip(counts[:-1], texts[1:-1], strict=True)]
    return texts[0] + "".join(between) + f".{counts[-1]}{texts[-1]}"


def _undecided() -> NoReturn:
    raise BadLineError("its expression could be matched in several ways, so Easel could not match it in one pass.")


def _count_text(least: int, most: int | None) -> str:
    known = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    if text := known.get((least, most)):
        return text
    return f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"


def _set_text(one: CharSet) -> str:
    if one == ANY:
        return "."
    chars = sorted(one.chars)
    if len(chars) == 1 and not one.negated:
        return re.escape(chars[0])
    return f"[{'^' if one.negated else ''}{''.join(_runs(chars))}]"


def _runs(chars: list[str]) -> list[str]:
    """Returns the characters for a class, with ranges in place of neighbouring characters."""
    runs: list[list[int]] = []
    for code in map(ord, chars):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    texts = []
    for start, stop in runs:
        first, last = re.escape(chr(start)), re.escape(chr(stop))
        texts.append(first if start == stop else f"{first}{last}" if stop == start + 1 else f"{first}-{last}")
    return texts
