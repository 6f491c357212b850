"""Bodies of requests: limits of size and time, and parsing large bodies without delaying other requests.

No database connection is held while a body arrives, and no large body is accepted without a valid key.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from easel.errors import EaselError
from easel.schemas import TREE_VALUES

LARGEST_BODY = 4 * 1024 * 1024
"""Maximum size of a request's body, in bytes. A configuration may be half as large."""
TAKEN_FROM_STRANGERS = 64 * 1024
"""Maximum number of bytes of a body that is read before the key is checked."""
SILENCE = 20
"""Idle timeout of a request's body, in seconds."""
SLOWEST = 16 * 1024
"""Minimum average rate at which a request's body must arrive, in bytes per second."""
SLOWEST_BESIDE_OTHERS = 256 * 1024
"""Minimum average rate (bytes per second) of a body while other large bodies wait to be read."""

MOST_VALUES = TREE_VALUES
"""Maximum number of values in a body, in all its lists and maps together. A small body can be slow, because each value
takes microseconds to read."""
_MOST_DIGITS = 1000
_TO_BE_COUNTED = bytes(set(range(256)) - set(b',[]{}"'))
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class RequestTooLargeError(EaselError):
    """The request body is larger than {limit} bytes. Shorten its values, or send fewer of them."""

    status = 413
    code = "request_too_large"


class RequestTimeoutError(EaselError):
    """The request body timed out: {received} bytes arrived in {seconds} seconds. Nothing was changed. Send the request
    again."""

    status = 408
    code = "request_timeout"


@dataclass(frozen=True, slots=True)
class BodyRule:
    """The limits of an operation's body in bytes. If `texts` is set, a body may be larger than usual, but only in the
    strings of that field."""

    largest: int = LARGEST_BODY
    texts: str | None = None


def takes_texts(field: str, largest: int) -> Callable[[Endpoint], Endpoint]:
    """Marks an operation that accepts a body of up to `largest` bytes, most of them in the map of strings in that
    field."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.body_rule = BodyRule(largest, field)  # type: ignore[attr-defined]
        return endpoint

    return mark


def rule_of(endpoint: Callable[..., Any]) -> BodyRule:
    """Returns the limits of the request body of an operation. `endpoint` is the operation's function."""
    rule = getattr(endpoint, "body_rule", None)
    return rule if isinstance(rule, BodyRule) else BodyRule()


async def _at_once() -> None:
    pass


class BoundedRequest(Request):
    """A request whose body `take` reads, and whose JSON is parsed without blocking the event loop."""

    rule = BodyRule()
    model: type[BaseModel] | None = None
    """The model of the body. A large body is validated in the thread that parses it."""
    pieces: list[bytes] | None = None
    """The body that `take` has read. The pieces of the body are joined only when the whole body is needed, because
    joining a long body takes milliseconds."""
    is_turn_wanted: Callable[[], bool] = staticmethod(lambda: False)
    """A function that returns true if another large body waits for the slot (turn) of this body."""
    quiet: Callable[[], Awaitable[None]] = staticmethod(_at_once)
    """A function that is called before each long step, and waits for short requests of other organisations."""

    @property
    def has_body(self) -> bool:
        """Returns true if the request has a body (RFC 9112 §6.3)."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    @property
    def is_small(self) -> bool:
        """Returns true if the body's declared size is small enough to be read before the key is checked."""
        length = self.headers.get("content-length", "")
        return length.isdigit() and int(length) <= TAKEN_FROM_STRANGERS

    async def take(self) -> None:
        """Reads the body. Raises RequestTooLargeError as early as possible. Raises RequestTimeoutError."""
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.rule.largest:
            raise RequestTooLargeError(limit=self.rule.largest)
        pieces = []
        received = 0
        async for piece in timely(self, silence=SILENCE, slowest=self._slowest):
            received += len(piece)
            if received > self.rule.largest:
                raise RequestTooLargeError(limit=self.rule.largest)
            pieces.append(piece)
        self.pieces = pieces

    @property
    def size(self) -> int:
        """Returns the number of bytes of the body that `take` has read."""
        return sum(map(len, self.pieces or ()))

    async def body(self) -> bytes:
        """Returns the whole body. A body that may be large was already read by `take`, and all other bodies are read
        here."""
        if self.pieces is not None:
            self._body, self.pieces = b"".join(self.pieces), None
        return await super().body()

    async def require_client(self) -> None:
        """Raises ClientDisconnect if the client has disconnected. Call this method after the body was read, when the
        client sends nothing more."""
        if self.pieces is None:
            await self.body()
        if await self.is_disconnected():
            raise ClientDisconnect

    def _slowest(self) -> float:
        return SLOWEST_BESIDE_OTHERS if self.is_turn_wanted() else SLOWEST

    async def json(self) -> Any:
        """Returns the body parsed as JSON (RFC 8259, UTF-8). Raises json.JSONDecodeError.

        A large body is parsed in a thread. If it is valid, the result is already an instance of the model.
        """
        body = await self.body()
        if len(body) <= TAKEN_FROM_STRANGERS:
            return _read(body)
        await self.quiet()
        texts = self.rule.texts
        if texts is not None and len(body) > LARGEST_BODY:
            value = await asyncio.to_thread(_read_large, body, texts)
        else:
            value = await asyncio.to_thread(_read, body)
        if self.model is not None:
            await self.quiet()
            # If validation fails here, the framework validates again and reports the error.
            with suppress(ValidationError):
                return await asyncio.to_thread(self.model.model_validate, value)
        return value


