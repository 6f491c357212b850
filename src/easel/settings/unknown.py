"""Finds variables that look like settings but are not settings, mostly misspelled names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping

COMMAND_LINE = ("EASEL_SERVER", "EASEL_API_KEY", "EASEL_APP", "EASEL_TRACEBACK")
"""The variables of the command line, which are not settings of a server."""
OF_BUILDS = ("EASEL_ENVIRONMENT", "EASEL_URL", "EASEL_DEPLOY_ID", "EASEL_GIT_COMMIT", "EASEL_GIT_BRANCH")
"""The variables that Easel sets for the builds of apps, which are not settings of a server."""
_OF_OTHERS = re.compile(
    r"""EASEL_((SUPERVISOR|PROXY)$|TEST_|CHAOS_|FUZZ)      # variables of processes that Easel starts, and of tests
    |   EASEL_(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d+_)  # variables of containers next to a service named `easel`""",
    re.VERBOSE,
)


def unknown_variables(environment: Mapping[str, str], fields: Collection[str]) -> dict[str, str | None]:
    """Returns the `EASEL_…` variables that nothing reads. Each name maps to the most similar known variable, or to
    None. `fields` are the names of the settings."""
    known = [*(f"EASEL_{name.upper()}" for name in fields), *COMMAND_LINE, *OF_BUILDS]
    unknown = sorted(
        name
        for name, value in environment.items()
        if name.upper().startswith("EASEL_")
        and name.upper() not in known
        and not _OF_OTHERS.match(name)
        and not value.startswith(("tcp://", "udp://"))
    )
    return {name: next(iter(difflib.get_close_matches(name.upper(), known, 1)), None) for name in unknown}
