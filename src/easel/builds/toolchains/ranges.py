"""Which version a range means, by npm's rules."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key

from nodesemver import compare, make_semver, satisfies, valid_range

from easel.builds.toolchains.errors import VersionRangeError, VersionUnavailableError

LONGEST_RANGE = 200
"""Characters of a range that are read; a longer one is none."""

SUPPORTED = "22 || 24 || 26 || 28 || 30 || 32"
"""The majors of Node with long-term support that still get it: odd ones never do, older ones no longer."""


def check_range(tool: str, wanted: str) -> str:
    """The range without spaces around it. Raises VersionRangeError when npm would not read it."""
    text = wanted[: LONGEST_RANGE + 1].strip()
    if len(text) > LONGEST_RANGE or "\n" in text or valid_range(text, loose=True) is None:
        raise VersionRangeError(tool=tool, wanted=text[:60])
    return text


def is_within(version: str, wanted: str) -> bool:
    """Whether the range admits the version."""
    return bool(satisfies(version, wanted, loose=True))


def newest_first(tool: str, versions: Iterable[str], wanted: str) -> list[str]:
    """The versions that the range admits, at least one, the newest first. Raises VersionUnavailableError, which names
    what there is."""
    known = list(versions)
    found = [version for version in known if is_within(version, wanted)]
    if not found:
        raise VersionUnavailableError(tool=tool, wanted=wanted, available=available(known))
    by_age = cmp_to_key(lambda one, other: int(compare(one, other, loose=True)))
    return sorted(found, key=by_age, reverse=True)


def newest(tool: str, versions: Iterable[str], wanted: str) -> str:
    """The newest version that the range admits. Raises VersionUnavailableError, which names what there is."""
    return newest_first(tool, versions, wanted)[0]


def available(versions: Iterable[str]) -> str:
    """The newest release of each major version, newest first, at most twelve, with commas between."""
    best: dict[int, tuple[tuple[int, int, int], str]] = {}
    for version in versions:
        parsed = make_semver(version, loose=True)
        if parsed.prerelease:
            continue
        order = (parsed.major, parsed.minor, parsed.patch)
        if parsed.major not in best or order > best[parsed.major][0]:
            best[parsed.major] = (order, version)
    return ", ".join(best[major][1] for major in sorted(best, reverse=True)[:12]) or "none"
