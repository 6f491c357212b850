"""The parsed rules of a version: redirect lines, header blocks, refused lines, and remarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

Dialect = Literal["netlify", "cloudflare"]
"""The hosting provider whose syntax applies to `_redirects` and `_headers`."""
Choice = Literal["auto", "netlify", "cloudflare", "off"]
"""A project's setting for its rules files: a certain dialect, the dialect that the files indicate, or no rules."""
CHOICES: tuple[Choice, ...] = ("auto", "netlify", "cloudflare", "off")

REDIRECTS = "_redirects"
HEADERS = "_headers"
NETLIFY_TOML = "netlify.toml"
VERCEL_JSON = "vercel.json"
FIREBASE_JSON = "firebase.json"
AZURE_JSON = "staticwebapp.config.json"
WRANGLER = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")
"""The names of Cloudflare's configuration file, in the order of the search."""

Pages = Literal["", "netlify", "auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"]
"""The way in which addresses of pages are handled. The empty value is Easel's own handling. Netlify's handling serves a
page at every form of its address. Cloudflare's four values redirect to one form."""

REDIRECTING = frozenset({301, 302, 303, 307, 308})
"""Statuses that redirect a client. With any other status, the content of the line's target is sent."""

LARGEST_SEARCHED = 32 * 1024 * 1024
"""Maximum size (bytes) of a rules file. The part after LARGEST_FILE bytes is only searched for guards (lines that
protect something from visitors)."""
LARGEST_FILE = 2 * 1024 * 1024
"""Maximum number of bytes of a rules file that are parsed."""
MOST_REDIRECTS = 10_000
"""Maximum number of redirect lines that are in force."""
MOST_ODD = 500
"""Maximum number of places with a placeholder or a wildcard inside a segment, over all paths in force, because an index
cannot distinguish such places."""
MOST_DOUBLE = 25
"""Maximum number of paths in force with two wildcards, because they are searched at many places of a request's path."""
MOST_CONDITIONS = 200
"""Maximum number of conditions in force, because an index finds no line by them, and each of them reads a part of a
request."""
MOST_SEGMENTS = 100_000
"""Maximum number of segments of all paths in force, because an edge holds each segment in memory."""
MOST_TEXT = 2 * LARGEST_FILE
"""Maximum number of characters of all lines and blocks in force. One entry of another host's file may stand for many
lines."""
MOST_BLOCKS = 2_000
"""Maximum number of header blocks in force."""
LONGEST_LINE = {"netlify": 8_000, "cloudflare": 2_000}
"""Maximum number of characters of a redirect line, by dialect. A line in `_headers` may have 8,000 in each dialect."""
LARGEST_BLOCK = 16 * 1024
"""Maximum number of bytes of the names and values in one header block."""


NotFound = Literal["", "none", "404-page", "single-page-application"]
"""The response for an address without a file: Easel's own rules, a plain 404, the nearest 404.html, or index.html."""


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """A project's settings for its rules: the dialect, the handling of pages' addresses, the response for addresses
    without a file, and whether a deploy goes on if a guard (a line that protects something) is refused."""

    choice: Choice = "auto"
    pages: Pages = ""
    not_found: NotFound = ""
    guards: bool = False


AS_IT_COMES = RuleSettings()


class Condition(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False, forbid_unknown_fields=True):
    """A condition on one part of a request: the path, the host, or the query parameter, cookie or header `name`.

    `value` is an expression that the whole part must match in one pass, in the form of Python's `re`. Its named groups
    capture text for the target. If it is empty, any value matches. With `absent`, no such value may be there.
    """

    part: Literal["path", "host", "query", "cookie", "header"]
    name: str = ""
    value: str = ""
    absent: bool = False

    @property
    def of_visitor(self) -> bool:
        """Returns true if the part differs between visitors of one address."""
        return self.part in ("cookie", "header")


