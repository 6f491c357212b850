"""Rules files that fail a deploy."""

from __future__ import annotations

from easel.errors import BadRequestError


class RulesFileTooLargeError(BadRequestError):
    """`{name}` has {size} bytes; the limit for a rules file is {limit}. Shorten it."""

    code = "rules_file_too_large"


class GuardRefusedError(BadRequestError):
    """`{name}`, line {line}: {reason} The line guards a part of the app, so the deploy stops here. Change the line, or
    allow the loss with `allow = ["guards"]` in easel.toml or in the app's `build_config`."""

    code = "guard_refused"
