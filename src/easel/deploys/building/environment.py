"""The inputs of a build: the app's build settings, its variables and secrets, and the facts of the deploy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from easel.access.sealed import is_sealed
from easel.access.secrets import Vault
from easel.builds.detect.models import BuildOptions
from easel.bundles.names import printable
from easel.deploys.deploy_row import DeployRow
from easel.outgoing.hosts import HostRules
from easel.repositories.models import Repository
from easel.repositories.providers.hosts import build_hosts
from easel.repositories.remote_url import read_url
from easel.schemas import SEALED
from easel.serving.addresses import Addresses
from easel.settings import Settings

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST: Final = 512 * 1024
"""Maximum size in bytes of all variables of a build together. The system passes little more to a program (execve(2):
ARG_MAX)."""


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """The inputs of a build: the options that the deploy sets (`wanted`) and that the app sets (`of_app`), the hosts
    that it may reach, and the app's variables. `secrets` are values that the log must not show. `notes` are lines for
    the log."""

    wanted: BuildOptions
    of_app: BuildOptions
    hosts: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...]


def inputs_of(
    settings: Settings,
    vault: Vault,
    app: Mapping[str, Any],
    deploy: DeployRow,
    slug: str,
    repository: Repository | None,
) -> BuildInputs:
    """Returns the inputs of the deploy's build. They come from the app's `build_config`, the deploy's `build_config`,
    and the repository. Raises SecretUnreadableError."""
    own = deploy.build_config or {}
    public = {name: value for name, value in (app.get("env_vars") or {}).items() if isinstance(value, str)}
    opened = {name: vault.open(value[SEALED]) for name, value in (app.get("secrets") or {}).items() if is_sealed(value)}
    variables, notes, room = {}, [], LARGEST
    for name, value in {**public, **opened}.items():
        room -= len(name.encode()) + len(value.encode()) + 2
        if not _NAME.fullmatch(name) or "\0" in value or room < 0:
            reason = (
                f"all variables together would exceed {LARGEST // 1024} KiB" if room < 0 else "the name is not valid"
            )
            notes.append(f"Note: the variable `{printable(name)}` is not passed to the build: {reason}.")
        else:
            variables[name] = value
    hosts, refused = _hosts(settings, app, own)
    if repository is not None:
        hosts = (*hosts, *build_hosts(read_url(repository.repo_url)))
    return BuildInputs(
        wanted=options_of(own),
        of_app=options_of(app, repository.root if repository is not None else None),
        hosts=hosts,
        environment={**variables, **_facts(settings, deploy, slug)},
        secrets=tuple(opened.values()),
        notes=(*notes[:20], *refused[:20]),
    )


def _hosts(settings: Settings, *configs: Mapping[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    """Returns those hosts in the app's `build_hosts` that the operator allows, and a note for each host that is not
    allowed."""
    offered = HostRules.of((*settings.build_hosts, *settings.app_build_hosts))
    wanted = list(dict.fromkeys(host for config in configs for host in config.get("build_hosts") or ()))
    refused = [host for host in wanted if not offered.covers(host)]
    return tuple(host for host in wanted if host not in refused), [
        f"Note: the build cannot reach `{printable(host)}`, although `build_hosts` requests it. Easel's operator "
        f"must allow this host with EASEL_APP_BUILD_HOSTS."
        for host in refused
    ]


def options_of(config: Mapping[str, Any], root: str | None = None) -> BuildOptions:
    """Returns the build options that a `build_config` contains. `root` is used if the `build_config` sets no root."""
    ignore = config.get("ignore")
    return BuildOptions(
        root=config.get("root") or root,
        framework=config.get("preset"),
        install=config.get("install"),
        build=config.get("build"),
        output=config.get("output"),
        node=config.get("node"),
        package_manager=config.get("package_manager"),
        ignore=tuple(ignore) if ignore is not None else None,
    )


def _facts(settings: Settings, deploy: DeployRow, slug: str) -> dict[str, str]:
    """Returns the variables of a build that Easel sets (docs/behaviour.md, "Builds")."""
    facts = {
        "CI": "1",
        "EASEL": "1",
        "EASEL_APP": slug,
        "EASEL_ENVIRONMENT": deploy.environment,
        "EASEL_DEPLOY_ID": deploy.id,
        "EASEL_URL": Addresses.of(settings).url(deploy.environment, slug),
        "EASEL_GIT_COMMIT": deploy.git_commit_sha or "",
        "EASEL_GIT_BRANCH": deploy.git_branch or "",
    }
    return {name: value for name, value in facts.items() if value}
