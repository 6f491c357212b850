"""The parts of a request that rules match. Each part is parsed only if a rule needs it."""

from __future__ import annotations

from urllib.parse import unquote_plus

import msgspec

from easel.rules.matching.paths import ENCODED_SLASH, RequestPath, as_sent, read_path
from easel.unlocked import cached_property

MOST_PAIRS = 64
"""Maximum number of query parameters that are read, and maximum number of cookies."""
_MOST_ESCAPES = 4096
"""Maximum number of `%` in the query parameters that are read, because decoding one `%` takes as long as twenty other
bytes."""


_OF_COUNTRY = "x-vercel-ip-country"
HEADERS = {
    "accept": "accept",
    "accept-language": "accept_language",
    "cookie": "cookie",
    "host": "host",
    "sec-fetch-dest": "fetch_dest",
    "sec-fetch-mode": "fetch_mode",
    "service-worker": "service_worker",
    "x-forwarded-host": "host",
    "x-forwarded-proto": "scheme",
    _OF_COUNTRY: "country",
}
"""The headers that conditions of rules can read, and their fields of a visit."""


class Visit(msgspec.Struct, frozen=True, dict=True):
    """The parts of a request that rules match: `path` and `query` as sent, `host` in lower case without a port.
    `country` is the visitor's two-letter country code, if a proxy has sent one. The other fields are values of headers
    ('' if there is no such header)."""

    path: str
    query: str = ""
    host: str = ""
    scheme: str = "http"
    cookie: str = ""
    accept_language: str = ""
    country: str = ""
    accept: str = ""
    fetch_dest: str = ""
    fetch_mode: str = ""
    service_worker: str = ""

    def header(self, name: str) -> str:
        """Returns the value of a header of HEADERS ('' if there is no such header)."""
        value: str = getattr(self, HEADERS[name])
        return value.upper() if name == _OF_COUNTRY else value

    @cached_property
    def asked(self) -> RequestPath | None:
        """Returns the requested path in decoded segments. Returns None if no rule can match the path."""
        return read_path(self.path)

    @cached_property
    def spelled(self) -> RequestPath | None:
        """Returns the path in segments, with marks for the escapes of reserved characters, which Cloudflare's lines
        capture as they were sent. Returns None if the path has no such escape."""
        return as_sent(self.path)

    @cached_property
    def opened(self) -> RequestPath | None:
        """Returns the path in segments, with an escaped slash as a border between two segments, because Netlify matches
        lines in this form."""
        asked = self.asked
        if asked is None or not any(ENCODED_SLASH in segment for segment in asked.segments):
            return asked
        return RequestPath(tuple("/".join(asked.segments).replace(ENCODED_SLASH, "/").split("/")))

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Returns the parameters of the request's query, decoded, in their order, as pairs of name and value."""
        if not self.query:
            return ()
        pairs: list[tuple[str, str]] = []
        escapes = 0
        for part in self.query.split("&", MOST_PAIRS)[:MOST_PAIRS]:
            escapes += part.count("%")
            if escapes > _MOST_ESCAPES:
                break
            name, _, value = part.partition("=")
            if name:
                pairs.append((unquote_plus(name), unquote_plus(value)))
        return tuple(pairs)

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Returns the request's cookies by name."""
        parts = self.cookie.split(";", MOST_PAIRS)[:MOST_PAIRS] if self.cookie else []
        return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}

    @cached_property
    def language(self) -> str:
        """Returns the language that the visitor has chosen (cookie `nf_lang`). Without this cookie, returns the
        browser's first language."""
        return (self.cookies.get("nf_lang") or self.accept_language.partition(",")[0].partition(";")[0]).strip().lower()

    @cached_property
    def land(self) -> str:
        """Returns the country that the visitor has chosen (cookie `nf_country`), or else the country that a proxy has
        sent in a header."""
        return (self.cookies.get("nf_country") or self.country).strip().lower()
