"""Errors of builds."""

from __future__ import annotations

from easel.errors import EaselError


class SandboxUnavailableError(EaselError):
    """This machine cannot build in a sandbox: {reason}. {advice}"""

    status = 503
    code = "sandbox_unavailable"


class BuildVariableInvalidError(EaselError):
    """The variable `{name}` cannot be passed to a build: {problem}. Change or remove the variable."""

    status = 400
    code = "build_variable_invalid"


class BuildsOffError(EaselError):
    """This server does not build sources, because its operator has set EASEL_BUILDS=off. Build the app on your machine,
    and deploy the output."""

    status = 400
    code = "builds_off"
