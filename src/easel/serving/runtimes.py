"""The ways in which pages get the runtime object."""

from __future__ import annotations

from typing import Literal, get_args

Runtime = Literal["inline", "external", "off"]
"""Within the page, from `/_easel/runtime.js`, or not at all: then pages are sent byte for byte
(`build_config.runtime`)."""
INLINE: Runtime = "inline"
RUNTIMES: dict[str, Runtime] = {name: name for name in get_args(Runtime)}
