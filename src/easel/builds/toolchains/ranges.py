"""Selects versions by a range, with npm's rules."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cmp_to_key

from nodesemver import compare, make_semver, satisfies, valid_range

from easel.builds.toolchains.errors import VersionRangeError, VersionUnavailableError

LONGEST_RANGE = 200
"""Maximum number of characters of a range. A longer text is not a range."""

SUPPORTED = "22 || 24 || 26 || 28 || 30 || 32"
"""The major versions of Node that have or will have long-term support. These versions have even numbers, and their
support has not ended."""


def check_range(tool: str, wanted: str) -> str:
    """Returns the range without surrounding spaces. Raises VersionRangeError if npm would not accept it."""
    text = wanted[: LONGEST_RANGE + 1].strip()
    if len(text) > LONGEST_RANGE or "\n" in text or valid_range(text, loose=True) is None:
        raise VersionRangeError(tool=tool, wanted=text[:60])
    return text


def is_within(version: str, wanted: str) -> bool:
    """Returns true if the version is in the range `wanted`."""
    return bool(satisfies(version, wanted, loose=True))


def newest_first(tool: str, versions: Iterable[str], wanted: str) -> list[str]:
    """Returns the versions in the range, at least one, newest first. Raises VersionUnavailableError, which lists the
    available versions."""
    known = list(versions)
    found = [version for version in known if is_within(version, wanted)]
    if not found:
        raise VersionUnavailableError(tool=tool, wanted=wanted, available=available(known))
    by_age = cmp_to_key(lambda one, other: int(compare(one, other, loose=True)))
    return sorted(found, key=by_age, reverse=True)


def newest(tool: str, versions: Iterable[str], wanted: str) -> str:
    """Returns the newest version in the range. Raises VersionUnavailableError, which lists the available versions."""
    return newest_first(tool, versions, wanted)[0]


def available(versions: Iterable[str]) -> str:
    """Returns the newest release of each major version, newest first, at most twelve, separated by commas."""
    best: dict[int, tuple[tuple[int, int, int], str]] = {}
    for version in versions:
        parsed = make_semver(version, loose=True)
        if parsed.prerelease:
            continue
        order = (parsed.major, parsed.minor, parsed.patch)
        if parsed.major not in best or order > best[parsed.major][0]:
            best[parsed.major] = (order, version)
    return ", ".join(best[major][1] for major in sorted(best, reverse=True)[:12]) or "none"
