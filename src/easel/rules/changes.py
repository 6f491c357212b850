"""Writes rules as text, and lists the differences between the rules of two versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from easel.rules.models import Condition, HeaderBlock, Redirect, Rules


class RuleChange(msgspec.Struct, frozen=True):
    """The difference of one rule between two versions. `source` identifies the rule: a path and its conditions, or a
    path and a header's name. `old` and `new` are the rule as text, or None if that version does not have the rule."""

    kind: Literal["redirect", "header"]
    status: Literal["added", "removed", "modified"]
    source: str
    old: str | None
    new: str | None


def redirect_text(redirect: Redirect) -> str:
    """Returns a redirect as a line of `_redirects`: its path, its target, its status and its conditions."""
    words = [_source(redirect), redirect.target, f"{redirect.status}{'!' if redirect.forced else ''}"]
    for name, values in (
        ("Language", redirect.languages),
        ("Country", redirect.countries),
        ("Cookie", redirect.cookies),
        ("Except", redirect.excepts),
        ("Only", tuple(f":{name}={text}" for name, text in redirect.only)),
        ("Without", tuple(f"{kind}:{name}" for kind, name in redirect.absent)),
        *_conditions(redirect.conditions),
    ):
        if values:
            words.append(f"{name}={','.join(values)}")
    return " ".join(words)


def _conditions(conditions: tuple[Condition, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields each condition as a word of its own, because an expression may contain commas."""
    for one in conditions:
        part = f"{one.part}:{one.name}" if one.name else one.part
        yield "Unless" if one.absent else "If", (f"{part}~{one.value}" if one.value else part,)


def _source(redirect: Redirect) -> str:
    return " ".join(
        [redirect.host.removeprefix("://") + redirect.source, *(f"{name}={value}" for name, value in redirect.query)]
    )


def header_texts(block: HeaderBlock) -> Iterator[tuple[str, str]]:
    """Yields the headers of a header block. Each comes as its path and name, and as a line of `_headers`."""
    path = f"https://{block.host}{block.path}" if block.host else block.path
    only = tuple(f":{name}={text}" for name, text in block.only)
    for name, values in (("Except", block.excepts), ("Only", only), *_conditions(block.conditions)):
        if values:
            path = f"{path} {name}={','.join(values)}"
    for name, value in block.headers:
        yield f"{path} {name.lower()}", f"! {name}" if value is None else f"{name}: {value}"


def changes(old: Rules | None, new: Rules | None) -> list[RuleChange]:
    """Returns the differences between the rules of two versions. Redirects come before headers, each in the order of
    their sources. A line that only moved does not count."""
    found = list(_compare("redirect", _redirects(old), _redirects(new)))
    found.extend(_compare("header", _headers(old), _headers(new)))
    return found


def _redirects(rules: Rules | None) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for redirect in rules.redirects if rules is not None else ():
        texts.setdefault(_source(redirect), []).append(redirect_text(redirect))
    return {source: "\n".join(lines) for source, lines in texts.items()}


def _headers(rules: Rules | None) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for block in rules.headers if rules is not None else ():
        for source, line in header_texts(block):
            texts.setdefault(source, []).append(line)
    return {source: "\n".join(lines) for source, lines in texts.items()}


def _compare(kind: Literal["redirect", "header"], old: dict[str, str], new: dict[str, str]) -> Iterator[RuleChange]:
    for source in sorted(old.keys() | new.keys()):
        before, after = old.get(source), new.get(source)
        if before == after:
            continue
        status: Literal["added", "removed", "modified"] = (
            "added" if before is None else "removed" if after is None else "modified"
        )
        yield RuleChange(kind, status, source, before, after)
