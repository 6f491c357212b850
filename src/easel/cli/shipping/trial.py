"""A deploy without a server: reads the bundle as a worker does, and responds to requests as an edge does."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from easel.bundles.errors import NotAZipError
from easel.bundles.inspect import inspect
from easel.bundles.models import Allowances, BundleRef, Inspection, Limits, Manifest
from easel.cli.errors import SettingInvalidError
from easel.cli.project import Project
from easel.deploys.errors import SmokeTestFailedError
from easel.environments.names import PRODUCTION
from easel.rules.changes import header_texts, redirect_text
from easel.rules.matching.table import RedirectMatch
from easel.rules.models import Choice, NotFound, Pages, Rules, RuleSettings
from easel.rules.read import complaints
from easel.serving.chain import SERVING
from easel.serving.models import File, Request, Site
from easel.serving.published import PublishedSite
from easel.serving.respond import answer_file, answer_fixed, representations
from easel.serving.site_rules import site_rules
from easel.serving.stages import redirects
from easel.serving.start_check import entry, faults, look

COUNTRY_HEADER: Final = "EASEL_COUNTRY_HEADER"
"""The environment variable that sets the name of the header with a visitor's country. Edges read the same variable."""
_OF_BYTES: Final = frozenset({"accept-ranges", "content-length", "etag", "last-modified", "x-easel-version"})
"""Headers that a trial does not show, because they depend on the server's storage of the bytes, on its time, or on the
version's number."""
_FIELDS: Final = {
    "accept": "accept",
    "accept-encoding": "accept_encoding",
    "accept-language": "accept_language",
    "cookie": "cookie",
    "sec-fetch-dest": "fetch_dest",
    "sec-fetch-mode": "fetch_mode",
    "service-worker": "service_worker",
}
_IN_TARGET: Final = "/%?&=-._~!$'()*+,;:@[]"


class RuleLine(msgspec.Struct):
    """A line of a rules file, and its effect, or the reason why it has no effect."""

    file: str
    line: int
    text: str
    reason: str | None = None


class TrialAnswer(msgspec.Struct):
    """The response that an edge would send to a request for an address."""

    method: str
    address: str
    status: int
    location: str | None
    file: str | None
    rule: RuleLine | None
    headers: list[tuple[str, str]]


@dataclass(frozen=True)
class Trial:
    """An accepted bundle: its files and notes, and the resulting site."""

    inspection: Inspection
    site: Site
    warnings: list[str]


def try_bundle(bundle: IO[bytes], project: Project, *, as_is: bool = False) -> Trial:
    """Reads the zip like a deploy of the project, with a server's default limits. Raises the errors of a failed deploy:
    the errors of `bundles` and `rules`, and SmokeTestFailedError."""
    if not bundle.seek(0, os.SEEK_END):
        raise NotAZipError(found="empty")
    data = mmap.mmap(bundle.fileno(), 0, access=mmap.ACCESS_READ)
    allow = Allowances("secrets" in project.allow, "dependencies" in project.allow, sources=as_is)
    inspection = inspect(data, limits=Limits(), allow=allow, rules=rule_settings(project))
    rules = inspection.rules
    manifest = Manifest(
        [BundleRef("", "", len(data))],
        inspection.files,
        has_worker=inspection.has_worker,
        rules=rules,
        home=inspection.home,
        is_one_page=inspection.is_one_page,
    )
    site = Site(
        app_id="",
        slug=project.app or "app",
        environment=PRODUCTION,
        version=1,
        manifest=manifest,
        modified_at=0,
        published=PublishedSite(),
        rules=site_rules(rules) if rules is not None else None,
    )
    return Trial(inspection, site, [*inspection.warnings, *(complaints(rules) if rules else ()), *_start(site, data)])


def rule_settings(project: Project) -> RuleSettings:
    """Returns the settings for reading rules files, from easel.toml."""
    # The values in easel.toml were validated when the file was read.
    return RuleSettings(
        msgspec.convert(project.rules or "auto", Choice),
        msgspec.convert(project.html_handling or "", Pages),
        msgspec.convert(project.not_found_handling or "", NotFound),
        guards="guards" in project.allow,
    )


def _start(site: Site, data: mmap.mmap) -> list[str]:
    """Returns the notes on the entry page. Raises SmokeTestFailedError."""
    asked, decision = entry(site)
    page = decision.found
    errors, notes = faults(site, asked, decision)
    if isinstance(page, File) and not errors:
        member = page.member
        with memoryview(data) as view, view[member.offset : member.offset + member.length] as stored:
            missing, told = look(site, page, stored)
        errors, notes = [*errors, *missing], [*notes, *told]
    if errors:
        raise SmokeTestFailedError(problem=" ".join(errors))
    return notes


def in_force(rules: Rules) -> list[RuleLine]:
    """Returns the effect of each line in force: redirects, then headers."""
    lines = [RuleLine(one.file, one.line, redirect_text(one)) for one in rules.redirects]
    for block in rules.headers:
        lines += [
            RuleLine(block.file, block.line, f"{source.rpartition(' ')[0]} {text}")
            for source, text in header_texts(block)
        ]
    return lines


def check_address(address: str) -> SplitResult:
    """Returns the parts of an address (a path and query, or with scheme and host). Raises SettingInvalidError for a
    malformed address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if not address.startswith(("/", "http://", "https://")) or (parts.scheme and not parts.netloc) or not any(parts):
        raise SettingInvalidError(
            setting="--request", value=address, reason="it must be a path, such as `/old/page?x=1`"
        )
    return parts


def ask(site: Site, address: str, method: str, headers: Sequence[str]) -> TrialAnswer:
    """Returns the response at the address (a path and query, or with scheme and host) to a request with these headers.
    Raises SettingInvalidError for a malformed address or header."""
    parts = check_address(address)
    path = parts.path if parts.scheme else address.partition("?")[0].partition("#")[0]
    target = (path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = dict(_header(line) for line in headers)
    host = (parts.hostname if parts.scheme else None) or sent.get("host", "").partition(":")[0]
    request = Request(
        method.upper(),
        quote(target, safe=_IN_TARGET),
        host=(host or f"{site.slug}.localhost").lower(),
        scheme=parts.scheme or "http",
        country=sent.get(os.environ.get(COUNTRY_HEADER, "").lower()),
        **{field: sent[name] for name, field in _FIELDS.items() if name in sent},
    )
    return _answered(site, address, request)


def _answered(site: Site, address: str, request: Request) -> TrialAnswer:
    decision = SERVING.decide_alone(site, request)
    found = decision.found
    made = answer_file(site, found, representations(found), request) if isinstance(found, File) else answer_fixed(found)
    answer = decision.finish(site, request, made)
    named = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in answer.headers]
    leads: RedirectMatch | None = None
    if decision.passed.stages[-1] in (redirects.FIRST, redirects.LAST) and site.rules is not None:
        leads = site.rules.redirects.find(request.visit)
    return TrialAnswer(
        request.method,
        address,
        answer.status,
        next((value for name, value in named if name == "location"), None),
        found.path if isinstance(found, File) else None,
        RuleLine(leads.by.file, leads.by.line, redirect_text(leads.by)) if leads is not None else None,
        [(name, value) for name, value in named if name not in _OF_BYTES and name != "location"],
    )


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise SettingInvalidError(setting="--header", value=line, reason="it must have the form `Name: value`")
    return name.strip().lower(), value.strip()
