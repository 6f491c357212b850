"""Matches paths against the lines of a gitignore file, as `git check-ignore` does (gitignore(5)).

pathspec compiles the lines. Its own verdict about a path also counts lines that match only a folder above the path. In
git, a line such as `!packages` includes the folder `packages` again, but no folder below it that another line excludes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from itertools import pairwise

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

# Both patterns match an unclosed bracket too, so that no text is searched again from a later bracket.
_BRACKETS = re.compile(r"\[[!^]?\]?(?:\[:[a-z]{1,10}:\]|[^]/])*+\]?")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^]\\])*+\]?", re.DOTALL)
_STAR, _CHARACTER, _NO_SLASH = "[^/]*", "[^/]", "(?!/)"
_ANY_FOLDERS, _FOLDERS_BETWEEN = "^(?:.+/)?", "(?:/.+)?"
_CLASS = re.compile(r"\[:([a-z]{1,10}):\]")
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \t",
    "digit": "0-9",
    "lower": "a-z",
    "space": " \t",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
"""The characters of the POSIX character classes, such as `[:alpha:]`, which pathspec does not know."""


class GitIgnore:
    """The lines of one gitignore file. Raises ValueError for a line that git would not accept."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._patterns = []
        with warnings.catch_warnings():
            # Python warns of a `[` inside brackets, because a later Python may give it another meaning.
            warnings.simplefilter("ignore", FutureWarning)
            for line in lines:
                try:
                    pattern = GitIgnoreSpecPattern(_BRACKETS.sub(_spell_out, line))
                except GitIgnorePatternError as error:
                    raise ValueError(str(error)) from error
                if pattern.include is not None and pattern.regex is not None:
                    pattern.regex = re.compile(_without_retries(_within_names(pattern.regex.pattern)))
                    self._patterns.append(pattern)

    def excludes(self, path: str, *, folder: bool) -> bool | None:
        """Returns true if the last line that matches the path excludes it, and false if that line includes it again
        (`!`). Returns None if no line matches. Folders above the path are not looked at."""
        for pattern in reversed(self._patterns):
            if _matches(pattern, path, folder=folder):
                return bool(pattern.include)
        return None


def _spell_out(brackets: re.Match[str]) -> str:
    return _CLASS.sub(lambda found: _CLASSES.get(found[1], found[0]), brackets[0])


def _within_names(expression: str) -> str:
    """Returns an expression in which no set of characters matches a slash. In git, `[!a]` matches no slash."""
    return _TOKEN.sub(
        lambda found: (_NO_SLASH if found[0][0] == "[" and found[0] != _CHARACTER else "") + found[0], expression
    )


def _without_retries(expression: str) -> str:
    """Returns an expression that matches the same paths as pathspec's expression, but never takes exponential time.

    Each `*` and `**` stops at the first place where the text up to the next one matches (an atomic group). A later
    place would leave less text for the rest of the expression, so it needs no try.
    """
    *above, last = expression.split(_FOLDERS_BETWEEN)
    found = ""
    for part in above:
        if found:
            found += f"(?>(?:/.+?)??{_first_matches(part)}(?=/))"
        elif part.startswith(_ANY_FOLDERS):
            found = f"^(?>(?:.+?/)??{_first_matches(part.removeprefix(_ANY_FOLDERS))}(?=/))"
        else:
            found = _first_matches(part)
    return found + (_FOLDERS_BETWEEN if above else "") + _first_matches(last)


def _first_matches(segments: str) -> str:
    """Returns an expression for segments of a path, in which only the last `*` of each segment is tried at several
    places."""
    first, *others = segments.split(_STAR)
    for text, following in pairwise([*others, None]):
        is_last = following is None or "/" in str(text).replace(_CHARACTER, "").replace(_NO_SLASH, "")
        first += f"{_STAR}{text}" if is_last else f"(?>{_STAR}?{text})"
    return first


def _matches(pattern: GitIgnoreSpecPattern, path: str, *, folder: bool) -> bool:
    """Returns true if the pattern matches the path itself. A match of a folder above the path does not count."""
    assert pattern.regex is not None
    expression, line = pattern.regex.pattern, str(pattern.pattern).rstrip()
    if expression == ".":
        return True
    if not expression.startswith("^"):
        return folder if line[-1] == "/" else "/" in path
    if line.endswith(("/**", "/**/")):
        above, slash, _ = path.rpartition("/")
        return bool(slash) and (folder or line[-1] == "*") and pattern.match_file(above + "/") is not None
    text = path + "/" if folder else path
    found = pattern.match_file(text)
    return found is not None and found.match.end() == len(text)
