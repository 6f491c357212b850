"""Settings for dividing this Easel among machines, and for its data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from easel.settings.forms import RESERVE

Role = Literal["api", "worker", "builder", "edge"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
ROLES: tuple[Role, ...] = get_args(Role)
"""All roles, in the order in which messages name them."""

_UNESCAPED = re.compile(r"[@:/]|%(?![0-9A-Fa-f]{2})")
"""Characters that a password in an address may contain only in escaped form."""


class MachineSettings(BaseSettings):
    """Settings for dividing this Easel among machines, and for its data."""

    role: Annotated[tuple[Role, ...] | None, NoDecode] = Field(
        default=None,
        description="Roles of this machine if Easel runs on several machines, separated by commas: api, worker, "
        "builder, edge. If not set, this single machine has all roles.",
    )
    data_dir: Path = Field(
        default=Path("data"), description="Folder of the embedded database, the objects and the local state."
    )
    database_url: str | None = Field(
        default=None, description="URL of the PostgreSQL database. If not set: the embedded database in data_dir."
    )
    objects_url: str | None = Field(
        default=None,
        description="URL of the object store (s3://, gs://, az://). If not set: the folder data_dir/objects.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Key that signs URLs and encrypts secrets. If not set, Easel creates one in a file in data_dir.",
    )
    disk_reserve: str | None = Field(
        default=None,
        description="Free space that uploads and deploys must leave on the disk of the data folder, in bytes or "
        "percent (`5%`). If not set: 1 GiB or 5%, whichever is smaller.",
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
            raise ValueError("use at least 16 characters, for example the output of `openssl rand -base64 48`")
        return key

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("write it like postgresql://user:password@host/database")
        if url is not None and _misread(url):
            raise ValueError("write the characters @ : / % in the password as %40 %3A %2F %25")
        return url

    @property
    def postgres_dir(self) -> Path:
        """Returns the folder of the embedded PostgreSQL's data."""
        return self.data_dir / "postgres"

    @property
    def objects_dir(self) -> Path:
        """Returns the folder of the folder store's objects."""
        return self.data_dir / "objects"

    @property
    def ballast(self) -> Path:
        """Returns the path of the ballast: disk space that is reserved for the embedded PostgreSQL."""
        return self.data_dir / "ballast"

    @property
    def edge_dir(self) -> Path:
        """Returns the folder of the edges' caches on this machine."""
        return self.data_dir / "edge"

    @property
    def run_dir(self) -> Path:
        """Returns the folder of small files that the processes of one machine share at run time."""
        return self.data_dir / "run"

    @property
    def scratch_dir(self) -> Path:
        """Returns the folder of temporary files of running deploys and uploads. The folder may be lost at any time."""
        return self.data_dir / "scratch"


def _misread(url: str) -> bool:
    """Returns true if the password in this database URL contains an unescaped character, so that a part of the password
    would be taken for the host, and shown in messages."""
    user = url.partition("?")[0].partition("://")[2].rpartition("@")[0]
    return _UNESCAPED.search(user.partition(":")[2]) is not None
