"""The addresses and ports of the roles, and their number of processes."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from easel.settings.machine import Role

_METRICS_ABOVE = 1000


class AddressSettings(BaseSettings):
    """The addresses and ports of the roles, and their number of processes."""

    domain: str = Field(default="localhost", description="The domain of the apps: each app is served at {slug}.DOMAIN.")
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    api_processes: int = Field(default=1, ge=1, le=64)
    api_url: str | None = Field(
        default=None, description="Public URL of the api. If not set, the address of each request is used."
    )
    edge_host: str = "127.0.0.1"
    edge_port: int = Field(default=8080, ge=1, le=65535)
    edge_processes: int = Field(default=1, ge=1, le=64)
    edge_scheme: str = "http"
    edge_public_port: int | None = Field(
        default=None, description="Port in the addresses of apps. If not set, edge_port is used."
    )
    country_header: str | None = Field(
        default=None,
        max_length=64,
        pattern=r"^[A-Za-z0-9-]*$",
        description="Request header in which a proxy sends the country of a visitor, for `Country=` in `_redirects`.",
    )
    keep_alive: int = Field(
        default=75,
        ge=1,
        le=3600,
        description="Idle timeout in seconds of connections to api and edge. It must be longer than the idle timeout "
        "of the load balancer in front of them.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address on which metrics are served. It must not be public."
    )
    api_metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of the metrics of an api process. Several processes on a machine use consecutive ports. If "
        "not set: api_port + 1000. 0 means no metrics.",
    )
    edge_metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of the metrics of an edge process. If not set: edge_port + 1000. 0 means no metrics.",
    )
    worker_metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the metrics of a worker process. If not set: no metrics."
    )
    builder_metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of the metrics of a builder process. If not set: no metrics."
    )

    def metrics_port(self, role: Role) -> int | None:
        """Returns the port on which the first process of the role on this machine serves its metrics. Returns None if
        the metrics have no port."""
        if role in ("worker", "builder"):
            return self.worker_metrics_port if role == "worker" else self.builder_metrics_port
        public, given = (
            (self.api_port, self.api_metrics_port) if role == "api" else (self.edge_port, self.edge_metrics_port)
        )
        if given is None:
            # The port for metrics is a thousand above the public port, or a thousand below if there is no such port.
            return public + _METRICS_ABOVE if public + _METRICS_ABOVE + 64 <= 65535 else public - _METRICS_ABOVE
        return given or None

    def metrics_variable(self, role: Role) -> str:
        """Returns the name of the variable that sets the role's port for metrics."""
        return f"EASEL_{role.upper()}_METRICS_PORT"

    @property
    def public_edge_port(self) -> int:
        """Returns the port that visitors use in an app's address."""
        return self.edge_public_port if self.edge_public_port is not None else self.edge_port
