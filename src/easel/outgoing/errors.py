"""Errors of connections to hosts that users name."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError


class DestinationRefusedError(BadRequestError):
    """{host} has the address {address}, which is not public. An operator who wants Easel to connect to it adds its
    network to EASEL_PRIVATE_NETWORKS."""

    code = "destination_refused"


class HostUnknownError(EaselError):
    """The host {host} has no address: {reason}."""

    status = 502
    code = "host_unknown"


class HostUnreachableError(EaselError):
    """The host {host} does not accept connections on port {port}: {reason}."""

    status = 502
    code = "host_unreachable"


class HostRuleInvalidError(BadRequestError):
    """`{rule}` is not a host. Write `example.com`, `*.example.com` or `example.com:8443`."""

    code = "host_rule_invalid"


class AnswerTooLargeError(EaselError):
    """{host} answered with more than {limit} bytes."""

    status = 502
    code = "answer_too_large"
