"""Which version a range means, by npm's rules."""

from __future__ import annotations

from collections.abc import Iterable

from nodesemver import make_semver, max_satisfying, satisfies, valid_range

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


def newest(tool: str, versions: Iterable[str], wanted: str) -> str:
    """The newest version that the range admits. Raises VersionUnavailableError, which names what there is."""
    known = list(versions)
    found = max_satisfying(known, wanted, loose=True)
    if found is None:
        raise VersionUnavailableError(tool=tool, wanted=wanted, available=available(known))
    return str(found)


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
