"""The resources that several machines must share."""

from __future__ import annotations

from easel.errors import EaselError
from easel.settings import Settings


class RolesApartError(EaselError):
    """EASEL_ROLE makes this machine one of several machines, which must all share the same {missing}. Set {missing} on
    this machine too, or remove EASEL_ROLE to run everything on this machine."""

    code = "roles_apart"


def require_shared(settings: Settings, *, with_secret: bool = False) -> None:
    """Raises RolesApartError if this machine is one of several, but stores data where the other machines cannot reach
    it."""
    if settings.role is None:
        return
    needed: dict[str, object] = {
        "EASEL_DATABASE_URL": settings.database_url,
        "EASEL_OBJECTS_URL": settings.objects_url,
    }
    if with_secret:
        needed["EASEL_SECRET_KEY"] = settings.secret_key
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise RolesApartError(missing=" and ".join(missing))


def opens_secrets(settings: Settings) -> bool:
    """Returns true if the roles of this machine need the secret key. An api encrypts and signs with it, and a builder
    decrypts secrets for builds."""
    return "api" in settings.roles or "builder" in settings.roles
