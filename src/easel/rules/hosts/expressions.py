"""Translates the sources of Vercel's rules, which are in the language of path-to-regexp, into Easel's patterns."""

from __future__ import annotations

import re
from dataclasses import replace

from easel.rules.files.reading import BadLineError
from easel.rules.hosts.classes import check, class_of
from easel.rules.hosts.entries import MOST_EXCEPTIONS, MOST_FORMS
from easel.rules.hosts.forms import Form
from easel.rules.hosts.whole_paths import MOST_PARTS, to_regex, whole_form

_KEY = re.compile(r"(?<!\\):(\w+)(?:\([^()]*\))?|(?<!\\)\((?!\?)[^()]*\)")
_GROUP = re.compile(r"(:\w+)?\(([^()]*)\)")
_OPTIONAL = re.compile(r"\{(?![\d,]*\})([^{}]*)\}(\?)?|[/.]?:([\w$]+)(?:\([^()]*\))?\?")
_CHOICE = re.compile(r":([\w$]+)\((?:\?:)?([\w.~%\\-]+(?:\|[\w.~%\\-]+)*)\)")
_CLASS = re.compile(r"\\[a-zA-Z]")
"""A pattern for a class of characters such as `\\d`."""
_TOKEN = re.compile(r":([\w$]+)(?:\(([^()]*)\))?([*+?]?)")
_NAME_AT_END = re.compile(r":\w+\Z", re.ASCII)
_TOKEN_NAME = re.compile(r":([\w$]+)")
_ESCAPED = re.compile(r"\\([./_~-])")
_WORD = re.compile(r"\w", re.ASCII)
_ANY = (".*", ".+")
_SEGMENT = ("[^/]+", "[^/]*", "[^/]+?")
_NEGATIVE = re.compile(
    r"(?P<before>/(?:[\w.~-]+/)*)(?:(?::(?P<name>\w+))?\(\(\?!(?P<a>[^()]*)\)\.[*+]\)|\(\?!(?P<b>[^()]*)\)\(\.[*+]\))\Z"
)
_WITH_DOT = re.compile(r"(?:\.\*|\[\^/\]\*)\\?\.(?:\.\*|\w+)?\$?\Z")
"""A pattern for an exception of names that contain a dot. Easel needs no such exception, because files come first, and
a missing script gets 404."""
_BEGINNING = re.compile(r"[\w./~%-]+\Z")


def from_expression(source: str) -> list[Form]:
    """Translates a source into the patterns that together match it. Raises BadLineError if only a search can match the
    source, or if the source exceeds a limit."""
    try:
        return patterns_of(source)
    except BadLineError as bad:
        try:
            return [whole_form(*to_regex(source))]
        except BadLineError:
            raise bad from None


def patterns_of(source: str) -> list[Form]:
    """Translates a source into the patterns that together match it. Raises BadLineError if no pattern can express the
    source, or if the source exceeds a limit."""
    if sum(map(source.count, ":({?")) > MOST_PARTS:
        raise BadLineError(f"its source has more than {MOST_PARTS} placeholders, groups and optional parts.")
    if (negative := _NEGATIVE.match(source)) is not None:
        before = negative["before"]
        names = dict.fromkeys(("$1", negative["name"] or "$1"), ":splat")
        alternatives = (negative["a"] or negative["b"] or "").split("|", MOST_EXCEPTIONS)
        if len(alternatives) > MOST_EXCEPTIONS:
            raise BadLineError(f"its source excludes more than {MOST_EXCEPTIONS} paths.")
        excepts = tuple(path for one in alternatives if (path := _exception(before, one)) is not None)
        if before != "/":
            excepts = (before.rstrip("/"), *excepts)
        return [Form(f"{before}*", names, excepts)]
    order = [name or "" for name in _KEY.findall(source)]
    groups = 0

    def numbered(match: re.Match[str]) -> str:
        nonlocal groups
        if match[1]:
            return match[0]
        groups += 1
        return f":${groups}({match[2]})"

    forms: list[Form] = []
    waiting = [Form(_GROUP.sub(numbered, source))]
    while waiting:
        if len(forms) + len(waiting) > MOST_FORMS:
            raise BadLineError(f"its source expands to more than {MOST_FORMS} patterns.")
        form = waiting.pop()
        alternatives_of = _variants(form)
        if alternatives_of is None:
            forms.append(_numbered(_pattern(form), order))
        else:
            waiting.extend(reversed(alternatives_of))
    return forms


def _numbered(form: Form, order: list[str]) -> Form:
    """Returns the form with names for `$1`, `$2`, …, which count placeholders and groups together."""
    if not any(order):
        return form
    unnamed = 0
    names = {}
    for number, name in enumerate(order, 1):
        unnamed += not name
        if (key := name or f"${unnamed}") in form.names:
            names[f"${number}"] = form.names[key]
    kept = {name: text for name, text in form.names.items() if not name.startswith("$")}
    return replace(form, names=kept | names)


def _exception(before: str, alternative: str) -> str | None:
    """Returns the pattern for one alternative of `(?!a|b)`, which excludes all paths with this prefix. `before` is the
    path before the group."""
    if _WITH_DOT.match(alternative) or not alternative:
        return None
    text = _ESCAPED.sub(r"\1", alternative)
    is_whole = text.endswith("$")
    text = text.removesuffix("$").removesuffix(".*")
    if not _BEGINNING.match(text):
        raise BadLineError(f"its source contains the unsupported expression `{alternative[:40]}` after `?!`.")
    return f"{before}{text.lstrip('/')}{'' if is_whole else '*'}"


