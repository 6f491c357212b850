"""Errors of apps: the reasons why an app cannot be created or changed."""

from __future__ import annotations

from easel.errors import BadRequestError, EaselError, LimitReachedError, NotFoundError


class AppNotFoundError(NotFoundError):
    """There is no app {app_id}. Use the app's id (app_…) in the address, not its slug."""

    code = "app_not_found"


class SlugInvalidError(BadRequestError):
    """The slug {slug} cannot be used: {reason}."""

    code = "slug_invalid"


class SlugReservedError(BadRequestError):
    """The slug {slug} is reserved. Choose another slug."""

    code = "slug_reserved"


class SlugTakenError(BadRequestError):
    """The slug {slug} is taken. Choose another slug. If you own the app with this slug, deploy to that app."""

    code = "slug_taken"


class TooManySlugsError(BadRequestError):
    """This organisation has {used} reserved slugs from renamed and deleted apps; the limit is {limit}. Rename fewer
    apps, or wait until the first reservation ends."""

    code = "slug_limit_reached"


class SlugCollidesError(BadRequestError):
    """The slug {slug} looks like the address of another app's environment or version. Choose a slug that does not begin
    like `staging-`, `v1-` or `pr-1-`."""

    code = "slug_collides"


class TooManyAppsError(BadRequestError, LimitReachedError):
    """This organisation has {current} apps; the limit is {limit}. Delete apps that you no longer need."""

    code = "app_limit_reached"
    limit = "apps"


class NothingToRollBackError(BadRequestError):
    """There is no earlier published configuration to roll back to. Only a publish that replaced the configuration of an
    earlier version can be rolled back."""

    code = "nothing_to_roll_back"


class ConfigInvalidError(EaselError):
    """The configuration would not be valid after this change."""

    status = 422
    code = "config_invalid"


class AccessModeNotBuiltError(BadRequestError):
    """Easel does not support the `auth_config.mode` `{mode}` yet, so everybody could see the app. Keep the mode
    `public`, and serve private content from a server of your own for now."""

    code = "access_mode_not_built"


class ConfigTooLargeError(BadRequestError):
    """The configuration would be {size} bytes long; the limit is {limit}. Shorten it."""

    code = "config_too_large"


class EnvVarsTooLargeError(BadRequestError):
    """`build_config.env_vars` would be {size} bytes long as JSON; the limit is {limit}, because every page of the app
    contains these variables. Move large values into a file of the app."""

    code = "env_vars_too_large"
