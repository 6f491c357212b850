"""The metrics of an edge: its recorder's counts, and the sizes of its caches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from easel.edge.cache.content import Content
from easel.edge.cache.watched_store import EdgeStore
from easel.edge.recorder import FAST, FULL, Recorder
from easel.edge.routing.freshness import Freshness
from easel.edge.routing.table import RouteTable
from easel.edge.sites import Sites
from easel.storage.disk_metrics import DiskCollector


class EdgeCollector(Collector):
    """Exports the counters of an edge process to Prometheus."""

    def __init__(
        self,
        recorder: Recorder,
        freshness: Freshness,
        table: RouteTable,
        sites: Sites,
        content: Content,
        store: EdgeStore,
        requests: Callable[[], int],
    ) -> None:
        self._table = table
        self._requests = requests
        self._recorder = recorder
        self._freshness = freshness
        self._sites = sites
        self._content = content
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yields the current metrics of the edge process."""
        requests = CounterMetricFamily("easel_edge_requests", "Responses by path (fast, full)", labels=["path"])
        statuses = CounterMetricFamily("easel_edge_answers", "Responses by status", labels=["status"])
        by_path, by_status = Counter({FAST: 0, FULL: 0}), Counter[int]()
        for (path, status), count in self._recorder.answers().items():
            by_path[path] += count
            by_status[status] += count
        for path, count in by_path.items():
            requests.add_metric([path], count)
        for status, count in sorted(by_status.items()):
            statuses.add_metric([str(status)], count)
        yield requests
        yield statuses
        answers = CounterMetricFamily("easel_edge_app_answers", "Responses of an app", labels=["app"])
        sent = CounterMetricFamily(
            "easel_edge_app_sent_bytes", "Bytes of response bodies sent for an app", labels=["app"]
        )
        for app_id, tally in self._recorder.apps.items():
            answers.add_metric([app_id], sum(tally.answers.values()))
            sent.add_metric([app_id], tally.sent)
        yield answers
        yield sent
        yield CounterMetricFamily(
            "easel_edge_earlier_assets", "Assets served from an earlier version", value=self._recorder.earlier
        )
        yield CounterMetricFamily(
            "easel_edge_unreadable", "Requests whose files could not be read", value=self._recorder.unreadable
        )
        yield CounterMetricFamily(
            "easel_edge_refresh_timeouts",
            "Requests served with the last known state, because the database did not respond",
            value=self._freshness.timeouts,
        )
        yield GaugeMetricFamily(
            "easel_edge_fresh", "1 if the database responds, else 0", value=int(self._freshness.healthy)
        )
        yield GaugeMetricFamily(
            "easel_edge_store_up",
            "1 if the object store responded to the last request, else 0",
            value=int(self._store.answers),
        )
        cached = GaugeMetricFamily(
            "easel_edge_cache_bytes", "Approximate bytes of the caches in memory", labels=["kind"]
        )
        disk = self._content.disk
        cached.add_metric(["sites"], self._sites.weight + self._sites.versions_weight)
        cached.add_metric(["content"], self._content.weight)
        cached.add_metric(["pages"], self._sites.large.weight)
        cached.add_metric(["requests"], self._requests())
        # This includes the index of objects on disk, and the objects that are in memory because the disk is full.
        cached.add_metric(["bundles"], disk.bookkeeping + disk.in_memory)
        cached.add_metric(["routes"], self._table.weight)
        yield cached
        yield GaugeMetricFamily(
            "easel_edge_disk_bytes", "Bytes of a bucket's bundles cached on disk", value=disk.weight
        )
        yield CounterMetricFamily("easel_edge_store_fetches", "Requests to the bucket for bundles", value=disk.fetches)
        yield CounterMetricFamily(
            "easel_edge_store_bytes", "Bytes of bundles fetched from the bucket", value=disk.fetched
        )


def registry(
    recorder: Recorder,
    freshness: Freshness,
    table: RouteTable,
    sites: Sites,
    content: Content,
    store: EdgeStore,
    requests: Callable[[], int],
) -> CollectorRegistry:
    """Returns the Prometheus registry with the metrics of one edge process. `requests` is a function that returns the
    memory (bytes) of the caches of request heads."""
    made = CollectorRegistry()
    made.register(EdgeCollector(recorder, freshness, table, sites, content, store, requests))
    made.register(DiskCollector(store.reserve))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=made)
    return made


def exposition(made: CollectorRegistry) -> bytes:
    """Returns the current metrics of a registry in Prometheus' text format."""
    return generate_latest(made)
