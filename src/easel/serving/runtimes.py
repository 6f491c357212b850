"""The ways in which pages get the runtime object (an app's public variables)."""

from __future__ import annotations

from typing import Literal, get_args

Runtime = Literal["inline", "external", "off"]
"""Where the runtime object is: in the page (`inline`), in the script `/_easel/runtime.js` (`external`), or nowhere
(`off`). With `off`, pages are sent byte for byte (`build_config.runtime`)."""
INLINE: Runtime = "inline"
RUNTIMES: dict[str, Runtime] = {name: name for name in get_args(Runtime)}
