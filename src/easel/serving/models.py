"""The values of serving: site, request and response."""

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
    """The content of one address: a version of an app in an environment.

    `environment` is an environment's name, or a version's own name ('v3'). `modified_at` (unix seconds) is the time
    when the address began to serve this version. `is_one_page` is true if the app's page is the response for every
    address without a file.
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
        """Returns true if search engines may list the site. This requires production and the app's permission."""
        return self.published.indexable and self.environment == PRODUCTION


# The slow path creates at least one of these values for each request, and a struct takes a fifth of a dataclass's time.
class Request(msgspec.Struct, frozen=True, dict=True):
    """The parts of a request that the response depends on.

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
        """Returns the address in the target. Raises PathInvalidError."""
        return read_target(self.target)

    @cached_property
    def visit(self) -> Visit:
        """Returns the parts of the request that rules match."""
        path, _, query = self.target.partition("?")
        return Visit(
            without_dots(path),
            query,
            self.host,
            self.scheme,
            self.cookie or "",
            self.accept_language or "",
            self.country or "",
        )

    @property
    def reads(self) -> bool:
        """Returns true if the method only reads (GET or HEAD)."""
        return self.method in ("GET", "HEAD")


class File(msgspec.Struct, frozen=True):
    """A file of the site as the response to a request, with its status and caching.

    `lasting` is true if this address gets the file as long as the site is live. `varies` lists the request headers that
    the choice depended on. `is_stand_in` is true if there is no file at the address, and this file replaces it.
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
        """Returns true if the file is a page, which gets the runtime object."""
        return self.member.type.startswith("text/html")


class FixedAnswer(msgspec.Struct, frozen=True):
    """A response without a file: a redirect, an error, or a generated robots.txt.

    `varies` has the same meaning as in `File`. `lasting` is true if every request for this address without a query gets
    this response, as long as the site is live. `of_pattern` is true if the response comes from a rule whose pattern
    matches any number of addresses.
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
    """A body that is read from a bundle: bytes `start` to `stop` of the file's content, as encoded for the response.

    For 'identity', a compressed member is inflated, from `restart` if a point is known where inflating can begin in the
    middle of the member. In the other encodings, the body is always sent as a whole: 'gzip' is a deflated member's raw
    bytes in a gzip frame, and 'zstd' is the raw bytes of a Zstandard member.
    """

    member: Member
    source: Site
    encoding: Encoding
    start: int
    stop: int
    restart: Restart | None = None


@dataclass(frozen=True, slots=True)
class DeferredBody:
    """A body that is compressed only when it is sent. The length is known in advance, or is 0."""

    encoding: Encoding


class Answer(msgspec.Struct, frozen=True):
    """A complete response.

    `length` is the body's length in bytes, also for HEAD and 304, which send no body. `of` refers to the owner of the
    body's bytes, so that it stays in memory while the response is sent. `source` is the site that the file belongs to,
    if the response is a file.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | memoryview | BundleSlice | DeferredBody
    length: int
    of: object = None
    source: Site | None = None

    def with_only(self, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
        """Returns the response with these headers in place of its own."""
        return Answer(self.status, headers, self.body, self.length, self.of, self.source)

    def with_headers(self, *more: tuple[bytes, bytes]) -> Answer:
        """Returns the response with these headers appended."""
        return Answer(self.status, (*self.headers, *more), self.body, self.length, self.of, self.source)
