"""The one settings object. Every field is an `EASEL_*` variable; the flags of `easel serve` set them too."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024 * 1024
_METRICS_ABOVE = 1000

Role = Literal["api", "worker", "builder", "edge"]
BuildKind = Literal["sandboxed", "unsandboxed", "off"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
ROLES: tuple[Role, ...] = get_args(Role)
"""All roles, in the order in which they are started."""

COMMAND_LINE = ("EASEL_SERVER", "EASEL_API_KEY", "EASEL_APP", "EASEL_TRACEBACK")
"""The variables of the command line, which are no settings of a server."""
OF_BUILDS = ("EASEL_ENVIRONMENT", "EASEL_URL", "EASEL_DEPLOY_ID", "EASEL_GIT_COMMIT", "EASEL_GIT_BRANCH")
"""The variables that Easel sets for the builds of apps, which are no settings either."""
_OF_OTHERS = re.compile(
    r"""EASEL_((SUPERVISOR|PROXY)$|TEST_|CHAOS_|FUZZ)      # of processes that Easel starts, and of its tests
    |   EASEL_(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d+_)  # of containers, where something beside them is called `easel`""",
    re.VERBOSE,
)


_UNESCAPED = re.compile(r"[@:/]|%(?![0-9A-Fa-f]{2})")
"""Characters that a password in an address may contain only in escaped form."""


