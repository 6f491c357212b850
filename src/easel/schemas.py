"""The common base of request and response models: storable text, bounded JSON values, and the two kinds of model."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any, Final, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

# PostgreSQL's text and jsonb can hold every character except NUL. pydantic itself refuses lone surrogates.
_STORABLE = r"^[^\x00]*$"
SEALED: Final = "$sealed"
DIGEST: Final = "$digest"
"""The names that mark a stored secret. A value from outside must not look like a stored secret."""

TEXT_LENGTH = 20_000
MESSAGE_LENGTH = 4_000
TREE_DEPTH = 32
TREE_VALUES = 10_000
"""Maximum number of values in a JSON value. The limit is the same as for a whole body, so a value that is too large for
one request cannot be built piece by piece either."""
TREE_TEXT = 1_000_000

Line = Annotated[str, StringConstraints(pattern=_STORABLE)]
"""Text that PostgreSQL can hold, for fields that have their own length limit."""

Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH, pattern=_STORABLE)]
"""Text that PostgreSQL can hold."""

LongText = Annotated[str, StringConstraints(max_length=1_000_000, pattern=_STORABLE)]
"""Text that may be a whole page or a small image."""


def _integral(value: Any) -> Any:
    # JSON has only one kind of number, so 3.0 is an integer to a JSON Schema (draft 2020-12, core §4.2.2).
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, Field(ge=-(2**53), le=2**53), BeforeValidator(_integral)]
"""An integer that every JSON reader represents exactly (RFC 8259 §6)."""


def _storable_name(name: str) -> str:
    _check_text(name)
    if name in (SEALED, DIGEST):
        raise PydanticCustomError("name_reserved", "the name {name} is reserved", {"name": name})
    return name


Name = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_storable_name)]
"""The key of a stored map."""


def _not_blank(message: str) -> str:
    if not message.strip():
        raise PydanticCustomError("message_blank", "the message must describe the change, but it is blank")
    return message


Message = Annotated[
    str,
    StringConstraints(max_length=MESSAGE_LENGTH, pattern=_STORABLE),
    AfterValidator(_not_blank),
    Field(json_schema_extra={"minLength": 1, "pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"}),
]
"""A description of a change. It must not be blank."""


def storable_tree(value: Any) -> Any:
    """Returns the JSON value, if it can be stored. Its depth, count and text are bounded, and it contains no NUL, no
    halves of surrogate pairs and no NaN.

    Raises PydanticCustomError, which becomes a 422.
    """
    room = [TREE_VALUES, TREE_TEXT]
    _measure(value, TREE_DEPTH, room)
    if min(room) < 0:
        raise _too_large()
    return value


def _too_large() -> PydanticCustomError:
    return PydanticCustomError(
        "json_too_large",
        "a free-form value may contain at most {values} values, {depth} levels of nesting, and {text} characters of "
        "text",
        {"values": TREE_VALUES, "depth": TREE_DEPTH, "text": TREE_TEXT},
    )


def _measure(value: Any, depth: int, room: list[int]) -> None:
    room[0] -= 1
    if depth < 0 or room[0] < 0 or room[1] < 0:
        raise _too_large()
    if isinstance(value, str):
        room[1] -= len(value)
        _check_text(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            room[1] -= len(name)
            _storable_name(name)
            _measure(inner, depth - 1, room)
    elif isinstance(value, list):
        # Whole numbers, which may be very many, only need to be counted.
        others = [inner for inner in value if type(inner) is not int]
        room[0] -= len(value) - len(others)
        for inner in others:
            _measure(inner, depth - 1, room)
    elif isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite_number", "a number must be finite")


def whole_text(text: str) -> str:
    """Returns the text, if it can be stored and encoded. Raises PydanticCustomError for a NUL or half a surrogate
    pair."""
    _check_text(text)
    return text


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise PydanticCustomError("text_invalid", "text must not contain a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text_invalid", "text must not contain half of a surrogate pair") from None


Tree = Annotated[Any, AfterValidator(storable_tree)]
"""Any JSON value that can be stored."""


def never_null(schema: dict[str, Any]) -> None:
    """Changes the published schema of a field that may be left out, but must not be null. In the model, null stands for
    a field that was left out."""
    options = schema.pop("anyOf")
    schema.pop("default", None)
    schema.update(next(option for option in options if option.get("type") != "null"))


def _drop_extra(schema: dict[str, Any]) -> None:
    schema.pop("additionalProperties", None)


def _give_up_early(schema: Any, model: Any) -> None:
    """Counts every list and map in the model's schema before validating it, and stops at the first wrong value of a
    list or map.

    An error object is a hundred times as large as a wrong value, and the sender needs only a few errors.
    """
    if isinstance(schema, list | tuple):
        for inner in schema:
            _give_up_early(inner, model)
    elif isinstance(schema, dict):
        part = schema.get("cls")
        if part is not model and isinstance(part, type) and issubclass(part, _Received):
            # The part's own schema counts them already.
            return
        for inner in list(schema.values()):
            _give_up_early(inner, model)
        if schema.get("type") in ("list", "dict") and not schema.get("fail_fast"):
            schema["fail_fast"] = True
            if schema.get("max_length") is not None:
                counted = dict(schema)
                schema.clear()
                schema.update(
                    core_schema.no_info_before_validator_function(
                        partial(_count, most=counted["max_length"]), cast("CoreSchema", counted)
                    )
                )


def _count(value: Any, *, most: int) -> Any:
    if isinstance(value, list | dict) and len(value) > most:
        kind = "List" if isinstance(value, list) else "Dictionary"
        raise PydanticKnownError("too_long", {"field_type": kind, "max_length": most, "actual_length": len(value)})
    return value


class _Received(BaseModel):
    """A value from a client. Its lists and maps are counted before they are validated."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Returns the model's schema, which also counts lists and maps."""
        schema = handler(source)
        _give_up_early(schema, source)
        return schema


class Part(_Received):
    """A part of a request that is also part of responses. Types are not converted (`"1"` is not accepted as a
    number)."""

    model_config = ConfigDict(strict=True)


class Request(_Received):
    """A request body. Unknown keys are ignored, and can be listed in the response's warnings."""

    # `extra="allow"` keeps unknown keys, so that warnings can list them. The published schema does not mention this.
    model_config = ConfigDict(strict=True, extra="allow", json_schema_extra=_drop_extra)

    def unknown_keys(self) -> list[str]:
        """Returns the top-level keys that this request does not know, sorted."""
        return sorted(self.model_extra or {})

    def unknown_key_warnings(self) -> list[str]:
        """Returns a sentence that lists the unknown keys (the first twenty, truncated to 80 characters). Returns no
        sentence if there are none."""
        unknown = self.unknown_keys()
        if not unknown:
            return []
        named = ", ".join(name[:80].encode("utf-8", "replace").decode() for name in unknown[:20])
        more = f" and {len(unknown) - 20} more" if len(unknown) > 20 else ""
        return [f"These fields are not known and were ignored: {named}{more}"]


class Answer(BaseModel):
    """A part of a response."""
