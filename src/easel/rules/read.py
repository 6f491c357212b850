"""Reads the rules files in a bundle: the dialect, the lines in force, and the refused lines with their reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

import msgspec

from easel.rules.errors import GuardRefusedError
from easel.rules.files import undecided, unreachable
from easel.rules.files.dialect import NO_SIGN, Sign, choose
from easel.rules.files.headers import read_headers
from easel.rules.files.lines import FileText, line_breaks, text_of
from easel.rules.files.reading import Reading
from easel.rules.files.redirects import read_redirects
from easel.rules.hosts.azure import read_azure
from easel.rules.hosts.entries import NONE_IN_FORCE
from easel.rules.hosts.firebase import read_firebase
from easel.rules.hosts.netlify_toml import read_netlify_toml, seems_guarding
from easel.rules.hosts.vercel import read_vercel
from easel.rules.hosts.wrangler import read_wrangler
from easel.rules.models import (
    AS_IT_COMES,
    AZURE_JSON,
    FIREBASE_JSON,
    HEADERS,
    LARGEST_FILE,
    NETLIFY_TOML,
    REDIRECTS,
    VERCEL_JSON,
    WRANGLER,
    Choice,
    Dialect,
    Pages,
    Rules,
    RuleSettings,
)

FILES = (REDIRECTS, HEADERS, NETLIFY_TOML, VERCEL_JSON, FIREBASE_JSON, AZURE_JSON, *WRANGLER)
"""The names of rules files, which are at the root of a bundle. They are never served."""
MOST_TOLD = 20
"""Maximum number of refused lines in a deploy's log, and maximum number of remarks. `GET …/rules` shows all of them."""
_NETLIFY: Dialect = "netlify"
_OTHERS = {VERCEL_JSON: read_vercel, FIREBASE_JSON: read_firebase, AZURE_JSON: read_azure}


def read_rules(
    files: Mapping[str, bytes],
    wanted: RuleSettings = AS_IT_COMES,
    *,
    names: Collection[str] = (),
    has: Callable[[str], bool] = lambda path: False,
) -> Rules | None:
    """Reads the rules files of a bundle. Returns None if there are no rules files, or if rules are turned off.

    `files` are the rules files at the bundle's root. `names` are the other names at the root, which may be signs of a
    dialect. `has` returns true if the bundle contains a file at a path.

    Raises RulesFileTooLargeError. Raises GuardRefusedError for a refused guard (a line that protects something), unless
    the project allows deploys without this protection.
    """
    found = {name: text_of(name, files[name]) for name in FILES if name in files}
    texts = {name: text.read for name, text in found.items()}
    asked = wanted.choice in ("netlify", "cloudflare") or wanted.pages or wanted.not_found
    if wanted.choice == "off" or not (texts or asked):
        return None
    others = [name for name in _OTHERS if name in texts]
    wrangler = next((name for name in WRANGLER if name in texts), None)
    alone = bool(others) and len(others) == len(texts)
    doubts: list[Sign] = []
    if alone:
        # In these files, each line states whether it applies before files, so no dialect is guessed.
        dialect, because = _NETLIFY, f"there is a `{others[0]}`, but neither `{REDIRECTS}` nor `{HEADERS}`"
    else:
        dialect, because, doubts = choose(texts, names, wanted.choice)
    reading = Reading(dialect)
    for file, line, text in doubts:
        reading.note(file, line, text)
    unreadable = {name for name in texts if name not in _GUARDS and _refuse_whole(name, found[name], reading)}
    if wrangler is not None and wrangler not in unreadable and dialect == "cloudflare":
        is_site = read_wrangler(wrangler, texts[wrangler], reading)
        if not (is_site or reading.refused or asked or texts.keys() - set(WRANGLER)):
            return None
    read_redirects(texts.get(REDIRECTS, ""), reading)
    read_headers(texts.get(HEADERS, ""), reading)
    for name in _GUARDS.keys() & texts.keys():
        _refuse_rest(name, found[name], reading)
    if NETLIFY_TOML in texts.keys() - unreadable and dialect == "netlify":
        read_netlify_toml(texts[NETLIFY_TOML], reading)
    if alone and others[0] not in unreadable:
        _OTHERS[others[0]](texts[others[0]], reading)
    for name in others[1:] if alone else others:
        _ignore(name, texts[name], "the rules in another host's file are in force", reading)
    if NETLIFY_TOML in texts.keys() - unreadable and dialect != "netlify":
        _ignore(NETLIFY_TOML, texts[NETLIFY_TOML], "the dialect is Cloudflare's", reading)
    unreachable.remark(reading, has)
    if because == NO_SIGN:
        undecided.remark(reading, has)
    rules = Rules(
        dialect,
        because,
        wanted.pages or reading.pages or _pages(dialect, wanted.choice),
        wanted.not_found or reading.not_found or ("404-page" if wanted.choice == "netlify" else ""),
        tuple(reading.redirects),
        tuple(reading.headers),
        tuple(reading.refused),
        tuple(reading.notes),
    )
    if not wanted.guards and rules.guards_lost:
        lost = rules.guards_lost[0]
        place = _place(lost.file, lost.line)
        refusal = GuardRefusedError(name=lost.file, line=lost.line, place=place, reason=lost.reason)
        also = tuple(line for line in rules.refused if line is not lost)
        refusal.others = tuple(complaints(msgspec.structs.replace(rules, refused=also)))
        raise refusal
    return rules


