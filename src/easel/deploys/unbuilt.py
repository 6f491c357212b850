"""Warns about parts of a deploy or of an app's configuration that Easel does not support yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from easel.bundles.names import printable

_FUNCTIONS = "api/"


def unbuilt_in_sources(source_files: Iterable[str] | None) -> list[str]:
    """Returns warnings about the paths of a deploy's source files."""
    functions = sorted(path for path in source_files or () if path.startswith(_FUNCTIONS))
    if not functions:
        return []
    more = f" and {len(functions) - 1} more" if len(functions) > 1 else ""
    return [
        f"Easel does not run server functions yet: `{printable(functions[0])}`{more} in `source_files` has no effect."
    ]


def unbuilt_in_settings(config: Mapping[str, Any]) -> list[str]:
    """Returns warnings about settings in an app's published configuration that have no effect."""
    said = []
    access = config.get("auth_config") or {}
    if fields := sorted(name for name, value in access.items() if value and (name, value) != ("mode", "public")):
        named = ", ".join(f"`{printable(name)}`" for name in fields)
        said.append(
            f"`auth_config` ({named}) is not supported yet and has no effect, so everybody who knows the "
            f"address can see the app."
        )
    if (config.get("build_config") or {}).get("api_allow"):
        said.append(
            "`build_config.api_allow` is not supported yet and has no effect, so requests to `/api/` are not forwarded."
        )
    return said
