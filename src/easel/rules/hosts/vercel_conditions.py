"""Conditions of `vercel.json` (`has` and `missing`), as Easel's rules express them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from easel.rules.files.lines import shown
from easel.rules.files.reading import MOST_QUERY, BadLineError
from easel.rules.hosts.one_pass import OnePass, one_pass
from easel.rules.matching.visit import HEADERS
from easel.rules.models import Condition

_LONGEST_NAME: Final = 200
_TOKENS: Final = ("authorization", "cookie")
_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_PLAIN = re.compile(r"[\w-]{1,200}\Z", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9-]{1,63}(?:\\?\.[A-Za-z0-9-]{1,63}){0,8}\Z")
_TAKEN = re.compile(r"\(\?<([A-Za-z]\w{0,60})>(?:\.[*+]|\[\^/&]\+)\)\Z", re.ASCII)
_ANY: Final = "(?s:.*)"
_GROUP = re.compile(r"\(\?P<(\w+)>", re.ASCII)
_PARTS: Final = ("host", "query", "cookie", "header")


class WrittenCondition(msgspec.Struct):
    """A condition as the file has it."""

    type: str = ""
    key: str = ""
    value: Any = None


@dataclass
class Fitting:
    """The conditions of an entry. Simple conditions on a query, on one cookie and on one host are in separate fields,
    because the index of lines uses some of these fields."""

    query: list[tuple[str, str]] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    absent: list[tuple[Literal["query", "cookie"], str]] = field(default_factory=list)
    host: str = ""
    conditions: list[Condition] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """Returns the names of the captured strings."""
        taken = {value[1:] for _, value in self.query if value.startswith(":")}
        return taken | {name for one in self.conditions for name in _GROUP.findall(one.value)}

    def as_conditions(self) -> tuple[Condition, ...]:
        """Returns all conditions in one form, without the host."""
        found = []
        for name, value in self.query:
            takes = f"(?P<{value[1:]}>{_ANY})" if value.startswith(":") else re.escape(value)
            found.append(Condition("query", name, takes))
        for name, _, value in (text.partition("=") for text in self.cookies):
            found.append(Condition("cookie", name, re.escape(value)))
        found += [Condition(kind, name, absent=True) for kind, name in self.absent]
        return (*found, *self.conditions)


def is_token(condition: WrittenCondition) -> bool:
    """Returns true if a condition is on a part of a request that proves a visitor's identity."""
    return condition.type == "cookie" or (condition.type == "header" and condition.key.lower() in _TOKENS)


def conditions_of(
    has: Sequence[WrittenCondition], missing: Sequence[WrittenCondition], destination: str = ""
) -> Fitting:
    """Returns the conditions of an entry. Raises BadLineError for a condition that Easel's rules cannot express."""
    if len(has) + len(missing) > MOST_QUERY:
        raise BadLineError(f"it has more than {MOST_QUERY} conditions.")
    found = Fitting()
    for written in missing:
        if _is_any(written) and written.type == "query":
            found.absent.append(("query", written.key))
        elif _is_any(written) and written.type == "cookie":
            found.absent.append(("cookie", written.key))
        else:
            found.conditions.append(_condition(written, "missing", absent=True))
    for written in has:
        if not _add_simple(written, found, destination):
            found.conditions.append(_condition(written, "has", destination))
    return found


def _is_any(written: WrittenCondition) -> bool:
    return written.value is None or written.value == ""


def _add_simple(written: WrittenCondition, found: Fitting, destination: str) -> bool:
    """Adds a condition in a simple form. Returns true if it has such a form."""
    value = written.value.get("eq") if isinstance(written.value, dict) else written.value
    text = value if isinstance(value, str) else ""
    if written.type == "query" and (_is_any(written) or _PLAIN.match(text)):
        # The destination can use the value under the parameter's name.
        taken = f":{written.key}" if _is_any(written) and _NAME.match(written.key) else ""
        found.query.append((written.key, text or taken))
    elif written.type == "query" and (name := _TAKEN.match(text)):
        found.query.append((written.key, f":{name[1]}"))
    elif written.type == "cookie" and _PLAIN.match(text or "any") and (text or _is_any(written)) and not found.cookies:
        if _is_any(written) and f":{written.key}" in destination:
            return False
        found.cookies.append(f"{written.key}={text}" if text else written.key)
    elif written.type == "host" and _HOST.match(text) and not found.host and ":host" not in destination:
        found.host = text.replace("\\", "").lower()
    else:
        return False
    return True


def _condition(written: WrittenCondition, list_: str, destination: str = "", *, absent: bool = False) -> Condition:
    part, key = written.type, written.key
    if part == "header":
        key = key.lower()
    where = f"its `{list_}` on `{shown(f'{part[:20]} {key[:40]}'.strip())}` is not supported"
    if part not in _PARTS or len(key) > _LONGEST_NAME or (part == "host" and _is_any(written)):
        raise BadLineError(f"{where}.")
    if part == "header" and key not in HEADERS:
        raise BadLineError(
            f"{where}, because Easel reads only the headers {', '.join(f'`{name}`' for name in HEADERS)}."
        )
    takes = "host" if part == "host" else key if _is_any(written) else ""
    try:
        expression = OnePass(_ANY, ()) if _is_any(written) else _expression(written.value)
    except BadLineError as bad:
        raise BadLineError(f"{where}: {bad}") from None
    text = expression.text
    if takes and not absent and _NAME.match(takes) and takes not in expression.names and f":{takes}" in destination:
        text = f"(?P<{takes}>{text})"
    kind: Literal["host", "query", "cookie", "header"] = part  # type: ignore[assignment]
    return Condition(kind, "" if part == "host" else key, "" if text == _ANY else text, absent)


def _expression(value: Any) -> OnePass:
    """Returns the expression for a value: a regular expression, or an object with one of Vercel's comparisons."""
    if isinstance(value, str):
        return one_pass(value)
    if isinstance(value, dict) and len(value) == 1:
        ((comparison, operand),) = value.items()
        if comparison == "eq" and isinstance(operand, str | int | float):
            return one_pass(re.escape(str(operand)))
        if comparison == "inc" and isinstance(operand, list) and operand:
            return one_pass("|".join(re.escape(str(one)) for one in operand))
        if comparison == "pre" and isinstance(operand, str):
            return OnePass(f"{one_pass(re.escape(operand)).text}{_ANY}", ())
        if comparison == "suf" and isinstance(operand, str):
            return OnePass(f"{_ANY}{one_pass(re.escape(operand)).text}", ())
        if comparison == "re" and isinstance(operand, str):
            return one_pass(operand)
    raise BadLineError("only a regular expression, `eq`, `inc`, `pre`, `suf` and `re` are.")
