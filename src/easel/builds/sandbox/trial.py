"""Explains why a sandbox cannot be made, and how an operator can fix the problem."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_SWITCHES = (
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
)
"""Kernel settings that forbid user namespaces: the file, the forbidding value, and the line that allows them."""
OTHERWISE = (
    "Or set EASEL_BUILDS=unsandboxed to build without a sandbox: every build then has all rights of Easel's user."
)


def advice() -> str:
    """Returns advice for an operator whose machine does not allow user namespaces."""
    lines = [line for file, value, line in _SWITCHES if _says(file, value)]
    if lines:
        return f"Set {' and '.join(lines)} with sysctl, then start Easel again. {OTHERWISE}"
    return (
        f"In a container, allow user namespaces and an unmasked /proc. In a systemd unit, use the settings of the "
        f"unit in deploy/systemd. {OTHERWISE}"
    )


def _says(file: str, value: str) -> bool:
    with suppress(OSError):
        return Path(file).read_text().strip() == value
    return False
