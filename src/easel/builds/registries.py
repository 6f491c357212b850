"""The package registries that every build may reach: those that npm, yarn and pip ask by default."""

from __future__ import annotations

from easel.outgoing.hosts import HostRules

REGISTRIES = HostRules(("registry.npmjs.org", "registry.yarnpkg.com", "pypi.org", "files.pythonhosted.org"))
