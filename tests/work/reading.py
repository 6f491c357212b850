"""Every reader of strangers' texts, each with texts of one size and of four times that size.

`test_work` runs `python -m tests.work.reading PART OF` under callgrind, once for each part. Callgrind writes the number
of executed instructions whenever `getppid` is called. The readers come from the code's own tables: the headers of edge
and api, the parameters and bodies of every route, and every regular expression of every module. This module lists only
functions that get such texts later.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from uvicorn.server import ServerState

import easel
from easel.access.secrets import Vault
from easel.access.service import bearer
from easel.api.application import ROUTERS
from easel.api.http.bodies import _read, _read_large
from easel.api.protocol import ApiProtocol
from easel.api.routes.uploads import _plain_range
from easel.apps.config import canonical, masked, masked_text, merge_patch, seal
from easel.apps.rules import check_slug
from easel.bundles.charsets import with_charset
from easel.bundles.chosen_members import choose
from easel.bundles.codings import sent_decoded
from easel.bundles.directory import read_directory
from easel.bundles.hashed_names import find_hashed
from easel.bundles.models import Allowances, Limits
from easel.bundles.names import check_path, decode_name, printable
from easel.bundles.one_page import takes_scripts_from_root
from easel.bundles.pages import script_place
from easel.bundles.root import find_root, home_page, notes, refuse_accidents, refuse_conflicts
from easel.bundles.types import content_type
from easel.bundles.unbuilt import unbuilt_script
from easel.bundles.vouched_pages import digests, digests_in, may_vouch
from easel.cli import project
from easel.cli import text as cli_text
from easel.cli.shipping import ignore, sse
from easel.connections.heads import CLIENTS, LONGEST_PATH, MOST_LINES, VISITORS, HeadRefusedError
from easel.deploys.service import check_source_files
from easel.edge.fast.known_heads import LONGEST, KnownHeads
from easel.edge.fast.plain_request import PlainRequest, read
from easel.errors import EaselError
from easel.repositories.deploy_keys import read_key
from easel.repositories.fetch.failures import meant_by
from easel.repositories.fetch.models import Branch, Remote, check_sha
from easel.repositories.github_app import read_state
from easel.repositories.host_keys import read_known_hosts
from easel.repositories.providers.senders import sender_of
from easel.repositories.remote_url import check_branch, read_url
from easel.repositories.schemas import Provider
from easel.rules.matching.visit import Visit
from easel.rules.models import LONGEST_LINE, Choice, RuleSettings
from easel.rules.read import read_rules
from easel.serving.fingerprint import looks_fingerprinted, may_be_of_an_earlier_version
from easel.serving.negotiate import acceptable, byte_range, not_modified, range_applies
from easel.serving.paths import own_location, read_target
from easel.serving.published import decoded, encoded, encoded_site, published_site, to_store
from easel.serving.runtime import runtime_script
from easel.serving.site_rules import SiteRules, site_rules
from easel.serving.start_check import missing_assets
from easel.settings import Settings
from easel.uploads.service import clean_filename
from easel.versions.diff import FileChange, renames, unified
from tests.bundles.crafted import File, craft
from tests.edge.running import RunningEdge
from tests.serving.building import Place
from tests.work import sources
from tests.work.shapes import FILLS, STARTS, filled, fills_for

TOGETHER = 8
"""Number of readings that are measured together. Quadratic work in one reading exceeds the work of the others in its
group."""
USUAL = 16 * 1024
"""Number of bytes of a text whose length has no known limit."""
REFUSALS = (EaselError, HeadRefusedError, ValidationError, ValueError, RecursionError)


class Case(NamedTuple):
    """A reader, a text, and the work for that many bytes of the text. `size` is the smaller number of bytes."""

    name: str
    size: int
    prepare: Callable[[int], Callable[[], object]]


def of_text(name: str, function: Callable[[str], object], start: str, fill: str, size: int, end: str = "\x01") -> Case:
    """Returns the case of a function of a text."""

    def prepare(length: int) -> Callable[[], object]:
        text = filled(start, fill, length, end)
        return lambda: function(text)

    return Case(f"{name}: {start!r} + {fill!r} …", size, prepare)


class Visitor:
    """Sends requests to an edge through the callbacks of its protocol, the reader of its fast path, and its
    application."""

    def __init__(self, folder: Path) -> None:
        self.edge = RunningEdge(folder)
        self.edge.app("shop", {"index.html": "<head></head>home", "a.txt": b"0123456789" * 100, "404.html": "gone"})
        self.loop = self.edge.loop
        kind: Any = self.edge.server.config.http
        self.protocol = kind(self.edge.server.config, ServerState(), {}, self.loop)
        self.send("/a.txt", [])

    def send(self, target: str, headers: list[tuple[str, str]]) -> None:
        """Sends one request."""
        protocol = self.protocol
        protocol.on_message_begin()
        protocol.url = target.encode("latin-1", "replace")
        protocol._check_target(protocol.url)
        protocol.on_header(b"Host", b"shop.localhost")
        for name, value in headers:
            protocol.on_header(name.encode(), value.encode("latin-1", "replace"))
        read(protocol.url, protocol.headers, head_only=False)
        path, _, query = protocol.url.partition(b"?")
        scope = {
            "type": "http",
            "method": "GET",
            "http_version": "1.1",
            "headers": protocol.headers,
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
        }
        self.loop.run_until_complete(self.edge.edge.app(scope, _never, _ignore))

    def cases(self) -> Iterator[Case]:
        """Yields every header that the edge reads, the path and the query."""
        for header, bound in VISITORS.items():
            name = header.decode()
            for start in STARTS.get(name, ("",)):
                for fill in FILLS:
                    yield of_text(f"edge, {name}", self._header(name), start, fill, bound.most // 4, "x")
            yield Case(f"edge, {name}, many lines", MOST_LINES // 5, self._lines(name))
        for fill in FILLS:
            yield of_text("edge, path", lambda text: self.send("/" + text, []), "", fill, LONGEST_PATH // 4 - 1, "x")
            yield of_text("edge, query", lambda text: self.send("/index?" + text, []), "", fill, LONGEST_PATH, "x")
        for start in (" HTTP/1.1\r\nCookie: ", " HTTP/1.1\r\nReferer: ", ' HTTP/1.1\r\nIf-None-Match: "', "?"):
            for fill in (*FILLS, "\r\nCookie: ", "\r\nCookie:", '"'):
                yield of_text("edge, known head", _known_head, start, fill, LONGEST // 4 - 16, '"')

    def _header(self, name: str) -> Callable[[str], object]:
        return lambda text: self.send("/a.txt", [(name, text)])

    def _lines(self, name: str) -> Callable[[int], Callable[[], object]]:
        return lambda lines: lambda: self.send("/a.txt", [(name, '"x"')] * lines)


def _known_head(text: str) -> None:
    known = KnownHeads()
    head = f"GET /{text}\r\n\r\n".encode("latin-1", "replace")
    known.learn(head, PlainRequest(b"shop.localhost", (b"/", 0), None, head_only=False))
    known.read(head)


async def _never() -> dict[str, object]:
    await asyncio.Event().wait()
    raise AssertionError


async def _ignore(_: object) -> None:
    pass


def api_headers() -> Iterator[Case]:
    """Yields every header that the api reads: in its connection, and then in the routes and services."""
    readers: dict[str, Callable[[str], object]] = {
        "authorization": bearer,
        "range": lambda text: _plain_range(text, 1000),
        "content-type": lambda text: text.split(";")[0].strip().lower(),
    }
    for header, bound in CLIENTS.items():
        name = header.decode()
        for start in STARTS.get(name, ("",)):
            for fill in FILLS:
                yield of_text(f"api, {name}", readers.get(name, str), start, fill, bound.most // 4, "x")


def parameters() -> Iterator[Case]:
    """Yields every parameter of every route, in its path, its query or a header, once for each way of declaring it."""
    seen = set()
    for route in routes():
        for where in ("path", "query", "header"):
            for field in _parameters_of(route.dependant, f"{where}_params"):
                if where == "header":
                    assert field.alias.lower().encode() in CLIENTS, f"no bound says how long {field.alias} may be"
                declared = f"{where} {field.field_info.annotation} {field.field_info.metadata}"
                if declared in seen:
                    continue
                seen.add(declared)
                size = LONGEST_PATH // 4 if where == "path" else ApiProtocol.longest_query // 4
                for fill in FILLS:
                    name = f"{route.path}, {where} parameter {field.alias}"
                    yield of_text(name, partial(_validate, field), "", fill, size)


def _parameters_of(dependant: Dependant, kind: str) -> Iterator[Any]:
    yield from getattr(dependant, kind)
    for inner in dependant.dependencies:
        yield from _parameters_of(inner, kind)


def _validate(field: Any, text: str) -> object:
    return field.validate(text, {}, loc=())


def bodies() -> Iterator[Case]:
    """Yields every field of every body, with all its possible content, once for each way of declaring it."""
    yield from (
        Case(f"a body of {fill!r}", 4 * USUAL, _a_body(head, fill, tail))
        for head, fill, tail in (
            ("[", "1,", "1]"),
            ("", "[", ""),
            ("[", "[],", "1]"),
            ("", '{"a":', ""),
            ('{"a":"', ",[{", '"}'),
            ('{"a":"', '\\"', '"}'),
            ('{"a":"', "\\\\", '"}'),
            ('{"a":"', "\\u0041", '"}'),
            ('{"a":', "7", "}"),
            ('{"a":1.', "7", "}"),
            ('{"a":1', " ", "}"),
            ("", '"', ""),
        )
    )
    seen: set[str] = set()
    for route in routes():
        if route.body_field is not None:
            yield from _fields(route.body_field.field_info.annotation, route.path, seen)


def _a_body(head: str, fill: str, tail: str) -> Callable[[int], Callable[[], object]]:
    def prepare(length: int) -> Callable[[], object]:
        body = filled(head, fill, length, tail).encode()

        def both() -> None:
            _attempt(lambda: _read(body))
            _attempt(lambda: _read_large(body, "a"))

        return both

    return prepare


def _fields(annotation: Any, path: str, seen: set[str]) -> Iterator[Case]:
    for model in _models_in(annotation):
        if repr(model) in seen:
            continue
        seen.add(repr(model))
        for name, field in model.model_fields.items():
            declared = f"{field.annotation} {field.metadata}"
            if declared not in seen:
                seen.add(declared)
                adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]
                where = f"{path}, {model.__name__}.{name}"
                for fill in (" ", "7", "a-", "\u0300\u0316", ",", '"', "/"):
                    yield of_text(where, _in_every_form(adapter), "", fill, USUAL // 4)
                yield Case(f"{where}, many", 500, _many(adapter))
            yield from _fields(field.annotation, path, seen)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _in_every_form(adapter: TypeAdapter[Any]) -> Callable[[str], object]:
    def validate(text: str) -> None:
        for value in (text, {text: ""}, {"a": text}, [text]):
            _attempt(partial(adapter.validate_python, value))

    return validate


def _many(adapter: TypeAdapter[Any]) -> Callable[[int], Callable[[], object]]:
    def prepare(count: int) -> Callable[[], object]:
        values: tuple[object, ...] = (
            {f"{n}": n for n in range(count)},
            {f"{n}": "" for n in range(count)},
            [1] * count,
            [""] * count,
            [[]] * count,
            [{}] * count,
        )

        def validate() -> None:
            for value in values:
                _attempt(partial(adapter.validate_python, value))

        return validate

    return prepare


def routes() -> Iterator[APIRoute]:
    """Yields every route of the api."""
    for router in ROUTERS:
        yield from (route for route in router.routes if isinstance(route, APIRoute))


def patterns() -> Iterator[Case]:
    """Yields every regular expression of a module, used in the ways in which the module uses it."""
    package = Path(easel.__file__ or "").parent
    for file in sorted(package.rglob("*.py")):
        source = file.read_text()
        if "re.compile(" not in source:
            continue
        module = importlib.import_module(".".join(("easel", *file.relative_to(package).with_suffix("").parts)))
        for name, pattern in vars(module).items():
            if not isinstance(pattern, re.Pattern) or f"\n{name} = " not in source:
                continue
            used = rf"\b{name}\.(search|match|fullmatch|findall|finditer|sub)\("
            for method in sorted(set(re.findall(used, source))):
                for start, fill in fills_for(pattern):
                    yield of_text(f"{module.__name__}.{name}.{method}", _asked(pattern, method), start, fill, 256)


def _asked(pattern: re.Pattern[Any], method: str) -> Callable[[str], object]:
    ask = getattr(pattern, method)

    def matched(text: str) -> object:
        data = text.encode() if isinstance(pattern.pattern, bytes) else text
        found = ask("", data) if method == "sub" else ask(data)
        return list(found) if method == "finditer" else found

    return matched


_WEBHOOKS: tuple[tuple[Provider, dict[str, str]], ...] = (
    ("github", {"x-github-event": "push", "content-type": "application/x-www-form-urlencoded"}),
    ("gitea", {"x-gitea-event": "push"}),
    ("gitlab", {"x-gitlab-event": "Push Hook", "webhook-signature": "v1,", "webhook-timestamp": "1"}),
    ("bitbucket", {"x-event-key": "repo:push"}),
)


def _webhook(provider: Provider, headers: dict[str, str], text: str) -> None:
    sender = sender_of(headers, provider)
    for body in (text.encode(), f'{{"ref": "refs/heads/{text}'.encode(), f"payload={text}".encode()):
        sender.signed(headers, body, "secret")
        _attempt(partial(sender.read, headers, body))


def functions() -> Iterator[Case]:
    """Yields functions that get such texts later."""
    place = Place({"index.html": b"home"})
    vault = Vault("tests")
    ruled, ruled_as_cloudflare, ruled_as_vercel = _ruled(), _ruled("cloudflare"), _ruled_as_vercel()
    limits = Settings(data_dir=Path("/nonexistent"))
    readers: dict[str, tuple[Callable[[str], object], int]] = {
        "check_path": (check_path, USUAL),
        "decode_name": (lambda text: decode_name(text.encode(), utf8_flag=False), USUAL),
        "printable": (printable, USUAL),
        "check_slug": (check_slug, USUAL),
        "clean_filename": (clean_filename, 256),
        "check_source_files, path": (lambda text: check_source_files({text: ""}, limits), 4 * USUAL),
        "check_source_files, text": (lambda text: check_source_files({"a": text}, limits), 4 * USUAL),
        "read_target": (lambda text: read_target("/" + _latin(text)), LONGEST_PATH // 4),
        "read_target, escaped": (lambda text: read_target("/" + _escaped(text)), LONGEST_PATH // 36),
        "own_location": (lambda text: own_location("/" + _latin(text)), LONGEST_PATH // 4),
        "looks_fingerprinted": (looks_fingerprinted, 256),
        "may_be_of_an_earlier_version": (may_be_of_an_earlier_version, 256),
        "content_type": (content_type, USUAL),
        "sent_decoded": (lambda text: sent_decoded([f"{text}.js.br", f"{text}.data.gz"], lambda *_: b""), 256),
        "acceptable": (acceptable, 256),
        "byte_range": (lambda text: byte_range("bytes=" + text, 10), USUAL),
        "byte_range, end": (lambda text: byte_range("bytes=1-" + text, 10), USUAL),
        "not_modified": (lambda text: not_modified('"x"', 1, text, None), USUAL),
        "not_modified, date": (lambda text: not_modified('"x"', 1, None, text), 64),
        "range_applies": (lambda text: range_applies('"x"', 1, text), 64),
        "bearer": (lambda text: bearer("Bearer " + text), USUAL),
        "a configuration": (lambda text: _configure(vault, {"a": text, text: "b"}), 4096),
        "runtime_script": (lambda text: runtime_script(place.site(variables={"A": text, text: "b"})), USUAL),
        "script_place": (lambda text: script_place(text.encode()), USUAL),
        "script_place, of a tag": (lambda text: script_place(b"<html " + text.encode()), USUAL),
        "with_charset": (lambda text: with_charset("text/html; charset=", text.encode()), 256),
        "with_charset, of a tag": (lambda text: with_charset("text/html; charset=", b"<meta " + text.encode()), 250),
        "may_vouch": (lambda text: may_vouch(text.encode(), digests_in("a.json")), USUAL),
        "may_vouch, of a script": (lambda text: may_vouch(text.encode(), digests_in("a.js")), USUAL),
        "digests": (lambda text: list(digests(text.encode(), digests_in("a.yml"))), USUAL),
        "digests, of integrity": (lambda text: list(digests(_integrity(text), digests_in("a.html"))), USUAL),
        "missing_assets": (lambda text: missing_assets(place.site(), text), 2048),
        "unified": (lambda text: unified("a", text, text + "x"), USUAL),
        "find_root": (lambda text: find_root([text, "index.html"]), 256),
        "refuse_accidents": (lambda text: refuse_accidents([text], "", Allowances()), 256),
        "unbuilt_script, a page": (lambda text: _unbuilt(index=text), USUAL),
        "unbuilt_script, a package": (lambda text: _unbuilt(package=text), USUAL),
        "unbuilt_script, a script": (lambda text: _unbuilt(script=text), USUAL),
        "unbuilt_script, an import": (lambda text: _unbuilt(script=f"import {text} from './a.js'"), USUAL),
        "takes_scripts_from_root": (lambda text: takes_scripts_from_root(text.encode()), USUAL),
        "home_page": (lambda text: home_page([text]), 256),
        "notes": (lambda text: notes([text], "", [text]), 256),
        "printed": (cli_text.clean, 1024),
        "events": (lambda text: list(sse.events([text.encode()])), USUAL),
        "events, in pieces": (lambda text: list(sse.events(_pieces(text))), 4096),
        "slug_from": (project.slug_from, USUAL),
        "redirect lines": (lambda text: _rules("_redirects", text), USUAL),
        "redirect lines, a source": (
            lambda text: _rules("_redirects", f"/{text} /x 301"),
            LONGEST_LINE["netlify"] // 4,
        ),
        "redirect lines, a target": (
            lambda text: _rules("_redirects", f"/* /{text} 301"),
            LONGEST_LINE["netlify"] // 4,
        ),
        "redirect lines, of Cloudflare": (lambda text: _rules("_redirects", text, "cloudflare"), USUAL),
        "header blocks": (lambda text: _rules("_headers", text), USUAL),
        "header blocks, a value": (lambda text: _rules("_headers", f"/*\n X-A: {text}"), LONGEST_LINE["netlify"] // 4),
        "netlify.toml": (lambda text: _rules("netlify.toml", text), USUAL),
        "wrangler.jsonc": (lambda text: _rules("wrangler.jsonc", text, "cloudflare"), USUAL),
        "wrangler.jsonc, a text": (lambda text: _rules("wrangler.jsonc", f'{{"main": "{text}', "cloudflare"), USUAL),
        "vercel.json": (lambda text: _rules("vercel.json", text), USUAL),
        "vercel.json, a source": (lambda text: _rules("vercel.json", _route("redirects", text)), 2_000),
        "vercel.json, a source with an expression": (
            lambda text: _rules("vercel.json", _route("redirects", f"/a-({text})-b")),
            100,
        ),
        "vercel.json, a condition": (lambda text: _rules("vercel.json", _of_condition(text)), 100),
        "firebase.json, a source": (
            lambda text: _rules("firebase.json", f'{{"hosting":{_route("redirects", text)}}}'),
            2_000,
        ),
        "staticwebapp.config.json, a route": (
            lambda text: _rules("staticwebapp.config.json", json.dumps({"routes": [{"route": text, "redirect": "/"}]})),
            2_000,
        ),
        "firebase.json, an expression": (lambda text: _rules("firebase.json", _of_regex(f"^/{text}$")), 2_000),
        "staticwebapp.config.json, many routes": (
            lambda text: _rules("staticwebapp.config.json", json.dumps({"routes": _routes(text)})),
            400,
        ),
        "rules, a path": (lambda text: _hold(ruled, Visit("/" + text)), LONGEST_PATH // 4 - 1),
        "rules, a path, of Cloudflare": (
            lambda text: _hold(ruled_as_cloudflare, Visit("/" + text)),
            LONGEST_PATH // 4 - 1,
        ),
        "rules, a path, of Vercel": (lambda text: _hold(ruled_as_vercel, Visit("/" + text)), LONGEST_PATH // 4 - 1),
        "rules, a path in a folder, of Vercel": (
            lambda text: _hold(ruled_as_vercel, Visit("/x/" + text)),
            LONGEST_PATH // 4 - 3,
        ),
        "rules, values, of Vercel": (
            lambda text: _hold(
                ruled_as_vercel, Visit("/q", f"k={text}", text, cookie=f"k={text}", accept=text, accept_language=text)
            ),
            1_000,
        ),
        "rules, a query": (lambda text: _hold(ruled, Visit("/q", text)), 2_000),
        "rules, cookies": (lambda text: _hold(ruled, Visit("/q", cookie=text)), 2_000),
        "rules, languages": (lambda text: _hold(ruled, Visit("/q", accept_language=text)), 1_000),
        "rules, a host": (lambda text: _hold(ruled, Visit("/q", host=text)), 64),
        "read_url": (read_url, 500),
        "read_url, a host": (lambda text: read_url(f"https://{text}/x"), 500),
        "read_url, a path": (lambda text: read_url(f"https://h/{text}"), 500),
        "read_url, a user": (lambda text: read_url(f"{text}@h:x"), 500),
        "check_branch": (check_branch, USUAL),
        "check_sha": (check_sha, USUAL),
        "read_known_hosts": (lambda text: read_known_hosts(text, read_url("ssh://h/x")), 5_000),
        "read_known_hosts, a key": (lambda text: read_known_hosts(f"h ssh-rsa {text}", read_url("ssh://h/x")), 5_000),
        "read_known_hosts, a name": (lambda text: read_known_hosts(f"{text} ssh-rsa x", read_url("ssh://h/x")), 5_000),
        "read_key": (lambda text: read_key(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}", ""), 4_000),
        "a state": (lambda text: read_state(vault, text), USUAL),
        "what git says": (
            lambda text: meant_by(f"fatal: {text}", Remote(read_url("ssh://h/x"), "plain"), Branch("main"), 1),
            2_000,
        ),
        **{
            f"a webhook of {provider}": (partial(_webhook, provider, headers), 4 * USUAL)
            for provider, headers in _WEBHOOKS
        },
        "ignore rules": (ignore.rules_for(Path("/nonexistent")).reason, 256),
    }
    for name, (function, size) in readers.items():
        for fill in FILLS:
            yield of_text(name, function, "", fill, size)
    for start in ("", "<p>", "<html ", "<!doctype html>"):
        for fill in (
            "<!doctype ",
            "<!x ",
            "<!-->",
            "</ ",
            "</p>",
            "<p ",
            "<a>",
            "<title>",
            "x<",
            ' a="',
            "<meta charset=x>",
        ):
            yield of_text("script_place", lambda text: script_place(text.encode()), start, fill, USUAL)
            yield of_text(
                "with_charset", lambda text: with_charset("text/html; charset=", text.encode()), start, fill, 250
            )
    for host in ("vercel.json, a source", "firebase.json, a source", "staticwebapp.config.json, a route"):
        for start in ("", "/((?!"):
            for fill in ("(a)", ":a(b)", ":a", "{a}", "/:a?", "@(a)", "a|", "(a|b)"):
                yield of_text(host, readers[host][0], start, fill, 1_800, ").*)")
    yield Case("refuse_conflicts, many", 500, lambda count: lambda: refuse_conflicts(_paths(count), {"a/" * count}))
    yield Case("sent_decoded, many", 500, lambda count: lambda: sent_decoded(_packed(count), lambda *_: b""))
    yield Case("renames, many", 500, lambda count: lambda: renames(_renamed(count)))
    yield Case("a zip of many members", 100, _zip_of_many)
    yield Case("choose, many", 2_000, _choosing)
    yield Case("find_hashed, many", 500, lambda count: lambda: find_hashed(_hashed(count), lambda *_: b""))
    yield Case("a zip whose comment holds ends", USUAL // 2, _zip_of_ends)
    yield Case("a zip whose extra fields are many", USUAL // 2, _zip_of_extras)


def of_sources(folder: Path) -> Iterator[Case]:
    """Yields the files of sources from which a build is planned."""
    folder.mkdir()
    for name, function, size in sources.readers(folder):
        for fill in sources.fills(name):
            yield of_text(name, function, "", fill, size)


def _rules(name: str, text: str, choice: Choice = "netlify") -> None:
    read_rules({name: text.encode()}, RuleSettings(choice, guards=True))


def _route(kind: str, source: str) -> str:
    return json.dumps({kind: [{"source": source, "destination": "/x/:a/$1"}]})


def _of_regex(regex: str) -> str:
    return json.dumps({"hosting": {"redirects": [{"regex": regex, "destination": "/x/:1"}]}})


def _routes(text: str) -> list[object]:
    """Returns a route for each four characters."""
    pieces = (text[at : at + 4] for at in range(0, len(text), 4))
    return [{"route": f"/{piece}/*", "redirect": "/x", "headers": {"X-A": "1"}} for piece in pieces]


def _ruled(choice: Choice = "netlify") -> SiteRules:
    """Returns rules with every kind of pattern, query and condition."""
    lines = [
        "/*/a/*/b /x 301",
        "/a:x-:y/* /y/:x 301",
        "/:a/:b/:c /z 301",
        "/*.html /:splat 301",
        "/v:n*.png /n/:n/:splat 301",
        "/*.:ext /ext/:ext/:splat 301",
        "/q a=:a b=1 /q/:a 301",
    ]
    if choice == "netlify":
        lines += [
            "/q /c 302 Cookie=zz",
            "/q /l 302 Language=zz,zy",
            "http://*.example.com/q /h 301",
            "/a/* /n/:splat 301",
        ]
    else:
        lines = [line for line in lines if "=" not in line]
    blocks = "/*\n  X-A: 1\n/*/a/*/b\n  X-B: 1\n/:a/*\n  X-C: 1\n"
    files = {"_redirects": "\n".join(lines).encode(), "_headers": blocks.encode()}
    rules = read_rules(files, RuleSettings(choice))
    assert rules is not None
    assert not rules.refused or choice == "cloudflare"
    return site_rules(rules)


def _of_condition(text: str) -> str:
    has = [{"type": "query", "key": "k", "value": f"a({text})*b"}]
    return json.dumps({"redirects": [{"source": "/x", "destination": "/y", "has": has}]})


def _ruled_as_vercel() -> SiteRules:
    """Returns rules with every kind of expression that is matched in one pass."""
    values = ("(.*)0", ".*bot.*a.*", "[^/]*;q=0.5", r"(?:a;q=0\.5,)*", r"(\w+)-[a-z]+", "(?<v>.*)", "[a-z0-9]{2,900}x")
    sources = (r"/:a([^/-]+)-(\d+x)", r"/(.*)\.(js|css)", "/x/(.*-(?:a|b))", "/:a-:b-:c", r"/(\d+)-(.*)", "/x/:a(A-)*")
    parts = [("query", "k"), ("cookie", "k"), ("header", "accept"), ("header", "accept-language"), ("host", "")]
    conditions = [{"type": part, "key": key, "value": value} for value in values for part, key in parts]
    redirects: list[dict[str, object]] = [{"source": source, "destination": "/y/$1"} for source in sources]
    redirects += [
        {"source": "/q", "destination": "/y/:v", "has": [one, {"type": "query", "key": "no"}]} for one in conditions
    ]
    headers = [{"source": "/(.*)", "has": [one], "headers": [{"key": "X-A", "value": ":v"}]} for one in conditions]
    text = json.dumps({"redirects": redirects, "headers": headers})
    rules = read_rules({"vercel.json": text.encode()})
    assert rules is not None
    assert not rules.refused, rules.refused
    return site_rules(rules)


def _hold(rules: SiteRules, visit: Visit) -> None:
    rules.redirects.find(visit)
    rules.headers.find(visit)


def _pieces(text: str) -> Iterator[bytes]:
    return (text[at : at + 8].encode() for at in range(0, len(text), 8))


def _latin(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")


def _unbuilt(index: str = "<script type=module src=a.js></script>", package: str = "", script: str = "") -> None:
    files = {"index.html": index, "package.json": package or '{"scripts": {"build": "x"}}', "a.js": script}
    unbuilt_script(files, "index.html", lambda path: files[path].encode("utf-8", "replace"))


def _integrity(text: str) -> bytes:
    return b"".join(b"sha256-" + text[at : at + 43].encode() for at in range(0, len(text), 43))


def _escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _configure(vault: Vault, variables: dict[str, str]) -> None:
    before = seal(vault, {"build_config": {"env_vars": variables, "secrets": variables}}, {})
    after = seal(vault, merge_patch(before, {"build_config": {"secrets": variables}}), before)
    canonical(after)
    masked_text(masked(after))
    assert decoded(encoded_site(to_store(encoded(published_site(after))))).variables is not None


def _paths(count: int) -> list[str]:
    return [f"a/{n}" for n in range(count)]


def _packed(count: int) -> set[str]:
    return {f"a/{n}.data.gz" for n in range(count)} | {f"b/{n}.js.br" for n in range(count)}


def _renamed(count: int) -> list[FileChange]:
    gone = [FileChange(f"a{n}", "removed", "x", None, 1, None, -1) for n in range(count)]
    return gone + [FileChange(f"b{n}", "added", None, "x", None, 1, 1) for n in range(count)]


def _zip_of_many(count: int) -> Callable[[], object]:
    return _reading(craft(*(File(b"f%d" % n, b"") for n in range(count))))


def _choosing(count: int) -> Callable[[], object]:
    entries = read_directory(memoryview(craft(*(File(b"a/%d" % n, b"") for n in range(count)))), Limits())
    return lambda: choose(entries, Limits())


def _hashed(count: int) -> dict[str, tuple[str, int]]:
    return {f"assets/a-{n:08x}.{suffix}": ("0" * 64, 1) for n in range(count) for suffix in ("js", "png", "json")}


def _zip_of_ends(length: int) -> Callable[[], object]:
    data = craft(File(b"index.html", b""))
    comment = b"PK\5\6" * (length // 4)
    return _reading(data[:-2] + len(comment).to_bytes(2, "little") + comment + b"x")


def _zip_of_extras(length: int) -> Callable[[], object]:
    return _reading(craft(File(b"index.html", b"", extra=b"\1\0\0\0" * (length // 4))))


def _reading(data: bytes) -> Callable[[], object]:
    return lambda: read_directory(memoryview(data), Limits())


def _attempt(work: Callable[[], object]) -> None:
    with contextlib.suppress(*REFUSALS):
        work()


def cases(folder: Path) -> Iterator[Case]:
    """Yields all readers."""
    yield from Visitor(folder).cases()
    yield from api_headers()
    yield from parameters()
    yield from bodies()
    yield from patterns()
    yield from functions()
    yield from of_sources(folder / "sources")


def main() -> None:
    """Lists the groups, waits for the start signal, and runs each group at one size, then at four times that size."""
    with tempfile.TemporaryDirectory() as folder:
        found = list(cases(Path(folder)))
        # Values that are computed only once, on first use, must not count as later work.
        for case in found:
            _attempt(case.prepare(64))
        part, of = map(int, sys.argv[1:])
        groups = [found[at : at + TOGETHER] for at in range(0, len(found), TOGETHER)][part::of]
        print(json.dumps([[case.name for case in group] for group in groups]), flush=True)
        sys.stdin.readline()
        # A garbage collection of all imported objects would count as the work of one reading.
        gc.freeze()
        os.getppid()
        for group in groups:
            for times in (1, 4):
                for case in group:
                    _attempt(case.prepare(case.size * times))
                os.getppid()
    os._exit(0)


if __name__ == "__main__":
    main()
