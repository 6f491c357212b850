"""The stored form of rules, which releases with fewer kinds of conditions read safely.

An edge that ignored an unknown condition would apply a rule for few requests to all requests. So a rule whose
conditions go beyond the first release's is stored apart (`Rules.limited`), with a name for each of its fields. A
release that does not know a field, or a value in it, leaves the rule out. A line that guards is stored as usual,
because without its condition it hides more, and left out it would hide nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from easel.rules.models import HeaderBlock, LineNote, Redirect, Rules

T = TypeVar("T", Redirect, HeaderBlock)


class _Limited(msgspec.Struct):
    """A rule that is stored apart: its place among the redirects or the header blocks, and its fields by name."""

    at: int
    redirect: dict[str, Any] | None = None
    header: dict[str, Any] | None = None


def to_store(rules: Rules) -> Rules:
    """Returns the rules in their stored form. Rules of newer releases keep their places."""
    taken: dict[str, set[int]] = {"redirect": set(), "header": set()}
    for raw in rules.limited:
        entry = msgspec.convert(raw, _Limited)
        taken["redirect" if entry.redirect is not None else "header"].add(entry.at)
    limited: list[dict[str, Any]] = [*rules.limited]
    redirects = _apart("redirect", rules.redirects, taken["redirect"], limited)
    headers = _apart("header", rules.headers, taken["header"], limited)
    if not limited:
        return rules
    return msgspec.structs.replace(rules, redirects=redirects, headers=headers, limited=tuple(limited))


def from_store(rules: Rules) -> Rules:
    """Returns the rules of a stored form. Unknown rules stay in `limited`, and a note names each of them. Raises
    msgspec.ValidationError if the form is damaged."""
    if not rules.limited:
        return rules
    entries = [msgspec.convert(raw, _Limited) for raw in rules.limited]
    notes: list[LineNote] = []
    redirects, unknown = _joined(Redirect, rules.redirects, [(one.at, one.redirect) for one in entries], notes)
    headers, others = _joined(HeaderBlock, rules.headers, [(one.at, one.header) for one in entries], notes)
    left = tuple(
        raw
        for raw, one in zip(rules.limited, entries, strict=True)
        if one.at in (unknown if one.redirect is not None else others)
    )
    return msgspec.structs.replace(
        rules, redirects=redirects, headers=headers, notes=(*rules.notes, *notes), limited=left
    )


def _apart(kind: str, rules: tuple[T, ...], taken: set[int], limited: list[dict[str, Any]]) -> tuple[T, ...]:
    """Returns the rules that every release reads. Adds all others to `limited`."""
    basic: list[T] = []
    at = 0
    for rule in rules:
        while at in taken:
            at += 1
        if _is_basic(rule):
            basic.append(rule)
        else:
            fields = {
                field.name: msgspec.to_builtins(value)
                for field in msgspec.structs.fields(type(rule))
                if (value := getattr(rule, field.name)) != field.default or field.name == "file"
            }
            limited.append({"at": at, kind: fields})
        at += 1
    return tuple(basic)


def _is_basic(rule: Redirect | HeaderBlock) -> bool:
    if isinstance(rule, Redirect):
        if rule.guards:
            return True
        return not (rule.excepts or rule.only or rule.absent or rule.conditions)
    return not (rule.excepts or rule.only or rule.conditions or rule.strict or rule.fills)


def _joined(
    kind: type[T], basic: tuple[T, ...], entries: list[tuple[int, dict[str, Any] | None]], notes: list[LineNote]
) -> tuple[tuple[T, ...], set[int]]:
    """Returns all rules of a kind in their order, and the places of the unknown rules."""
    apart = {at: fields for at, fields in entries if fields is not None}
    if not apart:
        return basic, set()
    found: list[T] = []
    unknown: set[int] = set()
    rest = iter(basic)
    for at in range(len(basic) + len(apart)):
        fields = apart.get(at)
        if fields is None:
            found.extend([rule] if (rule := next(rest, None)) is not None else [])
        elif (known := _known(kind, fields)) is not None:
            found.append(known)
        else:
            unknown.add(at)
            file, line = fields.get("file"), fields.get("line")
            notes.append(
                LineNote(
                    file if isinstance(file, str) else "",
                    line if isinstance(line, int) else 0,
                    "this rule has no effect, because only a newer release of Easel knows its conditions.",
                )
            )
    found.extend(rest)
    return tuple(found), unknown


def _known(kind: type[T], fields: dict[str, Any]) -> T | None:
    """Returns the rule. Returns None if this release does not know a field or a value."""
    known = msgspec.structs.fields(kind)
    if not fields.keys() <= {field.name for field in known}:
        return None
    try:
        # A missing required field has no default, and so no valid value.
        return msgspec.convert([fields.get(field.name, field.default) for field in known], kind)
    except msgspec.ValidationError:
        return None
