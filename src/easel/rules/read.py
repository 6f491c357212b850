"""Reading a bundle's rules files: which dialect holds, which lines are in force, and which are not and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from easel.rules.dialect import choose
from easel.rules.errors import GuardRefusedError
from easel.rules.headers import read_headers
from easel.rules.lines import text_of
from easel.rules.models import HEADERS, REDIRECTS, Choice, Rules
from easel.rules.reading import Reading
from easel.rules.redirects import read_redirects
from easel.rules.unreachable import remark

FILES = (REDIRECTS, HEADERS)


def read_rules(
    files: Mapping[str, bytes],
    choice: Choice = "auto",
    *,
    names: frozenset[str] = frozenset(),
    has: Callable[[str], bool] = lambda path: False,
    allow_guards: bool = False,
) -> Rules | None:
    """The rules that a bundle's files give, or None where there are none or `choice` is "off".

    `files` holds the rules files at the bundle's root, `names` the other names there, which may be signs of a dialect;
    `has` says whether the bundle has a file at a path. Raises RulesFileTooLargeError and RulesFileNotTextError, and
    GuardRefusedError for a refused line that kept something from visitors, unless `allow_guards`.
    """
    texts = {name: text_of(name, files[name]) for name in FILES if name in files}
    if not texts or choice == "off":
        return None
    dialect, because, doubts = choose(texts, names, choice)
    reading = Reading(dialect)
    for file, line, text in doubts:
        reading.note(file, line, text)
    read_redirects(texts.get(REDIRECTS, ""), reading)
    read_headers(texts.get(HEADERS, ""), reading)
    remark(reading, has)
    rules = Rules(
        dialect, because, tuple(reading.redirects), tuple(reading.headers), tuple(reading.refused), tuple(reading.notes)
    )
    if not allow_guards and rules.guards_lost:
        lost = rules.guards_lost[0]
        raise GuardRefusedError(name=lost.file, line=lost.line, reason=lost.reason)
    return rules
