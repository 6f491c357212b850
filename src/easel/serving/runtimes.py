"""The ways in which pages get the runtime object."""

from __future__ import annotations

from typing import Literal, get_args

Runtime = Literal["inline", "external", "off"]
"""The runtime object is in the page, loaded from `/_easel/runtime.js`, or left out. If it is left out, pages are sent
byte for byte (`build_config.runtime`)."""
INLINE: Runtime = "inline"
RUNTIMES: dict[str, Runtime] = {name: name for name in get_args(Runtime)}
