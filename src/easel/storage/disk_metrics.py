"""Reports the free space of the disk to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from easel.storage.disk_reserve import DiskReserve


class DiskCollector(Collector):
    """Exports two metrics of the disk of the data folder: its free bytes, and the bytes that must stay free."""

    def __init__(self, reserve: DiskReserve) -> None:
        self._reserve = reserve

    def describe(self) -> Iterator[Metric]:
        """Yields the metrics of the disk without their values."""
        yield GaugeMetricFamily("easel_disk_free_bytes", "Free bytes on the disk of the data folder")
        yield GaugeMetricFamily("easel_disk_reserve_bytes", "Free bytes below which uploads and deploys are refused")

    def collect(self) -> Iterator[Metric]:
        """Yields the current metrics of the disk. Yields no metrics while the disk cannot be read."""
        try:
            room = self._reserve.room()
        except OSError:
            return
        free, reserve = self.describe()
        for family, value in ((free, room.free), (reserve, room.kept)):
            assert isinstance(family, GaugeMetricFamily)
            family.add_metric([], value)
            yield family