_GUARDS = {
    REDIRECTS: re.compile(rb"\s(?:4[0-9][0-9]|5[0-9][0-9])!|role=", re.IGNORECASE),
    HEADERS: re.compile(rb"basic-auth[ \t]*:", re.IGNORECASE),
}


_IN_IGNORED = {
    AZURE_JSON: re.compile(
        r'"allowedRoles"\s*+:\s*+\[(?!\s*+(?:"anonymous"\s*+)?\])|"allowedIpRanges"|"requiredHeaders"'
        r'|"statusCode"\s*+:\s*+"?40[134]'
    ),
    VERCEL_JSON: re.compile(r'"mitigate"|"status"\s*+:\s*+40[13]'),
    NETLIFY_TOML: re.compile(r"\brole\b|\bbasic-auth\b", re.IGNORECASE),
}
"""For each file that may be ignored, a pattern for its rules that protect something from visitors."""


def _ignore(name: str, text: str, reason: str, reading: Reading) -> None:
    """Adds a remark that a rules file is ignored for this reason. If the file seems to protect something, refuses it
    instead."""
    guard = _IN_IGNORED[name].search(text) if name in _IN_IGNORED else None
    if guard is None:
        reading.note(name, 0, f"this file is ignored, because {reason}.")
    else:
        reading.refuse(name, 0, guard[0], f"this file is ignored, because {reason}.", guards=True)


def _refuse_rest(name: str, whole: FileText, reading: Reading) -> None:
    """Refuses the unparsed lines at the end of a rules file, and reports one of them: the first line that protects
    something, or else the first line."""
    rest = whole.rest
    if not rest:
        return
    guard = _GUARDS[name].search(rest)
    at = guard.end() if guard is not None else 0
    start = max(rest.rfind(b"\n", 0, at), rest.rfind(b"\r", 0, at)) + 1
    line = (rest[start : start + 200].splitlines() or [b""])[0].decode("utf-8", "replace")
    number = line_breaks(whole.read) + line_breaks(rest[:start].decode("utf-8", "replace")) + 1
    reason = f"it is after the first {LARGEST_FILE:,} bytes of the file, which is the limit."
    reading.refuse(name, number, line, reason, guards=guard is not None)


def _refuse_whole(name: str, whole: FileText, reading: Reading) -> bool:
    """Refuses a rules file in JSON or TOML if it cannot be read as a whole. Returns true if the file was refused."""
    if (reason := whole.reason_against) is None:
        return False
    guards = name == AZURE_JSON or (name == NETLIFY_TOML and seems_guarding(whole.read))
    reading.refuse(name, 0, name, f"it cannot be read: {reason} {NONE_IN_FORCE}", guards=guards)
    return True


def _pages(dialect: Dialect, choice: Choice) -> Pages:
    """Returns the handling of pages' addresses that applies if the project sets none.

    Netlify serves a page at every form of its address. This handling is the default only if the project sets Netlify's
    dialect. A mere sign is not enough, because at `/docs`, the relative links of `docs/index.html` lead elsewhere than
    at `/docs/`.
    """
    if dialect == "cloudflare":
        return "auto-trailing-slash"
    return "netlify" if choice == "netlify" else ""


def summary(rules: Rules) -> str:
    """Returns a sentence about a version's rules: the number of lines and blocks in force, their dialect, and the
    reason for the dialect."""
    lines, blocks = _count(len(rules.redirects), "redirect line"), _count(len(rules.headers), "header block")
    reason = rules.because.removeprefix("because of ")
    dialect = rules.dialect.capitalize()
    return f"{lines} and {blocks} in force, in {dialect}'s dialect. Reason for the dialect: {reason}."


def complaints(rules: Rules) -> list[str]:
    """Returns a sentence for every refused line and for every remark, up to MOST_TOLD of each."""
    refused = [
        f"{_place(line.file, line.line)} is refused: {line.reason} (`{line.text}`)"
        for line in rules.refused[:MOST_TOLD]
    ]
    notes = [f"{_place(note.file, note.line)}: {note.text}" for note in rules.notes[:MOST_TOLD]]
    if (more := len(rules.refused) - MOST_TOLD) > 0:
        refused.append(f"{_count(more, 'more line')} of rules {'is' if more == 1 else 'are'} refused.")
    if (more := len(rules.notes) - MOST_TOLD) > 0:
        notes.append(f"{_count(more, 'more remark')} on rules.")
    return [*refused, *notes]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _place(file: str, line: int) -> str:
    name, _, section = file.partition(" ")
    if section:
        return f"`{name}`, entry {line} of `{section}`"
    return f"`{name}`, line {line}" if line else f"`{name}`"
