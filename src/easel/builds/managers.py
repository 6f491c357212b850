"""The package managers of Node.js projects: their lock files and their commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

ManagerName = Literal["npm", "pnpm", "yarn", "bun"]


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager's files and commands.

    `writes` is the lock file that it writes today. `frozen` installs exactly the content of the lock file, or fails.
    `loose` installs without a lock file. `run` runs a script of the package in the working directory. `execute` runs an
    installed program.
    """

    locks: tuple[str, ...]
    writes: str
    frozen: tuple[str, ...]
    loose: tuple[str, ...]
    run: tuple[str, ...]
    execute: tuple[str, ...]


MANAGERS: Final[Mapping[ManagerName, Manager]] = {
    # npm comes last, because a mistaken `npm install` leaves its lock file next to the real lock file.
    "pnpm": Manager(
        locks=("pnpm-lock.yaml",),
        writes="pnpm-lock.yaml",
        frozen=("pnpm", "install", "--frozen-lockfile", "--prod=false"),
        loose=("pnpm", "install", "--no-frozen-lockfile", "--prod=false"),
        run=("pnpm", "run"),
        execute=("pnpm", "exec"),
    ),
    "bun": Manager(
        locks=("bun.lock", "bun.lockb"),
        writes="bun.lock",
        frozen=("bun", "install", "--frozen-lockfile"),
        loose=("bun", "install"),
        run=("bun", "run"),
        execute=("bun", "run"),
    ),
    "yarn": Manager(
        locks=("yarn.lock",),
        writes="yarn.lock",
        frozen=("yarn", "install", "--immutable"),
        loose=("yarn", "install", "--no-immutable"),
        run=("yarn", "run"),
        execute=("yarn", "run"),
    ),
    "npm": Manager(
        locks=("npm-shrinkwrap.json", "package-lock.json"),
        writes="package-lock.json",
        frozen=("npm", "ci", "--include=dev", "--no-audit", "--no-fund"),
        loose=("npm", "install", "--include=dev", "--no-audit", "--no-fund"),
        run=("npm", "run"),
        execute=("npx", "--no-install"),
    ),
}

YARN_1: Final = Manager(
    locks=("yarn.lock",),
    writes="yarn.lock",
    frozen=("yarn", "install", "--frozen-lockfile", "--non-interactive", "--production=false"),
    loose=("yarn", "install", "--non-interactive", "--production=false"),
    run=("yarn", "run"),
    execute=("yarn", "run"),
)
"""The files and commands of Yarn before version 2."""
