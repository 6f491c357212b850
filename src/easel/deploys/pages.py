"""Warns about pages of a bundle into which Easel does not write the app's public variables, and about files that
earlier visitors keep."""

from __future__ import annotations

from collections.abc import Mapping

from easel.bundles.models import NO_PLACE, Member
from easel.bundles.names import printable
from easel.bundles.pages import LARGEST
from easel.bundles.root import ENTRY_POINT
from easel.serving.published import PublishedSite
from easel.serving.runtime import RUNTIME_PATH

_INSTEAD = f'To load the variables in a page anyway, put `<script src="/{RUNTIME_PATH}"></script>` into the page.'


def pages_without_variables(
    files: Mapping[str, Member], vouched: Mapping[str, str], published: PublishedSite
) -> list[str]:
    """Returns warnings about pages that are served without the app's variables, because another file states the page's
    hash and a changed page would not match it. `vouched` maps each of these pages to that file."""
    said: list[str] = []
    if published.runtime == "off" or not published.variables:
        return said
    if vouched:
        first = min(vouched, key=lambda path: (path != ENTRY_POINT, path))
        said.append(
            f"{_pages(first, len(vouched))} sent unchanged, without the app's variables, because "
            f"`{printable(vouched[first])}` contains its hash. {_INSTEAD}"
        )
    large = sorted(path for path, one in files.items() if one.place not in (None, NO_PLACE) and one.size > LARGEST)
    if large:
        said.append(
            f"{_pages(large[0], len(large))} sent without the app's variables, because Easel does not change pages "
            f"of more than {LARGEST // (1024 * 1024)} MiB. {_INSTEAD}"
        )
    entry = files.get(ENTRY_POINT)
    if entry is not None and entry.place == NO_PLACE and ENTRY_POINT not in vouched:
        said.append(
            f"`{ENTRY_POINT}` is sent without the app's variables, because Easel cannot write a script into it: it "
            f"has neither a doctype nor `<html>`, `<head>` or `<body>`, or it is an AMP page, or its encoding is not "
            f"supported. {_INSTEAD}"
        )
    return said


def pages_out_of_reach(vouched: Mapping[str, str], published: PublishedSite) -> str | None:
    """Returns a log note for an app without public variables: it lists the pages that would not get variables which are
    set later."""
    if published.runtime == "off" or published.variables or not vouched:
        return None
    first = min(vouched, key=lambda path: (path != ENTRY_POINT, path))
    return (
        f"{_pages(first, len(vouched))} sent unchanged, because `{printable(vouched[first])}` contains its hash. "
        f"Variables that are set later will be missing there. {_INSTEAD}"
    )


def files_that_visitors_keep(
    files: Mapping[str, Member], precached: Mapping[str, str], earlier: Mapping[str, Member]
) -> str | None:
    """Returns a warning about files whose content changed, although the service worker lists them without a revision.
    Browsers that have the worker see no change, and keep the earlier file.

    `precached` maps each listed file to the worker's script. `earlier` are the files of the app's latest version.
    Returns None if there are no such files.
    """
    kept = [
        path
        for path in sorted(precached)
        if path in files and path in earlier and files[path].hash != earlier[path].hash
    ]
    if not kept:
        return None
    return (
        f"{_pages(kept[0], len(kept))} different from the latest version, but `{printable(precached[kept[0]])}` lists "
        f"{'it' if len(kept) == 1 else 'them'} without a revision. Visitors with this service worker may keep the "
        f"earlier content. Give changed files another name, or let the build write revisions (vite-plugin-pwa: keep "
        f"files without a hash in their name out of `public/assets/`)."
    )


def _pages(first: str, count: int) -> str:
    more = "" if count == 1 else " and 1 more page" if count == 2 else f" and {count - 1} more pages"
    return f"`{printable(first)}`{more} {'is' if count == 1 else 'are'}"
