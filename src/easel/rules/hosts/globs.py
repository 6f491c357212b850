"""Translates the globs (minimatch) and regular expressions of Firebase Hosting into Easel's patterns, as far as these
can express them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

from easel.rules.files.reading import BadLineError
from easel.rules.hosts.classes import check
from easel.rules.hosts.entries import MOST_FORMS
from easel.rules.hosts.expressions import patterns_of
from easel.rules.hosts.forms import Form
from easel.rules.hosts.glob_expressions import glob_expression
from easel.rules.hosts.one_pass import one_pass, search_in_one_pass
from easel.rules.hosts.whole_paths import MOST_PARTS, whole_form

_ALTERNATIVES = re.compile(
    r"(?P<mark>[@?!]?)\((?P<group>[^()]*)\)|\{(?P<list>[^{}]*)\}|\[(?P<class>[\w-]{1,64})\]"
    r"|(?P<inner>(?<=[^/*])\*(?!\*))"
)
_NAMED = re.compile(r":(\w+)(\*?)")
_CAPTURES = re.compile(r":\w+[?+(]|\(\.\*\)")
_HOLE = "\0"
"""A part of a segment that must differ from certain names (`!(a|b)`)."""
_REST = "\1"
"""Stands for `:name*`, which also matches no segment. `**` at the end matches at least one segment."""
_RANGE = re.compile(r"(\w)-(\w)|(\w)|-")
_GROUP = re.compile(
    r"\(\?P?<(?P<name>[A-Za-z]\w*)>(?P<named>[^()]*)\)|\((?!\?)(?P<group>[^()]*)\)"
    r"|(?P<bare>(?:\\[dw]|\[[^\[\]]*\]|\.)(?:[+*]|\{[\d,]+\}))"
)


def from_glob(glob: str) -> list[Form]:
    """Translates a glob into the patterns that together match it. Raises BadLineError if only a search can match the
    glob, or if it exceeds a limit."""
    try:
        return _patterns(glob)
    except BadLineError as bad:
        if ":" in glob:
            raise
        path = glob if glob.startswith("/") else f"/{glob}"
        try:
            return [whole_form(one_pass(glob_expression(path)), {})]
        except BadLineError:
            raise bad from None


def from_regex(regex: str) -> list[Form]:
    """Translates a regular expression (RE2), which is searched in a path, into the patterns that together match it.
    Raises BadLineError if it cannot be matched in one pass."""
    try:
        return _patterns_of_regex(regex)
    except BadLineError:
        expression = search_in_one_pass(regex)
        names = {str(number): name for number, name in enumerate(expression.names, 1)}
        names |= {name: name for name in expression.names}
        return [whole_form(expression, names)]


def _patterns(glob: str) -> list[Form]:
    if glob.startswith("!"):
        left_out = [form for form in _patterns(glob[1:]) if not form.only]
        return [Form("/*", {}, tuple(form.path for form in left_out))]
    if _CAPTURES.search(glob):
        forms = patterns_of(glob)
        # Firebase numbers unnamed groups from 0.
        return [replace(form, names=form.names | _numbered(form.names)) for form in forms]
    names = {name: ":splat" if star else f":{name}" for name, star in _NAMED.findall(glob)}
    path = glob if glob.startswith("/") else f"/{glob}"
    texts = _resolved(_NAMED.sub(lambda found: _REST if found[2] else found[0], path))
    return [_pattern(text, none_of, names) for text, none_of in texts]


def _patterns_of_regex(regex: str) -> list[Form]:
    if not regex.startswith("^/"):
        raise BadLineError("its regular expression matches a part of a path. Write `^/` at its start.")
    if ":" in regex or sum(map(regex.count, "([.\\")) > MOST_PARTS:
        raise BadLineError("its regular expression is not supported.")
    groups: list[str] = []
    bare = 0

    def named(found: re.Match[str]) -> str:
        nonlocal bare
        if found["bare"]:
            bare += 1
            return f":bare{bare}({found['bare']})"
        groups.append(found["name"] or f"number{len(groups) + 1}")
        return f":{groups[-1]}({found['named'] if found['name'] else found['group']})"

    source = _GROUP.sub(named, regex[1:].removesuffix("$").removesuffix("/?"))
    if not regex.endswith("$") and not source.endswith((".*)", ".+)")):
        source += ":bare0(.*)"
    forms = patterns_of(source)
    for form in forms:
        form.names.update({str(at): form.names[name] for at, name in enumerate(groups, 1) if name in form.names})
    return forms


def _numbered(names: dict[str, str]) -> dict[str, str]:
    return {str(int(name[1:]) - 1): text for name, text in names.items() if name.startswith("$")}


def _resolved(glob: str) -> list[tuple[str, tuple[str, ...]]]:
    """Expands the alternatives of a glob. Returns one glob for each combination, each with the names that are excluded
    at the place of `_HOLE`."""
    choices: list[list[str]] = []
    none_of: tuple[str, ...] = ()
    at = 0
    for match in _ALTERNATIVES.finditer(glob):
        choices.append([glob[at : match.start()]])
        if match["mark"] == "" and glob[match.start() - 1 : match.start()] in ("*", "+"):
            raise BadLineError("its source is a glob of an unsupported form.")
        at = match.end()
        if match["mark"] == "!":
            if none_of or any(char in match["group"] for char in "*?["):
                raise BadLineError("its source is a glob of an unsupported form.")
            none_of = tuple(match["group"].split("|"))
            choices.append([_HOLE])
        elif match["inner"]:
            choices.append(["*", ""])
        elif match["class"] is not None:
            choices.append(_characters(match["class"]))
        else:
            found = match["list"].split(",") if match["list"] is not None else match["group"].split("|")
            choices.append([*found, ""] if match["mark"] == "?" else found)
    choices.append([glob[at:]])
    forms = 1
    for choice in choices:
        forms *= len(choice)
        if forms * max(len(none_of), 1) > MOST_FORMS:
            raise BadLineError(f"its source expands to more than {MOST_FORMS} patterns.")
    found = ["".join(parts) for parts in product(*choices)]
    # A path has no empty segment in which an empty alternative could match.
    kept = [text for text in found if "//" not in text and (glob.endswith("/") or not text.endswith("/"))]
    if not kept:
        raise BadLineError("its source has an empty segment, which never matches.")
    return [(text, none_of) for text in kept]


def _characters(text: str) -> list[str]:
    """Returns the characters of a class in a glob, such as `[a-c]`."""
    found: list[str] = []
    for first, last, single in _RANGE.findall(text):
        if first > last:
            raise BadLineError("its source has a range of characters in the wrong order.")
        if first and ord(last) - ord(first) >= MOST_FORMS:
            raise BadLineError(f"its source expands to more than {MOST_FORMS} patterns.")
        found += [chr(code) for code in range(ord(first), ord(last) + 1)] if first else [single or "-"]
    return found


def _pattern(glob: str, none_of: tuple[str, ...], names: dict[str, str]) -> Form:
    if any(char in glob for char in "()[]{}|!@+?"):
        raise BadLineError("its source is a glob of an unsupported form.")
    parts: list[str] = []
    segments = glob.strip("/").split("/")
    for number, part in enumerate(segments):
        if part.startswith("*.") and "*" not in part[1:] and parts and parts[-1] == "*":
            parts[-1] = part  # `**/*.js` also matches a file in the folder itself.
        elif part in ("**", _REST):
            parts.append("*")
        else:
            parts.append(_segment(part, number))
    pattern = "/" + "/".join(parts)
    excepts = [pattern.replace(_HOLE, text) for text in none_of]
    pattern = pattern.replace(_HOLE, ":other")
    if segments[-1] == "**" and len(parts) > 1 and "*" not in pattern[:-1]:
        # `/docs/**` matches the content of the folder, and not `/docs`.
        excepts.append(pattern.removesuffix("/*"))
    check(pattern, {})
    return Form(pattern, names, tuple(excepts))


def _segment(part: str, number: int) -> str:
    """Replaces each `*` in a segment of a glob with a placeholder. Raises BadLineError if the text after a `*` would
    continue the placeholder's name."""
    pieces = part.replace("**", "*").split("*")
    if len(pieces) == 1:
        return part
    if any(piece[:1].isalnum() or piece[:1] == "_" for piece in pieces[1:]) or "" in pieces[1:-1]:
        raise BadLineError("its source is a glob of an unsupported form.")
    names = (f":part{number}{'abcdefghijklmnop'[at % 16]}" for at in range(len(pieces)))
    return pieces[0] + "".join(name + piece for name, piece in zip(names, pieces[1:], strict=False))
