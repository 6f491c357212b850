"""The one settings object. Every field is an `EASEL_*` variable. The options of `easel serve` set fields too."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from easel.settings.addresses import AddressSettings
from easel.settings.builds import BuildSettings
from easel.settings.deploys import DeploySettings
from easel.settings.limits import LimitSettings
from easel.settings.machine import ROLES, MachineSettings, Role
from easel.settings.repositories import RepositorySettings
from easel.settings.visitors import VisitorSettings

__all__ = ["Role", "Settings"]


class Settings(
    LimitSettings,
    RepositorySettings,
    BuildSettings,
    VisitorSettings,
    DeploySettings,
    AddressSettings,
    MachineSettings,
):
    """The settings of this Easel. Sizes are in bytes, and durations in seconds, unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="EASEL_", extra="ignore")

    @property
    def roles(self) -> tuple[Role, ...]:
        """Returns the roles that run on this machine."""
        roles = self.role or ROLES
        return tuple(role for role in roles if role != "builder" or self.role or self.builds != "off")

    @property
    def builders_stand(self) -> bool:
        """Returns true if the builders of an `easel serve` always run, and not only on demand. This is the case on one
        of several machines, and if the builders' metrics have a port."""
        return self.role is not None or self.builder_metrics_port is not None or not self.builder_idle
