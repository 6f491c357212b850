"""Text for messages: times, sizes, counts, and foreign text made safe to print."""

from __future__ import annotations

import re
from datetime import datetime

from rich.filesize import decimal

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_JOINER = "\u200d"  # This character joins emoji, but is not printable by itself.


def clean(text: str) -> str:
    """Returns the text without anything that could move the cursor or fake output. Colours are removed, and control
    characters are escaped."""
    return "".join(
        character
        if character.isprintable() or character in ("\t", _JOINER)
        else character.encode("unicode_escape").decode()
        for character in _COLOUR.sub("", text)
    )


def when(text: str | datetime | None) -> str:
    """Returns a time from the API in local time, to the second, with the time zone."""
    if text is None:
        return ""
    moment = text if isinstance(text, datetime) else _parse(text)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if moment else clean(str(text))


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def size(count: int) -> str:
    """Returns a number of bytes as text for people, in a decimal unit such as MB."""
    return decimal(count)


def shortened(text: str, longest: int) -> str:
    """Returns the text in a form that can be sent and stored: without NUL, without halves of surrogate pairs, and with
    at most `longest` characters."""
    whole = text.replace("\0", "").encode("utf-8", "replace").decode()
    return whole if len(whole) <= longest else whole[: longest - 1].rstrip() + "…"


def duration(milliseconds: int) -> str:
    """Returns a duration as text: `35 ms`, `1.2 s`, `3 min 20 s`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes:,} min {seconds} s"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Returns a number with its noun: `1 file`, `2 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
