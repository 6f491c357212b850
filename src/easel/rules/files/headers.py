"""Reads `_headers`: blocks of a path and its headers, in two dialects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from easel.rules.files.lines import (
    MOST_LINES,
    TOO_MANY,
    has_broken,
    has_control,
    numbered,
    reason_against_text,
    without_breaks,
)
from easel.rules.files.reading import BadLineError, Reading
from easel.rules.files.shared_domain import reason_on_shared_domain
from easel.rules.matching.pattern import Pattern, parse
from easel.rules.models import HEADERS, LARGEST_BLOCK, LONGEST_LINE, HeaderBlock

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z")
_HOSTED = re.compile(r"(https?)://([^/]*)(/.*)?\Z", re.IGNORECASE)
_LABEL_NAME = re.compile(r":[a-z]\w*")
_LONGEST = LONGEST_LINE["netlify"]

PROTECTED = frozenset(
    {
        "accept-ranges",
        "age",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "date",
        "etag",
        "keep-alive",
        "last-modified",
        "location",
        "proxy-authenticate",
        "proxy-connection",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-easel-version",
        "x-request-id",
    }
)
"""Headers (lower case) that frame a response, describe its bytes or belong to the platform. No rule sets or removes
these headers."""
GUARDS = frozenset({"basic-auth"})


@dataclass
class _Block:
    line: int
    text: str
    path: str
    host: str = ""
    refused: str | None = None
    pattern: Pattern | None = None
    headers: list[tuple[str, str | None]] = field(default_factory=list)
    guards: bool = False
    size: int = 0


def read_headers(text: str, reading: Reading) -> None:
    """Reads all blocks of a `_headers` file into `reading`, in its dialect.

    A line that begins with a slash or a URL is a path, whatever its indentation. Every other line is a header of the
    path above it: `Name: value`, or `! Name`, which removes a header of earlier blocks (Cloudflare).
    """
    block: _Block | None = None
    is_clean = not has_control(without_breaks(text)) and not has_broken(text)
    for count, (number, line) in enumerate(numbered(text), 1):
        if count > MOST_LINES:
            reading.refuse(HEADERS, number, line, TOO_MANY, guards=seems_basic_auth(line))
        elif line.startswith("/") or _HOSTED.match(line):
            _end(block, reading)
            reason = _reason_against_length(line) or (None if is_clean else reason_against_text(line))
            block = _begin(number, line, reading) if reason is None else _Block(number, line, line, refused=reason)
        elif reason := _reason_against_length(line) or (None if is_clean else reason_against_text(line)):
            reading.refuse(HEADERS, number, line, reason, guards=seems_basic_auth(line))
        elif block is None:
            reason = "it is a header, but there is no path above it."
            reading.refuse(HEADERS, number, line, reason, guards=seems_basic_auth(line))
        else:
            _read_header(number, line, block, reading)
    _end(block, reading)
    if reading.dialect == "cloudflare" and not text.isascii() and "%" in text:
        _refuse_spelled_twice(reading)


def _reason_against_length(line: str) -> str | None:
    return f"it has {len(line)} characters; the limit is {_LONGEST}." if len(line) > _LONGEST else None


def seems_basic_auth(line: str) -> bool:
    """Returns true if an unparsed line seems to be a `Basic-Auth` header, which protects something with a password."""
    return line[:32].lower().startswith("basic-auth")


def _refuse_spelled_twice(reading: Reading) -> None:
    """Refuses a header block with letters beyond ASCII in its path if another block has the same path with escapes,
    because Cloudflare compares the escaped form only."""
    paths = {block.path: parse(block.path, reading.dialect) for block in reading.headers}
    escaped = {(block.host, paths[block.path]): block.line for block in reading.headers if block.path.isascii()}
    kept = []
    for block in reading.headers:
        line = None if block.path.isascii() else escaped.get((block.host, paths[block.path]))
        if line is None:
            kept.append(block)
        else:
            reason = f"line {line} has the same path in percent-encoded form, and Cloudflare uses only that line."
            reading.refuse(HEADERS, block.line, block.path, reason)
    reading.headers[:] = kept


def _begin(number: int, line: str, reading: Reading) -> _Block:
    block = _Block(number, line, line)
    if match := _HOSTED.match(line):
        block.host, block.path = match[2].lower(), match[3] or "/"
        if reading.dialect == "netlify":
            block.refused = "its path contains a host, which only Cloudflare's dialect supports."
        elif match[1].lower() != "https":
            block.refused = "its address begins with `http://`, but only `https://` is supported."
        elif ":" in _LABEL_NAME.sub("", block.host):
            block.refused = "its address contains a port."
        elif block.host.count("*") > 1 or ("*" in block.host and "*" in block.path):
            block.refused = "it has two `*`."
    if "?" in block.path and reading.dialect == "netlify":
        block.refused = "its path has a query, but headers can be set only for paths."
    block.path = block.path.partition("?")[0]
    if block.refused is None:
        try:
            pattern = block.pattern = reading.pattern_of_block(block.path)
            if reading.dialect == "cloudflare" and len(pattern.stars) > 1:
                block.refused = "it has two `*`."
            elif reading.dialect == "cloudflare" and pattern.stars and ":splat" in block.path:
                block.refused = "it has both a `*` and a `:splat`."
            elif reading.dialect == "cloudflare" and pattern.has_twins:
                block.refused = "it contains the same placeholder twice."
        except BadLineError as bad:
            block.refused = str(bad)
    if block.refused is None and any(char.isspace() for char in block.path):
        reading.note(HEADERS, number, "its path contains a space. A comment after a path would be part of the path.")
    return block


def _read_header(number: int, line: str, block: _Block, reading: Reading) -> None:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    reason: str | None = None
    removes = False
    if not colon and line.startswith("!"):
        removes, name, value = True, line[1:].strip(), ""
        if reading.dialect == "netlify":
            reason = "`!` removes a header only in Cloudflare's dialect."
    elif not colon:
        reason = "it has no colon, but a header must have the form `Name: value`."
    elif not name:
        reason = "it has no header name."
    elif not value:
        reason = "it has no header value."
    guards = name.lower() in GUARDS
    reason = reason or header_reason(name, value)
    if reason is None and block.size + len(line) > LARGEST_BLOCK:
        reason = f"all headers of its path together have more than {LARGEST_BLOCK} bytes."
    if reason is not None:
        reading.refuse(HEADERS, number, line, reason, guards=guards)
        return
    block.size += len(line)
    block.headers.append((name, None if removes else tidied(value) if reading.dialect == "netlify" else value))


def tidied(value: str) -> str:
    """Puts one blank after each comma of a header's value, as Netlify does. Leaves a value with quotes or addresses
    unchanged, because its commas may belong to the quotes or addresses."""
    if "," not in value or '"' in value or "<" in value or "://" in value:
        return value
    return ", ".join(map(str.strip, value.split(",")))


def header_reason(name: str, value: str) -> str | None:
    """Returns the reason why rules cannot set a header with this name and value. Returns None if they can."""
    if name.lower() in GUARDS:
        return (
            "Easel does not support `Basic-Auth`, so this line would send the password to every visitor and "
            "protect nothing."
        )
    if not _NAME.match(name):
        return "the header name is not valid."
    if has_control(value.replace("\t", " ")):
        return "it contains a control character."
    if name.lower() in PROTECTED:
        return f"only the platform sets `{name}`."
    return reason_on_shared_domain(name.lower(), value)


def _end(block: _Block | None, reading: Reading) -> None:
    if block is None:
        return
    if block.refused is not None or block.pattern is None:
        reading.refuse(HEADERS, block.line, block.text, block.refused or "", guards=block.guards)
    elif not block.headers:
        reading.refuse(HEADERS, block.line, block.text, "it is a path without headers.")
    else:
        try:
            reading.add_block(HeaderBlock(block.line, block.path, tuple(block.headers), block.host), block.pattern)
        except BadLineError as bad:
            reading.refuse(HEADERS, block.line, block.text, str(bad), guards=block.guards)
