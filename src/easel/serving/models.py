"""The values of serving: a site, a request and a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from easel.bundles.models import Manifest, Member
from easel.bundles.restarts import Restart
from easel.rules.matching.visit import Visit
from easel.serving.addresses import PRODUCTION
from easel.serving.paths import Address, read_target, without_dots
from easel.serving.published import PublishedSite
from easel.serving.site_rules import SiteRules
from easel.unlocked import cached_property


@dataclass(frozen=True, slots=True)
class Site:
    """The content of one host: a version of an app in an environment.

    `environment` is an environment's name, or a version's own name ('v3'). `modified_at` (unix seconds) is the time
    when the host began to serve this version. `is_one_page` is true if the app's page is the response for every address
    without a file.
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
        """Returns true if search engines may list the site. This requires that it is the production environment, and
        that the app's owner allows it."""
        return self.published.indexable and self.environment == PRODUCTION


# The slow path creates at least one of these values for each request, and a struct takes a fifth of a dataclass's time.
class Request(msgspec.Struct, frozen=True, dict=True):
    """Those parts of a visitor's request on which the response depends.

    `target` is the path and query as sent, decoded as Latin-1.
    """

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
        """Returns the path and query of the request's target in decoded form. Raises PathInvalidError."""
        return read_target(self.target)

    @cached_property
    def visit(self) -> Visit:
        """Returns the parts of the request that redirect and header rules can match."""
        path, _, query = self.target.partition("?")
        return Visit(
            without_dots(path),
            query,
            self.host,
            self.scheme,
            self.cookie or "",
            self.accept_language or "",
            self.country or "",
            self.accept or "",
            self.fetch_dest or "",
            self.fetch_mode or "",
            self.service_worker or "",
        )

    @property
    def reads(self) -> bool:
        """Returns true if the request only reads (GET or HEAD)."""
        return self.method in ("GET", "HEAD")


class File(msgspec.Struct, frozen=True):
    """A file of the site as the response to a request, with its status and `Cache-Control`.

    `lasting` is true if the address gets this file until the site changes. `varies` lists the request headers on which
    the choice of the file depended. `is_stand_in` is true if there is no file at the address, and this file is sent in
    its place.
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
        """Returns true if the file is an HTML page. The runtime object is written into pages."""
        return self.member.type.startswith("text/html")


class FixedAnswer(msgspec.Struct, frozen=True):
    """A response without a file: a redirect, an error, or a generated robots.txt.

    `varies` lists the request headers on which the response depends. `lasting` is true if every request for this
    address without a query gets this response until the site changes. `of_pattern` is true if the response comes from a
    rule whose pattern matches any number of addresses.
    """

    status: int
    body: bytes
    content_type: str
    cache_control: str
    location: str | None = None
    varies: tuple[str, ...] = ()
    lasting: bool = False
    of_pattern: bool = False


Found = File | FixedAnswer
"""The result of a stage that answers a request."""

Encoding = Literal["identity", "gzip", "br", "zstd"]


@dataclass(frozen=True, slots=True)
class BundleSlice:
    """A body that is read from a bundle: the bytes `start` to `stop` of the file's content, as encoded for the
    response.

    For 'identity', a compressed member is inflated. It is inflated from `restart` on if a point is known where
    inflating can begin in the middle of the member. With any other encoding, the body is always sent as a whole: 'gzip'
    is a deflated member's raw bytes in a gzip frame, and 'zstd' is the raw bytes of a Zstandard member.
    """

    member: Member
    source: Site
    encoding: Encoding
    start: int
    stop: int
    restart: Restart | None = None


@dataclass(frozen=True, slots=True)
class DeferredBody:
    """A body that is compressed only when it is sent, with this encoding. The response has its length if it is known,
    or 0."""

    encoding: Encoding


class Answer(msgspec.Struct, frozen=True):
    """A complete response.

    `length` is the body's length in bytes, even for HEAD and 304, which send no body. `of` refers to the owner of the
    body's bytes, so that they stay in memory while the response is sent. `source` is the site that the file belongs to.
    It is None if the response is not a file.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | memoryview | BundleSlice | DeferredBody
    length: int
    of: object = None
    source: Site | None = None

    def with_only(self, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
        """Returns a copy of the response in which these headers replace all headers."""
        return Answer(self.status, headers, self.body, self.length, self.of, self.source)

    def with_headers(self, *more: tuple[bytes, bytes]) -> Answer:
        """Returns a copy of the response with these headers appended."""
        return Answer(self.status, (*self.headers, *more), self.body, self.length, self.of, self.source)
