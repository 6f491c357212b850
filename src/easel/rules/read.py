"""Reading a bundle's rules files: which dialect holds, which lines are in force, and which are not and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from easel.rules.errors import GuardRefusedError
from easel.rules.files.dialect import Sign, choose
from easel.rules.files.headers import read_headers
from easel.rules.files.lines import text_of
from easel.rules.files.reading import Reading
from easel.rules.files.redirects import read_redirects
from easel.rules.files.unreachable import remark
from easel.rules.hosts.azure import read_azure
from easel.rules.hosts.firebase import read_firebase
from easel.rules.hosts.netlify_toml import read_netlify_toml
from easel.rules.hosts.vercel import read_vercel
from easel.rules.models import (
    AZURE_JSON,
    FIREBASE_JSON,
    HEADERS,
    NETLIFY_TOML,
    REDIRECTS,
    VERCEL_JSON,
    Choice,
    Dialect,
    Rules,
)

FILES = (REDIRECTS, HEADERS, NETLIFY_TOML, VERCEL_JSON, FIREBASE_JSON, AZURE_JSON)
"""The names of rules files, at the root of a bundle. They are never served."""
_NETLIFY: Dialect = "netlify"
_OTHERS = {VERCEL_JSON: read_vercel, FIREBASE_JSON: read_firebase, AZURE_JSON: read_azure}


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
    others = [name for name in _OTHERS if name in texts]
    alone = len(others) == len(texts)
    doubts: list[Sign] = []
    if alone:
        # Their rules say themselves which of them go before files.
        dialect, because = _NETLIFY, f"`{others[0]}` is there, and no `{REDIRECTS}` or `{HEADERS}`"
    else:
        dialect, because, doubts = choose(texts, names, choice)
    reading = Reading(dialect)
    for file, line, text in doubts:
        reading.note(file, line, text)
    read_redirects(texts.get(REDIRECTS, ""), reading)
    read_headers(texts.get(HEADERS, ""), reading)
    if NETLIFY_TOML in texts and dialect == "netlify":
        read_netlify_toml(texts[NETLIFY_TOML], reading)
    if alone:
        _OTHERS[others[0]](texts[others[0]], reading)
    for name in others[1:] if alone else others:
        reading.note(name, 0, "the file is not read: rules of one host are in force already.")
    remark(reading, has)
    rules = Rules(
        dialect,
        because,
        reading.pages,
        tuple(reading.redirects),
        tuple(reading.headers),
        tuple(reading.refused),
        tuple(reading.notes),
    )
    if not allow_guards and rules.guards_lost:
        lost = rules.guards_lost[0]
        raise GuardRefusedError(name=lost.file, line=lost.line, reason=lost.reason)
    return rules
