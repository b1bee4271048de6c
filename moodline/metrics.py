"""Every Prometheus metric of moodline, declared once; its help text is the question that it answers.

Labels are bounded: streams come from the configuration, which also says how many may be added at run time; emotions,
reasons, stages and states from fixed sets.
"""

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from moodline.errors import PortTakenError

Service = Literal["ingest", "worker", "api", "jobs"]
CounterName = Literal[
    "frames",
    "faces",
    "crops",
    "skipped",
    "reconnects",
    "events",
    "batches",
    "dead_letters",
    "model_swaps",
    "jobs_ended",
    "config_changes",
]
GaugeName = Literal[
    "rate_share",
    "subscribers",
    "stream_up",
    "stream_state",
    "last_frame_age",
    "queue_depth",
    "open_tracks",
    "accepted",
    "delivered",
    "dropped",
    "streams_read",
    "worker_ready",
    "model_info",
    "build_info",
    "redis_memory",
    "redis_memory_limit",
    "redis_clients",
    "redis_commands",
    "redis_net",
    "feed_length",
    "dead_letter_length",
    "jobs_known",
    "jobs_oldest_wait",
    "jobs_workers",
]
HistogramName = Literal["batch_size", "stage_seconds", "request_seconds"]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_BATCH: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: who exposes it, its labels, and for a histogram its buckets."""

    name: str
    service: Service
    question: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


COUNTERS: Final[Mapping[CounterName, Metric]] = MappingProxyType(
    {
        "frames": Metric("moodline_frames", "ingest", "How many frames were read?", ("stream",)),
        "faces": Metric("moodline_faces", "ingest", "How many faces were found in frames?", ("stream",)),
        "crops": Metric("moodline_crops", "ingest", "How many crops did the queue accept?", ("stream",)),
        "skipped": Metric("moodline_skipped", "ingest", "How much was never accepted, and why?", ("stream", "reason")),
        "reconnects": Metric("moodline_reconnects", "ingest", "How often was a source opened again?", ("stream",)),
        "config_changes": Metric(
            "moodline_config_changes", "ingest", "How often was a new file taken, how often refused?", ("result",)
        ),
        "events": Metric("moodline_events", "worker", "How many emotion events were published?", ("stream", "emotion")),
        "batches": Metric("moodline_batches", "worker", "How many batches went through the model?"),
        "dead_letters": Metric("moodline_dead_letters", "worker", "How many crops were poison?", ("stream",)),
        "model_swaps": Metric(
            "moodline_model_swaps", "worker", "How many new models were taken, how many refused?", ("result",)
        ),
        "jobs_ended": Metric("moodline_jobs_ended", "jobs", "How many jobs have ended, and how?", ("kind", "state")),
    }
)

GAUGES: Final[Mapping[GaugeName, Metric]] = MappingProxyType(
    {
        "rate_share": Metric(
            "moodline_rate_share",
            "ingest",
            "What share of its fps is a stream looked at (below 1: the workers are slower than it)?",
            ("stream",),
        ),
        "subscribers": Metric("moodline_subscribers", "api", "How many subscribers follow the events live?"),
        "stream_up": Metric("moodline_stream_up", "api", "Is the stream live (1) or not (0)?", ("stream",)),
        "stream_state": Metric(
            "moodline_stream_state", "api", "Which state is the stream in (1 for that one)?", ("stream", "state")
        ),
        "last_frame_age": Metric(
            "moodline_last_frame_age_seconds", "api", "How old is the stream's last frame?", ("stream",)
        ),
        "queue_depth": Metric("moodline_queue_depth", "api", "How many crops wait or are in work?", ("stream",)),
        "open_tracks": Metric("moodline_open_tracks", "api", "How many faces are in view now?", ("stream",)),
        # Ledger counts live in Redis, shared by all processes: the api reads them, so they are gauges to the client
        # library, but they only grow, and rate() and increase() fit them.
        "accepted": Metric("moodline_accepted_total", "api", "How many crops did the ledger accept?", ("stream",)),
        "delivered": Metric("moodline_delivered_total", "api", "How many crops became events?", ("stream",)),
        "dropped": Metric(
            "moodline_dropped_total", "api", "How many accepted crops got no event, and why?", ("stream", "reason")
        ),
        "streams_read": Metric("moodline_streams_read", "ingest", "How many streams does this ingest host read?"),
        "worker_ready": Metric("moodline_worker_ready", "worker", "Is the worker warm and taking crops?"),
        "model_info": Metric(
            "moodline_model_info",
            "worker",
            "Which model runs on which engine?",
            ("model", "version", "engine"),
        ),
        "build_info": Metric("moodline_build_info", "api", "Which version of moodline runs?", ("version",)),
        "redis_memory": Metric("moodline_redis_memory_bytes", "api", "How much memory does Redis use?"),
        "redis_memory_limit": Metric(
            "moodline_redis_memory_limit_bytes", "api", "At how much memory does Redis refuse crops (0: no limit)?"
        ),
        "redis_clients": Metric("moodline_redis_clients", "api", "How many clients are connected to Redis?"),
        "redis_commands": Metric("moodline_redis_commands_total", "api", "How many commands has Redis run?"),
        "redis_net": Metric(
            "moodline_redis_net_bytes_total", "api", "How much has Redis received (in) and sent (out)?", ("direction",)
        ),
        "feed_length": Metric("moodline_feed_length", "api", "How many events does the feed hold?"),
        "dead_letter_length": Metric("moodline_dead_letter_length", "api", "How many poison crops are kept?"),
        "jobs_known": Metric("moodline_jobs", "api", "How many jobs are known, in which state?", ("kind", "state")),
        "jobs_oldest_wait": Metric(
            "moodline_jobs_oldest_wait_seconds", "api", "How long has the oldest waiting job waited?", ("kind",)
        ),
        "jobs_workers": Metric("moodline_jobs_workers", "api", "How many workers do such jobs?", ("kind",)),
    }
)

HISTOGRAMS: Final[Mapping[HistogramName, Metric]] = MappingProxyType(
    {
        "batch_size": Metric("moodline_batch_size", "worker", "How many crops are in a batch?", (), _BATCH),
        "stage_seconds": Metric(
            "moodline_stage_seconds",
            "worker",
            "How long does a crop take: capture (to the queue), queue, inference, commit, total?",
            ("stage",),
            _SECONDS,
        ),
        "request_seconds": Metric(
            "moodline_request_seconds", "api", "How long do API requests take?", ("route", "status"), _SECONDS
        ),
    }
)


class ManyHistogram(Histogram):
    """A histogram that counts many values at once: one by one, they took a tenth of a worker's time."""

    def observe_all(self, values: Sequence[float]) -> None:
        """Count each of the values, as ``observe`` does."""
        for bucket, count in Counted(bisect_left(self._upper_bounds, value) for value in values).items():
            self._buckets[bucket].inc(count)
        self._sum.inc(sum(values))


