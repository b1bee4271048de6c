"""What Prometheus learns about streams: read from Redis at each scrape, so one that is removed is gone."""

import logging

from prometheus_client import CollectorRegistry

from api.scrape_redis import measure_redis
from moodline.broker import Broker
from moodline.errors import BrokerError
from moodline.hosts import ingest_hosts
from moodline.known import as_read
from moodline.metrics import Metrics
from moodline.streams import STREAM_STATES, StreamView, list_streams

log = logging.getLogger(__name__)


def stream_registry(broker: Broker) -> CollectorRegistry:
    """Return the metrics of all streams and of Redis; none while it is away, for the process's own are wanted then."""
    metrics = Metrics()
    try:
        hosts = ingest_hosts(broker)
        views = [as_read(view, hosts) for view in list_streams(broker)]
        measure_redis(metrics, broker)
    except BrokerError as error:
        log.warning("The metrics of streams are left out. %s", error)
        return metrics.registry
    for view in views:
        _measure(metrics, view)
    return metrics.registry


def _measure(metrics: Metrics, view: StreamView) -> None:
    state = view.status.state if view.status else "connecting"
    metrics.gauge("stream_up").labels(view.id).set(state == "live")
    for possible in STREAM_STATES:
        metrics.gauge("stream_state").labels(view.id, possible).set(state == possible)
    if view.status and view.status.last_frame_at_ms is not None:
        age_s = max(0, view.now_ms - view.status.last_frame_at_ms) / 1000
        metrics.gauge("last_frame_age").labels(view.id).set(age_s)
    metrics.gauge("queue_depth").labels(view.id).set(view.ledger.queued)
    metrics.gauge("open_tracks").labels(view.id).set(view.open_tracks)
    metrics.gauge("accepted").labels(view.id).set(view.ledger.accepted)
    metrics.gauge("delivered").labels(view.id).set(view.ledger.events)
    for reason, number in view.ledger.dropped.items():
        metrics.gauge("dropped").labels(view.id, reason).set(number)
