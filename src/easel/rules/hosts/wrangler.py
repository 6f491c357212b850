"""Reads `wrangler.json`, `wrangler.jsonc` and `wrangler.toml`: the settings of a Cloudflare site for the addresses of
its pages.

The two settings are in the file's `assets`. The rest of the file concerns scripts, which Easel does not run.
"""

from __future__ import annotations

import re
import tomllib

import msgspec

from easel.rules.files.reading import Reading
from easel.rules.hosts.entries import decoded
from easel.rules.hosts.netlify_toml import LARGEST, bounded
from easel.rules.models import NotFound, Pages

# The closing quote is optional. A text without a closing quote is not valid JSON, but this way the search does not
# start again at each of its quotes.
_STRING = r'"(?:[^"\\\n]++|\\.)*+"?'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*+|/\*(?:.*?\*/|.*\Z)", re.DOTALL)
_LAST_COMMA = re.compile(rf"({_STRING})|,(?=\s*+[}}\]])", re.DOTALL)


class _Assets(msgspec.Struct):
    html_handling: Pages = ""
    not_found_handling: NotFound = ""


class _File(msgspec.Struct):
    main: str = ""
    assets: _Assets | None = None
    pages_build_output_dir: str = ""


def read_wrangler(name: str, text: str, reading: Reading) -> bool:
    """Reads the settings in a Cloudflare configuration file (`text`) with this name into `reading`, which collects
    them. Returns true if the file describes a site: it has `assets`, or sets a folder."""
    file = decoded(name, _File, lambda: _values(name, text), reading, guards=False)
    if file is None:
        return False
    assets = file.assets or _Assets()
    reading.pages, reading.not_found = assets.html_handling, assets.not_found_handling
    is_site = file.assets is not None or bool(file.pages_build_output_dir)
    if is_site and file.main:
        reading.note(name, 0, "Easel does not run the script in `main`. It serves only the files, with their rules.")
    return is_site


def _values(name: str, text: str) -> object:
    if name.endswith(".toml"):
        return tomllib.loads(bounded(text))
    if len(text) > LARGEST:
        raise ValueError(f"it has {len(text)} characters; the limit is {LARGEST}")
    plain = _COMMENT.sub(lambda match: match[1] or " ", text)
    return msgspec.json.decode(_LAST_COMMA.sub(lambda match: match[1] or "", plain))
