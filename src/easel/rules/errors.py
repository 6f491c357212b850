"""Rules files that fail a deploy."""

from __future__ import annotations

from easel.errors import BadRequestError


class RulesFileTooLargeError(BadRequestError):
    """`{name}` has {size} bytes; the limit for a rules file is {limit}. Shorten it."""

    code = "rules_file_too_large"


class RulesFileNotTextError(BadRequestError):
    """`{name}` is not UTF-8 text: byte {at} cannot be read. Save it as UTF-8."""

    code = "rules_file_not_text"


class GuardRefusedError(BadRequestError):
    """`{name}`, line {line}: {reason} The line guards a part of the app, so the deploy stops here. Change the line, or
    allow the loss with `allow = ["guards"]` in easel.toml or in the app's `build_config`."""

    code = "guard_refused"