class Metrics:
    """The metrics of one process in a registry of its own; each is made when it is first asked for."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, ManyHistogram] = {}

    def counter(self, name: CounterName) -> Counter:
        """Return a counter of this process."""
        if name not in self._counters:
            metric = COUNTERS[name]
            self._counters[name] = Counter(metric.name, metric.question, metric.labels, registry=self.registry)
        return self._counters[name]

    def gauge(self, name: GaugeName) -> Gauge:
        """Return a gauge of this process."""
        if name not in self._gauges:
            metric = GAUGES[name]
            self._gauges[name] = Gauge(metric.name, metric.question, metric.labels, registry=self.registry)
        return self._gauges[name]

    def histogram(self, name: HistogramName) -> ManyHistogram:
        """Return a histogram of this process."""
        if name not in self._histograms:
            metric = HISTOGRAMS[name]
            self._histograms[name] = ManyHistogram(
                metric.name, metric.question, metric.labels, buckets=metric.buckets, registry=self.registry
            )
        return self._histograms[name]

    def serve(self, host: str, port: int) -> None:
        """Serve ``/metrics`` in a thread of its own. Raises PortTakenError."""
        serve_registry(self.registry, host, port)


def serve_registry(registry: CollectorRegistry, host: str, port: int) -> None:
    """Serve any registry under ``/metrics``. Raises PortTakenError."""
    try:
        start_http_server(port, host, registry=registry)
    except OSError as error:
        raise PortTakenError(
            f"Metrics cannot be served on {host}:{port} ({error.strerror}): another process uses the port, or the "
            "address is not this machine's; choose another metrics_port."
        ) from error


def exposed_names() -> dict[str, Metric]:
    """Return every metric by the name that Prometheus sees (without a histogram's suffixes)."""
    names = {f"{metric.name}_total": metric for metric in COUNTERS.values()}
    names |= {metric.name: metric for metric in GAUGES.values()}
    return names | {metric.name: metric for metric in HISTOGRAMS.values()}
