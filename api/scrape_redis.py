"""What Prometheus learns about Redis itself: no exporter is needed beside it."""

from typing import Any

from moodline.broker import Broker
from moodline.metrics import Metrics


def measure_redis(metrics: Metrics, broker: Broker) -> None:
    """Add Redis's memory, clients and traffic, and the lengths of the feeds. Raises BrokerError."""
    with broker.errors():
        info: dict[str, Any] = broker.client.info("everything")
        feeds = [broker.client.xlen(keys.of_partition("feed")) for keys in broker.all_keys()]
        dead = [broker.client.xlen(keys.of_partition("dead")) for keys in broker.all_keys()]
    metrics.gauge("redis_memory").set(info["used_memory"])
    metrics.gauge("redis_memory_limit").set(info["maxmemory"])
    metrics.gauge("redis_clients").set(info["connected_clients"])
    metrics.gauge("redis_commands").set(info["total_commands_processed"])
    metrics.gauge("redis_net").labels("in").set(info["total_net_input_bytes"])
    metrics.gauge("redis_net").labels("out").set(info["total_net_output_bytes"])
    metrics.gauge("feed_length").set(sum(feeds))
    metrics.gauge("dead_letter_length").set(sum(dead))
