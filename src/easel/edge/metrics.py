"""What the edge counts. Plain integers, so that counting costs the fast path next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from easel.edge.cache.content import Content
from easel.edge.cache.watched_store import EdgeStore
from easel.edge.routing.freshness import Freshness
from easel.edge.routing.table import RouteTable
from easel.edge.sites import Sites
from easel.storage.disk_metrics import DiskCollector


class Counts:
    """The counters of one edge process."""

    __slots__ = ("earlier", "fast", "full", "statuses", "unreadable")

    def __init__(self) -> None:
        self.fast = 0
        self.full = 0
        self.earlier = 0
        self.unreadable = 0
        self.statuses: dict[int, int] = {}

    def answered(self, status: int) -> None:
        """Counts an answer that went the full way."""
        self.full += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1


class EdgeCollector(Collector):
    """Hands the counters to Prometheus."""

    def __init__(
        self,
        counts: Counts,
        freshness: Freshness,
        table: RouteTable,
        sites: Sites,
        content: Content,
        store: EdgeStore,
        requests: Callable[[], int],
    ) -> None:
        self._table = table
        self._requests = requests
        self._counts = counts
        self._freshness = freshness
        self._sites = sites
        self._content = content
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        requests = CounterMetricFamily("easel_edge_requests", "Answers by the way they were made", labels=["path"])
        requests.add_metric(["fast"], self._counts.fast)
        requests.add_metric(["full"], self._counts.full)
        yield requests
        statuses = CounterMetricFamily("easel_edge_answers", "Answers that went the full way", labels=["status"])
        for status, count in sorted(self._counts.statuses.items()):
            statuses.add_metric([str(status)], count)
        yield statuses
        yield CounterMetricFamily(
            "easel_edge_earlier_assets", "Assets answered from an earlier version", value=self._counts.earlier
        )
        yield CounterMetricFamily(
            "easel_edge_unreadable", "Requests whose files could not be read", value=self._counts.unreadable
        )
        yield CounterMetricFamily(
            "easel_edge_refresh_timeouts",
            "Requests that were answered from what was known, since the database did not answer",
            value=self._freshness.timeouts,
        )
        yield GaugeMetricFamily("easel_edge_fresh", "Whether the database answers", value=int(self._freshness.healthy))
        yield GaugeMetricFamily(
            "easel_edge_store_up", "Whether the object store answered when last asked", value=int(self._store.answers)
        )
        cached = GaugeMetricFamily("easel_edge_cache_bytes", "Bytes kept in memory, about", labels=["kind"])
        disk = self._content.disk
        cached.add_metric(["sites"], self._sites.weight + self._sites.versions_weight)
        cached.add_metric(["content"], self._content.weight)
        cached.add_metric(["pages"], self._sites.large.weight)
        cached.add_metric(["requests"], self._requests())
        # What is known of those on disk, and those that are in memory while the disk has no room for more.
        cached.add_metric(["bundles"], disk.bookkeeping + disk.in_memory)
        cached.add_metric(["routes"], self._table.weight)
        yield cached
        yield GaugeMetricFamily("easel_edge_disk_bytes", "Bytes of a bucket's bundles kept on disk", value=disk.weight)
        yield CounterMetricFamily("easel_edge_store_fetches", "Requests for bundles to the bucket", value=disk.fetches)
        yield CounterMetricFamily("easel_edge_store_bytes", "Bytes of bundles from the bucket", value=disk.fetched)


def registry(
    counts: Counts,
    freshness: Freshness,
    table: RouteTable,
    sites: Sites,
    content: Content,
    store: EdgeStore,
    requests: Callable[[], int],
) -> CollectorRegistry:
    """The registry of one edge process. `requests` says how many bytes it takes to remember requests."""
    made = CollectorRegistry()
    made.register(EdgeCollector(counts, freshness, table, sites, content, store, requests))
    made.register(DiskCollector(store.reserve))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=made)
    return made


def exposition(made: CollectorRegistry) -> bytes:
    """The metrics in Prometheus' text format."""
    return generate_latest(made)
