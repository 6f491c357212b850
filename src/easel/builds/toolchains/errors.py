"""Errors of preparing a build's toolchain."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError


class ToolchainError(EaselError):
    """Easel cannot prepare the build's toolchain: {reason}"""

    status = 502
    code = "toolchain_unavailable"


class RegistryUnreachableError(ToolchainError):
    """The package registry did not respond to the request for {package}: {reason}. Deploy again. If the registry still
    does not respond, Easel's operator must check the registry in the builder's npm configuration."""

    code = "registry_unreachable"


class RegistryUnknownError(ToolchainError):
    """The builder does not know its package registry, because npm is not installed. Install `easel[builder]`, or set
    `npm_config_registry`."""

    status = 503
    code = "registry_unknown"


class ToolIntegrityError(ToolchainError):
    """The downloaded package {package} is not the requested package, because its {algorithm} digest differs. Deploy
    again. If `packageManager` in package.json contains a checksum, check it."""

    code = "tool_integrity"


class ToolPackageError(ToolchainError):
    """The package {package} cannot be unpacked: {reason}"""

    code = "tool_package_invalid"


class ToolsTooLargeError(ToolchainError):
    """In the last two hours, builds requested more versions of Node and package managers than fit into {limit} bytes.
    Deploy again later, or use a version that other builds use. Easel's operator sets the limit with
    EASEL_BUILD_CACHE_BYTES."""

    status = 503
    code = "tools_too_large"


class VersionUnavailableError(BadRequestError):
    """{tool} {wanted} is not available. The available versions are {available}."""

    code = "tool_version_unavailable"


class VersionRangeError(BadRequestError):
    """`{wanted}` is neither a version of {tool} nor a range of versions. Write a version or range like `22`, `^22.12.0`
    or `>=20 <25`."""

    code = "tool_version_invalid"


class PythonUnavailableError(ToolchainError):
    """The builder has no Python with the modules `venv` and `ensurepip`. On Debian, install the package
    `python3-venv`."""

    status = 503
    code = "python_unavailable"
