"""Errors of connections to hosts that users name."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError


class DestinationRefusedError(BadRequestError):
    """{host} resolves to {address}, which is not a public address. To let Easel connect to it, an operator must add the
    network of {address} to EASEL_PRIVATE_NETWORKS."""

    code = "destination_refused"


class HostUnknownError(EaselError):
    """The host name {host} cannot be resolved: {reason}. Check its spelling, and the DNS of the server."""

    status = 502
    code = "host_unknown"


class HostUnreachableError(EaselError):
    """The host {host} does not accept connections on port {port}: {reason}. Check that the host is running, and that no
    firewall blocks Easel."""

    status = 502
    code = "host_unreachable"


class HostRuleInvalidError(BadRequestError):
    """`{rule}` is not a valid host. Write `example.com`, `*.example.com` or `example.com:8443`."""

    code = "host_rule_invalid"


class AnswerTooLargeError(EaselError):
    """{host} sent a response of more than {limit} bytes, which Easel does not read. Check the address."""

    status = 502
    code = "answer_too_large"