async def timely(request: Request, *, silence: float, slowest: Callable[[], float] = lambda: 0) -> AsyncIterator[bytes]:
    """Yields the pieces of the request's body. Raises RequestTimeoutError after `silence` seconds without data, or when
    the average rate falls below `slowest` bytes per second. The function `slowest` is called before each piece. Raises
    Starlette's error if the client disconnects."""
    began = time.monotonic()
    received = 0
    stream = request.stream()
    while True:
        patience = silence
        if least := slowest():
            patience = min(silence, silence + received / least - (time.monotonic() - began))
        try:
            # An expired timeout would still return a piece that has already arrived.
            if patience < 0:
                raise TimeoutError
            async with asyncio.timeout(patience):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RequestTimeoutError(received=received, seconds=round(time.monotonic() - began)) from None
        received += len(piece)
        yield piece


def _read(body: bytes) -> Any:
    _refuse_many(body)
    try:
        text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("it is not UTF-8", "", error.start) from error
    return json.loads(text, parse_int=_whole_number)


def _whole_number(digits: str) -> int:
    # Parsing a number takes time quadratic in its number of digits.
    if len(digits) > _MOST_DIGITS:
        raise json.JSONDecodeError(f"a number of more than {_MOST_DIGITS} digits", "", 0)
    return int(digits)


def _refuse_many(body: bytes) -> None:
    """Raises json.JSONDecodeError if the JSON has more values than the limit.

    Every value except the first follows a comma or a bracket. If there are too many commas and brackets, some may be
    inside strings, so the quoted strings are removed and the rest is counted again.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") <= MOST_VALUES:
        return
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _TO_BE_COUNTED)
    # Each value and its name may have two quotes each.
    if bare.count(b'"') <= 4 * MOST_VALUES:
        outside = b'"'.join(bare.split(b'"')[::2])
        after = outside.count(b",") + outside.count(b"[") + outside.count(b"{")
        if after - outside.count(b"[]") - outside.count(b"{}") < MOST_VALUES:
            return
    raise json.JSONDecodeError(f"more than {MOST_VALUES} values", "", 0)


def _read_large(body: bytes, field: str) -> dict[str, Any]:
    """Parses a large object, in which one field contains strings, and all other fields together are small. Raises
    json.JSONDecodeError for any other object, because its values (such as ten million empty lists) could take a hundred
    times its size in memory."""
    # Every string begins with a quote that is not escaped, so the number of these quotes limits the number of strings.
    if body.count(b'"') - body.count(b'\\"') > 4 * MOST_VALUES:
        raise json.JSONDecodeError(f"more than {2 * MOST_VALUES} strings", "", 0)
    try:
        raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        texts = msgspec.json.decode(raw.pop(field, msgspec.Raw(b"{}")), type=dict[str, str] | None)
    except msgspec.MsgspecError as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("it is not UTF-8", "", error.start) from error
    if sum(map(len, raw.values())) > LARGEST_BODY:
        raise json.JSONDecodeError(f"the fields other than {field} have more than {LARGEST_BODY} bytes", "", 0)
    _refuse_many(b",".join(map(bytes, raw.values())))
    return {**{name: _read(bytes(value)) for name, value in raw.items()}, field: texts}
