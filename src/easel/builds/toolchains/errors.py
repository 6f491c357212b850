"""Why a build's toolchain cannot be had."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError


class ToolchainError(EaselError):
    """The build's toolchain cannot be prepared: {reason}"""

    status = 502
    code = "toolchain_unavailable"


class RegistryUnreachableError(ToolchainError):
    """The package registry did not answer for {package}: {reason}. Deploy again; if that does not help, Easel's
    operator checks the registry that npm is configured with on the builder."""

    code = "registry_unreachable"


class RegistryUnknownError(ToolchainError):
    """The builder does not know which package registry to use, because it has no npm. Install `easel[builder]`, or set
    `npm_config_registry`."""

    status = 503
    code = "registry_unknown"


class ToolIntegrityError(ToolchainError):
    """The package {package} that was downloaded is not the one that was named: its {algorithm} digest differs."""

    code = "tool_integrity"


class ToolPackageError(ToolchainError):
    """The package {package} cannot be unpacked: {reason}"""

    code = "tool_package_invalid"


class ToolsTooLargeError(ToolchainError):
    """Builds asked for more versions of Node and package managers within two hours than {limit} bytes hold. Deploy
    again later, or ask for a version that other builds use; Easel's operator sets the limit with
    EASEL_BUILD_CACHE_BYTES."""

    status = 503
    code = "tools_too_large"


class VersionUnavailableError(BadRequestError):
    """{tool} {wanted} is not available. Available: {available}."""

    code = "tool_version_unavailable"


class VersionRangeError(BadRequestError):
    """`{wanted}` is not a version of {tool}, nor a range of versions. Write one like `22`, `^22.12.0` or `>=20 <25`."""

    code = "tool_version_invalid"


class PythonUnavailableError(ToolchainError):
    """The builder has no Python with the modules `venv` and `ensurepip`. On Debian, install `python3-venv`."""

    status = 503
    code = "python_unavailable"
