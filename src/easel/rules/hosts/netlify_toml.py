"""`netlify.toml`: its `[[redirects]]` and `[[headers]]`, which come behind the lines of `_redirects` and `_headers`."""

from __future__ import annotations

import tomllib

import msgspec

from easel.rules.files.netlify_line import Conditions, host_and_path
from easel.rules.files.reading import Reading
from easel.rules.hosts.entries import Entries, decoded
from easel.rules.models import NETLIFY_TOML, Redirect

Words = str | list[str]


class _Redirect(msgspec.Struct, rename={"source": "from", "target": "to"}):
    source: str = ""
    target: str = ""
    status: int = 301
    force: bool = False
    query: dict[str, str] = {}
    conditions: dict[str, Words] = {}
    headers: dict[str, str] = {}
    signed: str = ""


class _Headers(msgspec.Struct, rename={"path": "for"}):
    path: str = ""
    values: dict[str, Words] = {}


class _File(msgspec.Struct):
    redirects: list[_Redirect] = []
    headers: list[_Headers] = []


def read_netlify_toml(text: str, reading: Reading) -> None:
    """Reads the file's redirects and headers into `reading`; its build settings are not looked at."""
    file = decoded(NETLIFY_TOML, _File, lambda: tomllib.loads(text), reading, guards=False)
    if file is None:
        return
    entries = Entries(f"{NETLIFY_TOML} redirects", reading)
    for entry in file.redirects:
        guards = (entry.force and entry.status >= 400) or any(name.lower() == "role" for name in entry.conditions)
        if not entries.next(entry.source + entry.target, guards=guards):
            continue
        fitting = Conditions()
        unknown = [name for name, value in entry.conditions.items() if not fitting.take(name, _words(value))]
        if unknown:
            reason = f"Easel knows no condition `{unknown[0][:20]}`, so no visitor would meet it."
            entries.refuse(entry.source, reason, guards=guards)
            continue
        host, source, query = host_and_path(entry.source)
        target = entry.target or (f"{source[:-1]}:splat" if source.endswith("/*") else source)
        pairs = (*query, *entry.query.items())
        entries.redirect(
            Redirect(
                0,
                source,
                target,
                entry.status,
                entry.force,
                host,
                pairs,
                languages=fitting.languages,
                countries=fitting.countries,
                cookies=fitting.cookies,
            )
        )
    entries = Entries(f"{NETLIFY_TOML} headers", reading)
    for block in file.headers:
        joined = {name: ", ".join(_words(value)) for name, value in block.values.items()}
        if entries.next(block.path + "".join(joined.values())):
            entries.headers(block.path if block.path.startswith("/") else f"/{block.path}", joined)


def _words(value: Words) -> list[str]:
    return [value] if isinstance(value, str) else value
