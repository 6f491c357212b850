"""Errors of rules files (such as `_redirects`), with which a deploy fails."""

from __future__ import annotations

from easel.errors import BadRequestError


class RulesFileTooLargeError(BadRequestError):
    """`{name}` is {size} bytes long; the limit for a rules file is {limit}. Shorten the file."""

    code = "rules_file_too_large"


class GuardRefusedError(BadRequestError):
    """{place}: {reason} This line protects a part of the app, and Easel cannot apply it. Change the line. Or
    allow deploys without this protection: set `allow = ["guards"]` in easel.toml or in the app's `build_config`."""

    code = "guard_refused"
    others: tuple[str, ...] = ()
    """The sentences on the other lines that are refused or have a remark."""