# There may be thousands of redirects, and none is in a reference cycle, so the garbage collector can skip them.
class Redirect(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One redirect line in force: its target for requests that match its path, host, query and conditions.

    `source` is a path pattern (decoded, with a leading '/'), `host` a host pattern with its scheme ('' for every host),
    `query` the required parameters, each with a value or a `:name` that captures it. A status of REDIRECTING redirects
    the client to `target`. Any other status sends the content of `target`. A forced line applies before files. If the
    line has `languages`, `countries` or `cookies` (names, or `name=value`), one value of each must match. The line does
    not apply to a path that matches a pattern in `excepts`. `only` limits the characters and the length that a
    placeholder accepts (`[0-9]{4}`). The line does not apply to a request with a query parameter or a cookie that
    `absent` contains. All `conditions` must hold. `line` is its number in the file, counted from 1.
    """

    line: int
    source: str
    target: str
    status: int
    forced: bool = False
    host: str = ""
    query: tuple[tuple[str, str], ...] = ()
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    file: str = REDIRECTS
    excepts: tuple[str, ...] = ()
    only: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[Literal["query", "cookie"], str], ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def redirects(self) -> bool:
        """Returns true if the line redirects the client. Otherwise, it sends the content of its target."""
        return self.status in REDIRECTING

    @property
    def conditional(self) -> bool:
        """Returns true if the line depends on the visitor's language, country, cookies or headers, so that its response
        differs between visitors."""
        if self.languages or self.countries or self.cookies:
            return True
        # A file may have thousands of lines, and most lines have neither `absent` nor `conditions`.
        if not self.absent and not self.conditions:
            return False
        return any(kind == "cookie" for kind, _ in self.absent) or any(one.of_visitor for one in self.conditions)

    @property
    def guards(self) -> bool:
        """Returns true if the line hides paths: from all visitors, or from those without a cookie."""
        if not self.forced or self.status >= 400 or not (self.absent or self.conditions):
            return self.forced and self.status >= 400
        return any(kind == "cookie" for kind, _ in self.absent) or any(
            one.absent and (one.part == "cookie" or one.name == "cookie") for one in self.conditions
        )

    @property
    def is_for_all(self) -> bool:
        """Returns true if the line applies to every request for every path of its source, without further
        conditions."""
        depends = self.languages or self.countries or self.cookies or self.query or self.host or self.absent
        return not (depends or self.conditions or self.excepts or self.only)


class HeaderBlock(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """Headers for the paths that match a pattern, in the file's order. Paths that match a pattern of `excepts` do not
    get them. A value of None removes the header. `only` and `conditions` have the same meaning as in `Redirect`. If
    the block is `strict`, letters of the path match in the same case only. If it `fills`, captured text replaces the
    placeholders in values."""

    line: int
    path: str
    headers: tuple[tuple[str, str | None], ...]
    host: str = ""
    file: str = HEADERS
    excepts: tuple[str, ...] = ()
    only: tuple[tuple[str, str], ...] = ()
    conditions: tuple[Condition, ...] = ()
    strict: bool = False
    fills: bool = False

    @property
    def depends_on_visit(self) -> bool:
        """Returns true if the headers depend on more than the path."""
        return bool(self.host) or any(one.part != "path" for one in self.conditions)


class RefusedLine(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A line of a rules file that is not in force, and the reason. `guards` is true if the line protected something
    from visitors."""

    file: str
    line: int
    text: str
    reason: str
    guards: bool = False


class LineNote(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A remark on a line that is in force: for example, a word has no effect, or a file hides the line."""

    file: str
    line: int
    text: str


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """All redirects and headers that a version declares. `because` is the reason for the dialect, `pages` the handling
    of pages' addresses, and `not_found` the response for addresses without a file. `limited` are stored rules that this
    release does not know (see `rules.stored`)."""

    dialect: Dialect
    because: str = ""
    pages: Pages = ""
    not_found: NotFound = ""
    redirects: tuple[Redirect, ...] = ()
    headers: tuple[HeaderBlock, ...] = ()
    refused: tuple[RefusedLine, ...] = ()
    notes: tuple[LineNote, ...] = ()
    limited: tuple[dict[str, Any], ...] = ()

    @property
    def guards_lost(self) -> tuple[RefusedLine, ...]:
        """Returns the refused lines of the rules files that should have protected something from visitors."""
        return tuple(line for line in self.refused if line.guards)
