"""How pages get the runtime object, as apps choose it."""

from __future__ import annotations

from typing import Literal, get_args

Runtime = Literal["inline", "external", "off"]
"""Within them, from `/_easel/runtime.js`, or not at all, being sent byte for byte (`build_config.runtime`)."""
INLINE: Runtime = "inline"
RUNTIMES: dict[str, Runtime] = {name: name for name in get_args(Runtime)}
