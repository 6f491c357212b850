"""Adds remarks on lines that the two dialects read differently, in files without a sign of either dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from easel.rules.files.reading import Reading
from easel.rules.models import REDIRECTS

_MOST_NAMED = 5


def remark(reading: Reading, has: Callable[[str], bool]) -> None:
    """Adds remarks for two kinds of lines in force that the dialects read differently: a line without a status, and a
    source such as `/a/*`, which may match `/a`. `has` returns true if the bundle contains a file at a path (without its
    leading slash)."""
    lines = {redirect.line for redirect in reading.redirects if redirect.file == REDIRECTS}
    _tell(
        reading,
        [line for line in reading.without_status if line in lines],
        "it has no status, which means 301 in Easel and 302 on Cloudflare. Add a status after the target.",
    )
    _tell(
        reading,
        list(_for_bare_paths(reading, has)),
        'a source such as `/a/*` also matches `/a` in Easel, but not on Cloudflare. Set `rules = "cloudflare"` to '
        "match as on Cloudflare.",
    )


def _for_bare_paths(reading: Reading, has: Callable[[str], bool]) -> Iterator[int]:
    settled: set[str] = set()
    for redirect in reading.redirects:
        source = redirect.source
        bare = source[:-2]
        if redirect.file == REDIRECTS and source.endswith("/*") and bare and bare not in settled:
            name = bare.strip("/")
            is_hidden = not redirect.forced and any(map(has, (name, f"{name}.html", f"{name}/index.html")))
            if not is_hidden:
                yield redirect.line
        if redirect.is_for_all:
            settled.add(source.rstrip("/"))


def _tell(reading: Reading, lines: Sequence[int], text: str) -> None:
    if not lines:
        return
    others = [str(line) for line in lines[1:_MOST_NAMED]]
    if (more := len(lines) - _MOST_NAMED) > 0:
        others.append(f"{more:,} more")
    first, dot, rest = text.partition(". ")
    also = f" (also in line{'s' if len(lines) > 2 else ''} {_listed(others)})" if others else ""
    reading.note(REDIRECTS, lines[0], f"{first}{also}{dot}{rest}")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