def _variants(form: Form) -> list[Form] | None:
    """Replaces the first optional part or group of alternatives in a pattern. Returns one pattern for each choice.
    Returns None if the pattern has no such part."""
    path = form.path
    if (optional := _OPTIONAL.search(path)) is not None:
        before, after = path[: optional.start()], path[optional.end() :]
        if _WORD.match(after):
            raise BadLineError("its source has a letter or digit after an optional part, which is not supported.")
        if optional[3]:
            inner = optional[0].removesuffix("?")
            without = replace(form, path=before + after or "/", names=form.names | {optional[3]: ""})
            return [replace(form, path=before + inner + after), without]
        inside = replace(form, path=before + optional[1] + after or "/")
        if not optional[2]:
            return [inside]
        absent = dict.fromkeys(_TOKEN_NAME.findall(optional[1]), "")
        return [inside, replace(form, path=before + after or "/", names=form.names | absent)]
    choice = next((one for one in _CHOICE.finditer(path) if _CLASS.search(one[2]) is None), None)
    if choice is None:
        return None
    before, after = path[: choice.start()], path[choice.end() :]
    if after[:1] in ("*", "+"):
        raise BadLineError(f"its source repeats the choice `{choice[0][:40]}`, which is not supported.")
    texts = [_ESCAPED.sub(r"\1", text) for text in choice[2].split("|")]
    if _NAME_AT_END.search(before) and any(map(_WORD.match, texts)):
        raise BadLineError("its source has a letter or digit after a placeholder, in a form that is not supported.")
    return [replace(form, path=before + text + after, names=form.names | {choice[1]: text}) for text in texts]


def _pattern(form: Form) -> Form:
    names, excepts, only = dict(form.names), form.excepts, dict(form.only)
    out: list[str] = []
    at = 0
    for token in _TOKEN.finditer(form.path):
        out.append(form.path[at : token.start()])
        at = token.end()
        name, expression, repeat = token.groups()
        wide = expression in _ANY or (repeat in ("*", "+") and expression in (None, *_SEGMENT))
        ours = "splat" if wide else name.replace("$", "group")
        is_class = expression is not None and not wide and expression not in _SEGMENT
        if is_class and not repeat and (text := class_of(expression or "")) is not None:
            only[ours] = text
        elif not wide and (repeat or is_class):
            shown = token[0] if not name.startswith("$") else f"({expression})"
            raise BadLineError(
                f"its source contains the expression `{shown[:40]}`, but a placeholder can match only one segment, a "
                f"class of characters such as `\\d+`, or the rest of the path."
            )
        names[name] = f":{ours}"
        is_rest = wide and at == len(form.path)
        is_whole = out[-1].endswith("/") and form.path.startswith("/", at)
        if wide and not is_rest and repeat != "*" and (is_whole or "+" in (repeat, (expression or "")[1:])):
            raise BadLineError("its source has a wildcard in its middle that must match some text.")
        if not wide and _WORD.match(form.path, at):
            raise BadLineError("its source has a letter or digit after a placeholder, in a form that is not supported.")
        if is_rest and "*" in "".join(out):
            raise BadLineError("its source has two wildcards, in a form that is not supported.")
        if is_rest and ("+" in (repeat, (expression or "")[1:]) or _is_below(out, expression, repeat)):
            # A `*` at the end matches the folder itself too.
            excepts = ("".join(out).rstrip("/") or "/",)
        out.append("*" if wide else f":{ours}")
    out.append(form.path[at:])
    pattern = _ESCAPED.sub(r"\1", "".join(out))
    if any(char in pattern for char in "()[]{}|^$+?\\"):
        raise BadLineError("its source contains a regular expression, but only placeholders are supported.")
    if excepts and ":" in excepts[0]:
        excepts = tuple(path for path in excepts if pattern.startswith(path))
    check(pattern, only)
    if any(_is_open(segment, only) for segment in pattern.split("/")):
        # On Vercel, the first placeholder takes as few characters as possible.
        raise BadLineError("its source has two placeholders in one segment, in a form that is not supported.")
    return Form(pattern if pattern.startswith("/") else f"/{pattern}", names, excepts, only)


def _is_open(segment: str, only: dict[str, str]) -> bool:
    """Returns true if a segment has several placeholders, and a placeholder without a class of characters."""
    names = _TOKEN_NAME.findall(segment)
    return len(names) + segment.count("*") > 1 and ("*" in segment or any(name not in only for name in names))


def _is_below(out: list[str], expression: str | None, repeat: str) -> bool:
    """Returns true if `expression` is `(.*)` after a folder's slash. It then matches the content of the folder, and not
    the folder."""
    before = "".join(out)
    return expression == ".*" and repeat != "*" and before.endswith("/") and before != "/"


_REFERENCE = re.compile(r"(:\w+|\$\d+)[*+]?")


def to_ours(target: str, names: dict[str, str]) -> str:
    """Returns a target in which Easel's placeholders replace the hosting provider's placeholders. `names` maps each old
    name to the new text."""
    return _REFERENCE.sub(lambda match: names.get(match[1].removeprefix(":"), match[0]), target)
