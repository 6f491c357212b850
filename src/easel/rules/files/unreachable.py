"""Adds remarks on lines that are in force but have no effect, because an earlier line or a file always comes first."""

from __future__ import annotations

from collections.abc import Callable

from easel.rules.files.reading import Reading
from easel.rules.matching.table import may_step_aside
from easel.rules.models import Dialect, Redirect


def remark(reading: Reading, has: Callable[[str], bool]) -> None:
    """Adds a remark for every redirect line that an earlier line or a file hides, or that redirects to itself. `has`
    returns true if the bundle contains a file at a path (without its leading slash)."""
    settled: dict[str, Redirect] = {}
    everything: Redirect | None = None
    forgiving = reading.dialect == "netlify"
    for redirect in reading.redirects:
        where = (redirect.file, redirect.line)
        key = redirect.source.rstrip("/") if forgiving else redirect.source
        if everything is not None and not _leaves(everything, redirect, reading.dialect):
            reading.note(*where, f"this line has no effect, because line {everything.line} matches every path.")
        elif (first := settled.get(key)) is not None and not may_step_aside(first, reading.dialect):
            reading.note(*where, f"this line has no effect, because line {first.line} matches the same path.")
        if redirect.is_for_all:
            settled.setdefault(key, redirect)
            if everything is None and redirect.source == "/*":
                everything = redirect
        if redirect.target.startswith(redirect.source.rstrip("/")) and _leads_to_itself(redirect, forgiving=forgiving):
            text = "this line redirects to itself, which would never end. Browsers show an error instead."
            reading.note(*where, text)
        elif redirect.target == redirect.source[:-1] + ":splat" and may_step_aside(redirect, reading.dialect):
            reading.note(*where, "this line has no effect, because it redirects every path to itself.")
        if forgiving and not redirect.forced and (hiding := _hiding(redirect, has)):
            reading.note(
                *where,
                f"this line has no effect, because the file `{hiding}` is served instead. Add a `!` after the status "
                f"to apply the line before files.",
            )


def _leaves(everything: Redirect, later: Redirect, dialect: Dialect) -> bool:
    """Returns true if the line `everything`, which matches every path, does not hide the line `later`, because the
    paths of `later` are below the target of `everything`."""
    start = everything.target.partition(":")[0].rstrip("/")
    return may_step_aside(everything, dialect) and later.source.startswith(start)


def _leads_to_itself(redirect: Redirect, *, forgiving: bool) -> bool:
    ends = "/" if forgiving else ""
    return redirect.redirects and redirect.target.rstrip(ends) == redirect.source.rstrip(ends)


def _hiding(redirect: Redirect, has: Callable[[str], bool]) -> str | None:
    """Returns the file that visitors get instead of a redirect line's target. Returns None if there is no such file, or
    if the line matches more than one path."""
    if ":" in redirect.source or "*" in redirect.source:
        return None
    path = redirect.source.strip("/")
    return next((name for name in (path, f"{path}.html", f"{path}/index.html".lstrip("/")) if has(name)), None)
