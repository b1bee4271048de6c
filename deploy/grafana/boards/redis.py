"""Redis, what is kept in it, and the API that reads it."""

from typing import Final

from deploy.grafana.panel import Board, Panel

REDIS: Final = Board(
    name="redis",
    title="moodline: Redis and API",
    panels=[
        Panel(
            title="How full is Redis?",
            description="Share of maxmemory. Full, it refuses new faces; it never evicts.",
            query="max(moodline_redis_memory_bytes) / (max(moodline_redis_memory_limit_bytes) > 0)",
            unit="percentunit",
            kind="stat",
            width=6,
            height=6,
        ),
        Panel(
            title="How many clients are connected?",
            description="Connections of services and subscribers.",
            query="max(moodline_redis_clients)",
            unit="none",
            kind="stat",
            width=6,
            height=6,
        ),
        Panel(
            title="How many events does the feed hold?",
            description="A subscriber that is further behind than this misses events.",
            query="max(moodline_feed_length)",
            unit="none",
            kind="stat",
            width=6,
            height=6,
        ),
        Panel(
            title="How many dead letters are kept?",
            description="Crops that nobody could classify, described without pictures.",
            query="max(moodline_dead_letter_length)",
            unit="none",
            kind="stat",
            width=6,
            height=6,
        ),
        Panel(
            title="How much memory does Redis use?",
            description="All of it: queues, feed, summaries, tracks.",
            query="max(moodline_redis_memory_bytes)",
            unit="bytes",
            legend="used",
        ),
        Panel(
            title="How much goes over Redis's network?",
            description="Bytes per second that Redis receives (in) and sends (out).",
            query="max by (direction) (rate(moodline_redis_net_bytes_total[1m]))",
            unit="Bps",
            legend="{{direction}}",
        ),
        Panel(
            title="How many commands per second does Redis run?",
            description="A script counts as one, and so does each command in it.",
            query="max(rate(moodline_redis_commands_total[1m]))",
            unit="ops",
            legend="commands",
        ),
        Panel(
            title="How many faces wait in all queues?",
            description="What the autoscaler of the workers follows.",
            query="moodline_queue_depth:sum",
            unit="none",
            legend="faces",
        ),
        Panel(
            title="How long do the API's answers take?",
            description="By route; 95 of 100 are faster than this.",
            query="histogram_quantile(0.95, sum by (le, route) (rate(moodline_request_seconds_bucket[5m])))",
            unit="s",
            legend="{{route}}",
        ),
        Panel(
            title="How many requests does the API answer, and how?",
            description="Requests per second by status.",
            query="sum by (status) (rate(moodline_request_seconds_count[5m]))",
            unit="reqps",
            legend="{{status}}",
        ),
        Panel(
            title="Which version of moodline runs?",
            description="Version of the API, and on how many replicas.",
            query="count by (version) (moodline_build_info)",
            unit="none",
            legend="{{version}}",
            kind="table",
        ),
        Panel(
            title="Does every service answer Prometheus?",
            description="1: scraped; 0: not. Without a line the service is not found at all.",
            query='up{job=~"ingest|worker|api"}',
            unit="none",
            legend="{{job}} {{instance}}",
        ),
    ],
)
