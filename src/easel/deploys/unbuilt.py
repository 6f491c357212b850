"""What a deploy was sent, or its app is configured with, that Easel does not do yet: said, never passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from easel.bundles.names import printable

_FUNCTIONS = "api/"


def unbuilt(source_files: Iterable[str] | None, config: Mapping[str, Any]) -> list[str]:
    """What there is to tell: of the paths of the deploy's source files, and of the app's published configuration."""
    said = []
    functions = sorted(path for path in source_files or () if path.startswith(_FUNCTIONS))
    if functions:
        more = f" and {len(functions) - 1} more" if len(functions) > 1 else ""
        said.append(
            f"server functions are not run yet: `{printable(functions[0])}`{more} in `source_files` answers nothing."
        )
    access = config.get("auth_config") or {}
    if fields := sorted(name for name, value in access.items() if value and (name, value) != ("mode", "public")):
        named = ", ".join(f"`{printable(name)}`" for name in fields)
        said.append(f"`auth_config` protects nothing yet ({named}): everybody who knows the address can see the app.")
    if (config.get("build_config") or {}).get("api_allow"):
        said.append("`build_config.api_allow` lets nothing through yet: requests to `/api/` are not passed on.")
    return said
