"""What rules are once they have been read: redirect lines, header blocks, refused lines, notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Dialect = Literal["netlify", "cloudflare"]
"""Whose reading of the files holds."""
Choice = Literal["auto", "netlify", "cloudflare", "off"]
"""What a project may ask for: a dialect, the dialect that the files show signs of, or no rules at all."""
CHOICES: tuple[Choice, ...] = ("auto", "netlify", "cloudflare", "off")

REDIRECTS = "_redirects"
HEADERS = "_headers"
NETLIFY_TOML = "netlify.toml"
VERCEL_JSON = "vercel.json"
FIREBASE_JSON = "firebase.json"
AZURE_JSON = "staticwebapp.config.json"

Pages = Literal["", "netlify", "auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"]
"""How pages' addresses are read: Easel's own way, Netlify's, which serves a page at every form of its address, or one
of Cloudflare's four, which move a page to one form."""

REDIRECTING = frozenset({301, 302, 303, 307, 308})
"""Statuses that send a client elsewhere. All others of a line are given with the target's content."""

LARGEST_FILE = 2 * 1024 * 1024
"""Bytes of a rules file that are read."""
MOST_REDIRECTS = 10_000
"""Redirect lines in force."""
MOST_ODD = 500
"""Places in paths in force, of lines and blocks, with a placeholder or a star inside a segment: an index
cannot tell them apart."""
MOST_DOUBLE = 25
"""Paths in force with two stars, which are looked for at many places of a request's path."""
MOST_SEGMENTS = 100_000
"""Segments of all paths in force: an edge has each of them in memory."""
MOST_TEXT = 2 * LARGEST_FILE
"""Characters of all lines and blocks in force: an entry of another host's file may stand for many of them."""
MOST_BLOCKS = 2_000
"""Header blocks in force."""
LONGEST_LINE = {"netlify": 8_000, "cloudflare": 2_000}
"""Characters of a redirect line, by dialect; of a line in `_headers`, 8,000 in both."""
LARGEST_BLOCK = 16 * 1024
"""Bytes of names and values in one header block."""


NotFound = Literal["", "none", "404-page", "single-page-application"]
"""What answers an address that names nothing: Easel's own way; nothing but a 404; the nearest 404.html; index.html."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a project asks of its rules: whose reading holds, how pages' addresses are read, what answers where nothing
    is, and whether a refused line that guards may be lost."""

    choice: Choice = "auto"
    pages: Pages = ""
    not_found: NotFound = ""
    guards: bool = False


AS_IT_COMES = Wanted()


# Thousands of them come at once, and none can be part of a cycle: the collector need not look at them.
class Redirect(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One line in force: where it leads requests whose path, host, query and conditions it names.

    `source` is a path pattern (decoded, with a leading '/'), `host` a host pattern with its scheme ('' for every
    host), `query` the parameters that must be there, each with a value or a `:name` that takes it. A status of
    REDIRECTING sends the client to `target`, any other gives the content at `target`. A forced line goes before files.
    Of `languages`, `countries` and `cookies` (names), where there are any, one must fit. `line` counts from 1.
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

    @property
    def redirects(self) -> bool:
        """Whether the line sends the client elsewhere."""
        return self.status in REDIRECTING

    @property
    def conditional(self) -> bool:
        """Whether the line looks at more than path, host and query: its answer differs from visitor to visitor."""
        return bool(self.languages or self.countries or self.cookies)


class HeaderBlock(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """Headers for the paths that a pattern names, in the file's order. A value of None takes the header away."""

    line: int
    path: str
    headers: tuple[tuple[str, str | None], ...]
    host: str = ""
    file: str = HEADERS


class Refused(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A line that is not in force, and why. `guards` says that it kept something from visitors."""

    file: str
    line: int
    text: str
    reason: str
    guards: bool = False


class Note(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A remark on a line that is in force: a word that does nothing, a file that hides the line."""

    file: str
    line: int
    text: str


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """All rules of one version. `because` says why the dialect was taken, `pages` how pages' addresses are read,
    `not_found` what answers where nothing is."""

    dialect: Dialect
    because: str = ""
    pages: Pages = ""
    not_found: NotFound = ""
    redirects: tuple[Redirect, ...] = ()
    headers: tuple[HeaderBlock, ...] = ()
    refused: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def guards_lost(self) -> tuple[Refused, ...]:
        """The refused lines that kept something from visitors."""
        return tuple(line for line in self.refused if line.guards)
