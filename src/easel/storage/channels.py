"""The names under which the roles tell each other about news, by PostgreSQL's NOTIFY."""

from __future__ import annotations

CHANGES_CHANNEL = "easel_changes"
"""Apps whose routing changed; the payload is the app's id."""
DEPLOYS_CHANNEL = "easel_deploys"
"""Deploys that have news (log lines, status); the payload is the deploy's id."""
