"""A platform that tests may kill, stop and disconnect."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from obstore.store import S3Store

from easel.storage.embedded import EmbeddedPostgres
from testbed.databases import Migrated
from testbed.running import Platform, free_port, make_platform
from testbed.stores import moto
from tests.system.chaos.database_way import DatabaseWay
from tests.system.chaos.small_disk import SmallDisk, small_disk
from tests.system.chaos.store_way import StoreWay
from tests.system.cluster import Cluster, running_cluster


@pytest.fixture(scope="session")
def mistreated(migrated: Migrated) -> Iterator[Platform]:
    """Yields the platform, not started yet."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        platform = make_platform(Path(folder), EASEL_WORKER_METRICS_PORT=str(free_port()))
        migrated.copy_to(platform.data_dir / "postgres")
        yield platform
        if platform.process is not None and platform.process.poll() is None:
            platform.stop()
        platform.stop_database()


@pytest.fixture
def own(mistreated: Platform) -> Platform:
    """Returns a running platform, whatever the previous test did to it."""
    if mistreated.process is None or mistreated.process.poll() is not None:
        mistreated.start()
    return mistreated


@dataclass(frozen=True)
class Shared:
    """Two machines and their shared database and bucket, reached through proxies that can be cut.

    `disk` is the disk of the second machine, if a disk could be mounted.
    """

    cluster: Cluster
    database: DatabaseWay
    bucket: StoreWay
    direct_url: str
    store: S3Store
    disk: SmallDisk | None


@pytest.fixture(scope="session")
def shared() -> Iterator[Shared]:
    """Yields the machines, running."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as name, moto() as bucket:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "shared" / "postgres")
        direct = server.start()
        (there,) = parse_qs(urlsplit(direct).query)["host"]
        way, port = folder / "way", free_port()
        way.mkdir()
        to_database, to_bucket = DatabaseWay(Path(there) / ".s.PGSQL.5432"), StoreWay(bucket.port)
        store = {**bucket.environment("cluster"), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        try:
            with (
                to_database.listening(way / ".s.PGSQL.5432"),
                to_bucket.listening(port),
                small_disk(folder / "two" / "data") as disk,
                running_cluster(folder, direct.replace(there, str(way)), store, ["one", "two"]) as cluster,
            ):
                yield Shared(cluster, to_database, to_bucket, direct, bucket.objects("cluster"), disk)
        finally:
            server.stop()


@pytest.fixture
def cluster(shared: Shared) -> Cluster:
    """Returns the machines, running."""
    return shared.cluster
