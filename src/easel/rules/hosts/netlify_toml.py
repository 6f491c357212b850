"""Reads `netlify.toml`: its `[[redirects]]` and `[[headers]]`, which come after the lines of `_redirects` and
`_headers`."""

from __future__ import annotations

import re
import tomllib

import msgspec

from easel.rules.files.headers import tidied
from easel.rules.files.netlify_line import Conditions, host_and_path
from easel.rules.files.reading import MOST_VALUES, Reading
from easel.rules.hosts.entries import Entries, decoded
from easel.rules.models import NETLIFY_TOML, Redirect

LARGEST = 512 * 1024
"""Maximum number of characters of a netlify.toml. Each character may take a kibibyte of memory after parsing."""
MOST_PARTS = 16
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MOST_PARTS}}}")
MOST_DIGITS = 3_000
"""Maximum number of digits of a number that is not decimal. Python converts longer numbers, but refuses to print
them."""
_LONG_NUMBER = re.compile(rf"(?<!\w)0[xob][0-9A-Fa-f_]{{{MOST_DIGITS}}}")
_GUARDS = re.compile(r"\brole\b|\bforce[ \t]*=[ \t]*true|\bbasic-auth\b", re.IGNORECASE)

Words = str | list[str]


class _Redirect(msgspec.Struct, rename={"source": "from", "target": "to"}):
    source: str = ""
    target: str = ""
    status: int = 301
    force: bool = False
    query: dict[str, str] = {}
    conditions: dict[str, Words] = {}
    headers: dict[str, str] = {}
    origin: str = ""
    destination: str = ""
    params: dict[str, str] = {}
    parameters: dict[str, str] = {}


class _Headers(msgspec.Struct, rename={"path": "for"}):
    path: str = ""
    values: dict[str, Words] = {}


class _File(msgspec.Struct):
    redirects: list[_Redirect] = []
    headers: list[_Headers] = []


def read_netlify_toml(text: str, reading: Reading) -> None:
    """Reads the redirects and headers in a `netlify.toml` (`text`) into `reading`, which collects them. Build settings
    are ignored."""
    guards = seems_guarding(text)
    file = decoded(NETLIFY_TOML, _File, lambda: tomllib.loads(bounded(text)), reading, guards=guards)
    if file is None:
        return
    entries = Entries(f"{NETLIFY_TOML} redirects", reading)
    for written in file.redirects:
        entry = _of_today(written)
        guards = (entry.force and entry.status >= 400) or any(name.lower() == "role" for name in entry.conditions)
        if not entries.next(entry.source + entry.target, guards=guards):
            continue
        fitting = Conditions()
        unknown = [name for name, value in entry.conditions.items() if not fitting.take(name, _listed(value))]
        if unknown:
            reason = f"Easel does not support the condition `{unknown[0][:20]}`, so the line would match no visitor."
            entries.refuse(entry.source, reason, guards=guards)
            continue
        host, source, query = host_and_path(entry.source)
        target = entry.target or (f"{source[:-1]}:splat" if source.endswith("/*") else source)
        pairs = (*query, *entry.query.items())
        entries.redirect(
            Redirect(
                0,
                source,
                target,
                entry.status,
                entry.force,
                host,
                pairs,
                languages=fitting.languages,
                countries=fitting.countries,
                cookies=fitting.cookies,
            )
        )
    entries = Entries(f"{NETLIFY_TOML} headers", reading)
    for block in file.headers:
        lines = [(name, value) for name, given in block.values.items() for value in _values(name, given)]
        if entries.next(block.path + "".join(value for _, value in lines)):
            entries.headers(block.path if block.path.startswith("/") else f"/{block.path}", lines)


def _of_today(entry: _Redirect) -> _Redirect:
    """Returns a redirect with the current names of its keys. Netlify still reads the names of its first versions."""
    return msgspec.structs.replace(
        entry,
        source=entry.source or entry.origin,
        target=entry.target or entry.destination,
        query=entry.query or entry.params or entry.parameters,
    )


def seems_guarding(text: str) -> bool:
    """Returns true if an unparsed text seems to contain a rule that protects something from visitors."""
    return _GUARDS.search(text) is not None


def bounded(text: str) -> str:
    """Returns the text unchanged if it is safe to parse. Raises ValueError with the reason if the text is too long, if
    parsing would take longer than proportional to the length, or if a number has too many digits for Python to print.

    The parser creates a table for each part of a dotted key, and copies all parts before it.
    """
    if len(text) > LARGEST:
        raise ValueError(f"it has {len(text)} characters; the limit is {LARGEST}")
    if found := _DEEP.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"line {line} has a key of more than {MOST_PARTS} parts")
    if found := _LONG_NUMBER.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"line {line} has a number of more than {MOST_DIGITS} digits")
    return text


def _values(name: str, given: Words) -> list[str]:
    """Returns the values of a header in the file. A list becomes one value with commas, but cookies stay separate. A
    string may have several lines, each ending with a comma."""
    if isinstance(given, str):
        return [tidied(" ".join(given.split("\n")).strip())]
    tidy = [value.strip() for value in given]
    return tidy if name.lower() == "set-cookie" else [", ".join(tidy)]


def _listed(value: Words) -> list[str]:
    """Returns the values of a condition as a list. If the value is a string, commas separate the values."""
    return [part.strip() for part in value.split(",", MOST_VALUES)[:MOST_VALUES]] if isinstance(value, str) else value
