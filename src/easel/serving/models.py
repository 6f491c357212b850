"""What is served, what is asked, what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from easel.bundles.models import Manifest, Member
from easel.bundles.restarts import Restart
from easel.rules.matching.visit import Visit
from easel.serving.addresses import PRODUCTION
from easel.serving.paths import Address, read_target
from easel.serving.published import PublishedSite
from easel.serving.site_rules import SiteRules


@dataclass(frozen=True, slots=True)
class Site:
    """What one address serves: a version of an app in an environment.

    `environment` is the name of one or a version's own ('v3'). `modified_at` (unix seconds) is when the address began
    to serve what it serves. `is_one_page` says whether its page answers all addresses without a file.
    """

    app_id: str
    slug: str
    environment: str
    version: int
    manifest: Manifest
    modified_at: int
    published: PublishedSite
    api_base_url: str = "/api"
    rules: SiteRules | None = None
    is_one_page: bool = True

    @property
    def indexable(self) -> bool:
        """Whether search engines may list it: in production alone, and where the app asks for it."""
        return self.published.indexable and self.environment == PRODUCTION


@dataclass(frozen=True)
class Request:
    """The parts of a request that decide the answer. `target` is the path and query as they were sent, read as
    Latin-1."""

    method: str
    target: str
    accept: str | None = None
    accept_encoding: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_range: str | None = None
    range: str | None = None
    fetch_dest: str | None = None
    fetch_mode: str | None = None
    service_worker: str | None = None
    host: str = ""
    scheme: str = "http"
    cookie: str | None = None
    accept_language: str | None = None
    country: str | None = None

    @cached_property
    def address(self) -> Address:
        """The address that the target spells. Raises PathInvalidError."""
        return read_target(self.target)

    @cached_property
    def visit(self) -> Visit:
        """What rules look at in the request."""
        path, _, query = self.target.partition("?")
        return Visit(
            path, query, self.host, self.scheme, self.cookie or "", self.accept_language or "", self.country or ""
        )

    @property
    def reads(self) -> bool:
        """Whether it asks for an address, and for nothing to be done there."""
        return self.method in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the site that answers a request, and with which status and caching.

    `lasting` is whether it answers the address for as long as the site is live; `varies` names the request's headers
    that have decided for it. `is_stand_in` says that it answers an address that names nothing.
    """

    path: str
    member: Member
    status: int
    cache_control: str
    source: Site
    lasting: bool = True
    is_stand_in: bool = False
    varies: tuple[str, ...] = ()

    @property
    def is_html(self) -> bool:
        """Whether the file is a page, which gets the runtime object."""
        return self.member.type.startswith("text/html")


@dataclass(frozen=True, slots=True)
class Fixed:
    """An answer that needs no file: a redirect, an error, a generated robots.txt. `varies` as a file's; `lasting` is
    whether it answers the address without a query for as long as the site is live, whoever asks."""

    status: int
    body: bytes
    content_type: str
    cache_control: str
    location: str | None = None
    varies: tuple[str, ...] = ()
    lasting: bool = False


Found = File | Fixed
"""What a stage of the chain answers with."""

Encoding = Literal["identity", "gzip", "br", "zstd"]


@dataclass(frozen=True, slots=True)
class Part:
    """A body that lies in a bundle: bytes `start` to `stop` of the file's content in an encoding.

    'identity' is inflated where it has to be, from `restart` on where that is known. The others are always whole:
    'gzip' is a deflated member's raw bytes in a gzip frame, 'zstd' the raw bytes of a member that is compressed so.
    """

    member: Member
    source: Site
    encoding: Encoding
    start: int
    stop: int
    restart: Restart | None = None


@dataclass(frozen=True, slots=True)
class Unmade:
    """A body that is not there, in an encoding of which only the length is known, or 0 in its place."""

    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `length` is the body's length in bytes, also for HEAD and 304, whose body is not sent.

    `of` is what the body was taken from, which so stays in memory, and is known to, while the answer is sent; `source`
    is the site whose file it is, where it is one's.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | memoryview | Part | Unmade
    length: int
    of: object = None
    source: Site | None = None

    def with_only(self, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
        """The answer with these headers in place of its own."""
        return Answer(self.status, headers, self.body, self.length, self.of, self.source)

    def with_headers(self, *more: tuple[bytes, bytes]) -> Answer:
        """The answer with these headers behind its own."""
        return Answer(self.status, (*self.headers, *more), self.body, self.length, self.of, self.source)
