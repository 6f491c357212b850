"""A line of `_redirects` as Netlify reads it: `from [query] to [status][!] [conditions]`."""

from __future__ import annotations

import re

from easel.rules.lines import shown
from easel.rules.models import REDIRECTS, Redirect
from easel.rules.reading import MOST_VALUES, BadLineError, Reading, source_of

_HOST = re.compile(r"(https?)://([^/?#]*)(.*)\Z", re.IGNORECASE | re.DOTALL)
_STATUS = re.compile(r"([0-9]{1,4})(!?)")
_CONDITIONS = {"language": "languages", "country": "countries", "cookie": "cookies"}
_TARGETS = ("/", "http://", "https://")


def netlify_line(words: list[str], number: int, reading: Reading) -> Redirect:
    """The redirect that the words say. Raises BadLineError; remarks go into `reading`.

    A status left out is 301. A target left out behind a source with a star and a status of success is the source's own
    path. A word behind the status that is no condition does nothing.
    """
    host, source = "", words[0]
    if match := _HOST.match(source):
        host, source = f"{match[1].lower()}://{match[2].lower()}", match[3] or "/"
    source, query = source_of(source)
    if source.startswith("/.netlify/"):
        raise BadLineError("its source is below `/.netlify/`, which is the host's own.")
    rest = words[1:]
    while rest and "=" in rest[0] and not rest[0].startswith(_TARGETS):
        name, _, value = rest.pop(0).partition("=")
        query = (*query, (name, value))
    target = rest.pop(0) if rest and rest[0].startswith(_TARGETS) else ""
    found = _STATUS.match(rest[0]) if rest else None
    status, forced = (int(found[1]), bool(found[2])) if found else (301, False)
    conditions = rest[1:] if found else rest
    if any(word.lower().startswith("role=") for word in conditions):
        raise BadLineError("Easel knows no `Role`, so no visitor would have it.", guards=True)
    if not target:
        if rest and not found:
            raise BadLineError("its target begins with neither `/` nor `http://` nor `https://`.")
        if found is None or not source.endswith("/*") or not 200 <= status < 300:
            raise BadLineError("it has no target.", guards=forced and status >= 400)
        target = f"{source[:-1]}:splat"
    elif rest and not found and "=" not in rest[0] and rest[0] != "!":
        raise BadLineError(f"`{shown(rest[0])}` is no status.")
    fitting: dict[str, tuple[str, ...]] = dict.fromkeys(_CONDITIONS.values(), ())
    for word in conditions:
        name, _, value = word.partition("=")
        if key := _CONDITIONS.get(name.lower()) if value else None:
            fitting[key] = tuple(part for part in value.split(",", MOST_VALUES)[:MOST_VALUES] if part)
        else:
            reading.note(REDIRECTS, number, f"`{shown(word)}` does nothing.")
    return Redirect(
        number,
        source,
        target,
        status,
        forced,
        host,
        query,
        languages=fitting["languages"],
        countries=fitting["countries"],
        cookies=fitting["cookies"],
    )