RESERVE = re.compile(r"(?P<bytes>[0-9]{1,18})|(?P<percent>[0-9]{1,2}(\.[0-9]+)?)%")
"""A number of bytes, or a percentage below 100 with its sign."""


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_RULE = re.compile(
    rf"(?=.{{1,262}}\Z)(?P<name>\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)
"""A host that may be reached, in lower case: a name, `*.` and a name, or `*` for every host; with or without a port."""


class Settings(BaseSettings):
    """How this Easel runs. Sizes are bytes, durations seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="EASEL_", extra="ignore")

    role: Annotated[tuple[Role, ...] | None, NoDecode] = Field(
        default=None,
        description="The roles that `easel serve` runs on one of several machines: api, worker, builder, edge, "
        "separated by commas. None is all of them, on a single machine.",
    )
    data_dir: Path = Field(default=Path("data"), description="Folder of the embedded parts and local state.")
    database_url: str | None = Field(
        default=None, description="The URL of PostgreSQL; None is the embedded one in data_dir."
    )
    objects_url: str | None = Field(
        default=None, description="The URL of the object store (s3://, gs://, az://); None is data_dir/objects."
    )
    secret_key: SecretStr | None = Field(
        default=None, description="The key that signs URLs and encrypts secrets; None uses a file in data_dir."
    )

    domain: str = Field(default="localhost", description="Apps answer at {slug}.DOMAIN.")
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    api_processes: int = Field(default=1, ge=1, le=64)
    edge_host: str = "127.0.0.1"
    edge_port: int = Field(default=8080, ge=1, le=65535)
    keep_alive: int = Field(
        default=75,
        ge=1,
        le=3600,
        description="Idle timeout of connections to api and edge: longer than that of the load balancer in "
        "front of them.",
    )
    api_url: str | None = Field(default=None, description="Public address of the api; None takes the request's own.")
    edge_scheme: str = "http"
    country_header: str | None = Field(
        default=None,
        max_length=64,
        pattern=r"^[A-Za-z0-9-]*$",
        description="Header in which a proxy names a visitor's country, for `Country=` in `_redirects`.",
    )
    edge_public_port: int | None = Field(default=None, description="Port in apps' addresses; None is edge_port.")
    edge_processes: int = Field(default=1, ge=1, le=64)

    metrics_host: str = Field(default="127.0.0.1", description="Address on which metrics are served: not a public one.")
    api_metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="The port of an api's metrics; several apis on a machine take consecutive ports. None is a "
        "thousand above api_port, 0 turns them off.",
    )
    edge_metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="The port of an edge's metrics; None is a thousand above edge_port."
    )

    worker_processes: int = Field(default=1, ge=1, le=64)
    worker_concurrency: int = Field(default=4, ge=1, le=64)
    heartbeat: float = Field(default=1.0, gt=0, description="Seconds between a worker's heartbeats.")
    stalled_after: float = Field(
        default=4.0, gt=0, description="Seconds without a heartbeat after which a worker counts as dead."
    )
    worker_metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="The port of a worker's metrics; None turns them off."
    )
    deploy_deadline: float = Field(default=600.0, gt=0, description="Deadline of a deploy.")
    step_deadline: float = Field(default=300.0, gt=0, description="Deadline of each step of a deploy.")
    pin_deadline: float | None = Field(default=None, gt=0, description="Deadline of the step that copies the upload.")
    inspect_deadline: float | None = Field(
        default=None, gt=0, description="Deadline of the step that checks the bundle."
    )
    ingest_deadline: float | None = Field(
        default=None, gt=0, description="Deadline of the step that stores the bundle."
    )
    deploys_at_once: int | None = Field(
        default=None, ge=1, description="Limit of deploys that run at the same time on all machines; None is no limit."
    )
    deploys_at_once_per_organisation: int = Field(
        default=32, ge=0, description="The same for those of one organisation; 0 is no limit."
    )

    builder_processes: int = Field(default=1, ge=1, le=64)
    builder_metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="The port of a builder's metrics; None turns them off."
    )
    builder_idle: float = Field(
        default=300.0, ge=0, description="Seconds after which an idle builder of a single machine ends; 0 is never."
    )
    builds_at_once: int | None = Field(
        default=None, ge=1, description="Limit of builds that run at the same time on all machines; None is no limit."
    )
    builds_at_once_per_organisation: int = Field(
        default=2, ge=0, description="The same for those of one organisation; 0 is no limit."
    )

    build_minutes_per_day: int = Field(
        default=1000, ge=0, description="Limit of an organisation's build minutes in a day (UTC); 0 is no limit."
    )
    max_waiting_builds: int = Field(
        default=100, ge=0, description="Limit of an organisation's deploys waiting to be built; 0 is no limit."
    )

    max_upload_size: int = 512 * MIB
    max_files: int = 100_000
    max_file_size: int = 256 * MIB
    max_total_size: int = 2048 * MIB
    upload_expires: int = 3600
    download_expires: int = 3600
    source_files_max_count: int = 2000
    source_files_max_bytes: int = 10 * MIB

    versions_kept: int | None = Field(
        default=None, ge=1, description="The number of newest versions of each app that are kept; None keeps all."
    )
    versions_kept_for: float | None = Field(
        default=None,
        gt=0,
        description="Seconds for which a version is kept; with both settings, a version is pruned if neither keeps it.",
    )
    skew_retention: float = Field(
        default=7 * 86400.0, description="Seconds for which earlier versions answer for open tabs."
    )
    refresh_timeout: float = Field(
        default=1.0, description="Seconds that a visitor waits for the query of a changed pointer."
    )
    edge_cache_bytes: int = Field(
        default=256 * MIB,
        description="The limit of the memory that an edge uses for its caches; routes are not counted.",
    )
    edge_disk_bytes: int = Field(default=4096 * MIB, description="Disk space of an edge's cache of a bucket's bundles.")
    edge_routes_kept: float = Field(
        default=86400.0,
        ge=0,
        description="Maximum age in seconds of the saved routes with which an edge starts while the database "
        "is unreachable; 0 never uses them.",
    )

    disk_reserve: str | None = Field(
        default=None,
        description="Space that uploads and deploys leave free on the data folder's disk, in bytes or percent "
        "(`5%`). None is the smaller of 1 GiB and 5%.",
    )

    builds: BuildKind = Field(
        default="sandboxed",
        description="How sources are built: sandboxed; unsandboxed, with all rights of Easel's user; off.",
    )
    build_memory: int = Field(
        default=2048 * MIB, ge=64 * MIB, description="Memory limit of a build, for all its processes together."
    )
    build_processor_time: float = Field(
        default=3600.0,
        gt=0,
        description="Limit of a build's processor time, for all its processes on all processors together.",
    )
    build_deadline: float = Field(default=1200.0, gt=0, description="Deadline of a build.")
    build_processes: int = Field(
        default=256, ge=16, description="Limit of a build's simultaneous processes and threads."
    )
    build_disk: int = Field(default=4096 * MIB, ge=16 * MIB, description="Limit of a build's folder on the disk.")
    build_files: int = Field(default=1_000_000, ge=1_000, description="Limit of a build's files and folders.")
    build_log_bytes: int = Field(default=10 * MIB, ge=64 * 1024, description="Limit of a build's log.")
    build_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Additional hosts that builds may reach: `example.com`, `*.example.com`, separated by commas.",
    )
    app_build_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Hosts that an app may add for its builds with `build_hosts`, in the same form."
    )
    build_cache_bytes: int = Field(
        default=10 * 1024 * MIB, ge=0, description="Limit of the build cache on the disk; 0 turns the cache off."
    )
    build_user: int | None = Field(
        default=None,
        ge=1,
        le=4294967000,
        description="First user id for builds if root started Easel; None is 1,900,000,000.",
    )
    github_app_id: str | None = Field(
        default=None, max_length=20, pattern=r"^[0-9]+$", description="A GitHub App's id."
    )
    github_app_slug: str | None = Field(
        default=None, max_length=100, pattern=r"^[a-z0-9-]+$", description="The App's name in GitHub's addresses."
    )
    github_app_private_key: SecretStr | None = Field(default=None, description="The App's private key, as PEM.")
    github_app_private_key_file: Path | None = Field(
        default=None, description="The path of a file with the App's private key."
    )
    github_app_client_id: str | None = Field(default=None, max_length=100, description="Its client id.")
    github_app_client_secret: SecretStr | None = Field(
        default=None, description="The App's client secret, with which GitHub confirms the person who installs it."
    )
    github_app_webhook_secret: SecretStr | None = Field(default=None, description="Its webhook's secret.")
    github_url: str = Field(
        default="https://github.com", description="The address of GitHub, or of an Enterprise Server."
    )
    github_api_url: str = Field(
        default="https://api.github.com", description="The address of its API; for an Enterprise Server, URL/api/v3."
    )
    git_max_bytes: int = Field(
        default=2048 * MIB, ge=MIB, description="Limit of a fetched commit's bytes, and of its written files."
    )
    git_deadline: float = Field(default=600.0, gt=0, description="Deadline for fetching a commit.")
    private_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Private networks that Easel may connect to for its users, as CIDRs separated by commas.",
    )

    rate_limit_per_minute: int = Field(
        default=12_000,
        ge=0,
        description="Limit of an organisation's requests a minute, by weight, at each api process; 0 is no limit.",
    )
    max_log_streams: int = Field(
        default=100, ge=0, description="Limit of an organisation's open log streams at each api process; 0 is no limit."
    )
    max_waiting_upload_bytes: int = Field(
        default=20 * 1024 * MIB,
        ge=0,
        description="Limit of an organisation's uploaded bytes that are not deployed; 0 is no limit.",
    )
    max_waiting_uploads: int = Field(
        default=10_000, ge=0, description="Limit of an organisation's upload URLs without a deploy; 0 is no limit."
    )
    max_apps: int = Field(default=1000, ge=0, description="Limit of an organisation's apps; 0 is no limit.")
    max_configuration_bytes: int = Field(
        default=4096 * MIB,
        ge=0,
        description="Limit of the bytes on disk of an organisation's configurations; 0 is no limit.",
    )
    slug_reserved_for: float = Field(
        default=90 * 86400.0,
        ge=0,
        le=36500 * 86400.0,
        description="Seconds for which a slug stays reserved for its organisation after its app was deleted or "
        "renamed; 0 is not at all.",
    )
    log_level: LogLevel = "INFO"

    @field_validator("role", mode="before")
    @classmethod
    def _roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        named = {name.strip() for name in value.split(",") if name.strip()}
        if not named or not named <= set(ROLES):
            raise ValueError("write one or more of `api`, `worker`, `builder` and `edge`, separated by commas")
        return tuple(role for role in ROLES if role in named)

    @field_validator("log_level", mode="before")
    @classmethod
    def _a_level(cls, level: object) -> object:
        if isinstance(level, str) and level.upper() not in get_args(LogLevel):
            raise ValueError("write DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return level.upper() if isinstance(level, str) else level

    @field_validator("build_hosts", "app_build_hosts", "private_networks", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("build_hosts", "app_build_hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        lowered = tuple(host.lower() for host in hosts)
        wrong = next((host for host in lowered if not HOST_RULE.fullmatch(host)), None)
        if wrong is not None:
            raise ValueError(
                f"write hosts like example.com, *.example.com or example.com:8443; {wrong[:100]!r} is not one"
            )
        return lowered

    @field_validator("private_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ipaddress.ip_network(network)) for network in networks)
        except ValueError as error:
            raise ValueError(f"write networks like 10.0.0.0/8, separated by commas: {error}") from error

    @field_validator("disk_reserve")
    @classmethod
    def _bytes_or_percent(cls, reserve: str | None) -> str | None:
        if reserve is not None and not RESERVE.fullmatch(reserve):
            raise ValueError("write a number of bytes, or a percentage below 100 like 5%")
        return reserve

    @field_validator("secret_key")
    @classmethod
    def _hard_to_guess(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 16:
            raise ValueError("use at least 16 characters, for instance those that `openssl rand -base64 48` prints")
        return key

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("write it like postgresql://user:password@host/database")
        if url is not None and _misread(url):
            raise ValueError("write @ : / % in the password as %40 %3A %2F %25")
        return url

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that run on this machine."""
        roles = self.role or ROLES
        return tuple(role for role in roles if role != "builder" or self.role or self.builds != "off")

    @property
    def builders_stand(self) -> bool:
        """Whether the builders of an `easel serve` always run, and not on demand: on one of several machines, and with
        a port for their metrics."""
        return self.role is not None or self.builder_metrics_port is not None or not self.builder_idle

    @property
    def postgres_dir(self) -> Path:
        """The folder of the embedded PostgreSQL's data."""
        return self.data_dir / "postgres"

    @property
    def objects_dir(self) -> Path:
        """The folder of the folder store's objects."""
        return self.data_dir / "objects"

    @property
    def ballast(self) -> Path:
        """The disk space that is reserved for the embedded PostgreSQL."""
        return self.data_dir / "ballast"

    @property
    def edge_dir(self) -> Path:
        """The folder of the edges' caches on this machine."""
        return self.data_dir / "edge"

    @property
    def run_dir(self) -> Path:
        """The folder of small files that the processes of one machine share at run time."""
        return self.data_dir / "run"

    @property
    def scratch_dir(self) -> Path:
        """The folder of files of running deploys and uploads. It may be lost at any time."""
        return self.data_dir / "scratch"

    def metrics_port(self, role: Role) -> int | None:
        """The port on which the first process of the role on this machine serves its metrics; None for none."""
        if role in ("worker", "builder"):
            return self.worker_metrics_port if role == "worker" else self.builder_metrics_port
        public, given = (
            (self.api_port, self.api_metrics_port) if role == "api" else (self.edge_port, self.edge_metrics_port)
        )
        if given is None:
            # The port is below if there are no ports a thousand above.
            return public + _METRICS_ABOVE if public + _METRICS_ABOVE + 64 <= 65535 else public - _METRICS_ABOVE
        return given or None

    def metrics_variable(self, role: Role) -> str:
        """The variable that sets that port."""
        return f"EASEL_{role.upper()}_METRICS_PORT"

    @property
    def public_edge_port(self) -> int:
        """The port visitors use in an app's address."""
        return self.edge_public_port if self.edge_public_port is not None else self.edge_port


def _misread(url: str) -> bool:
    """Whether a part of the password would be read as a host, and then shown in messages."""
    user = url.partition("?")[0].partition("://")[2].rpartition("@")[0]
    return _UNESCAPED.search(user.partition(":")[2]) is not None


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The `EASEL_…` variables that nothing reads, each with the most similar known one, if there is one."""
    known = [*(f"EASEL_{name.upper()}" for name in Settings.model_fields), *COMMAND_LINE, *OF_BUILDS]
    unknown = sorted(
        name
        for name, value in environment.items()
        if name.upper().startswith("EASEL_")
        and name.upper() not in known
        and not _OF_OTHERS.match(name)
        and not value.startswith(("tcp://", "udp://"))
    )
    return {name: next(iter(difflib.get_close_matches(name.upper(), known, 1)), None) for name in unknown}


@lru_cache
def settings() -> Settings:
    """The settings of this process. They are read once from the environment."""
    return Settings()
