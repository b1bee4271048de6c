"""How all streams fare together."""

from typing import Final

from deploy.grafana.panel import Board, Panel

# Gauges that several replicas of the api report are taken once: max.
OVERVIEW: Final = Board(
    name="overview",
    title="moodline",
    choices=[("stream", "moodline_stream_up")],
    panels=[
        Panel(
            title="How many streams are live?",
            description="Streams whose source delivers frames now.",
            query='sum(max by (stream) (moodline_stream_up{stream=~"$stream"}))',
            unit="count:streams",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="How many faces per second?",
            description="Faces found by the detector, before any limit, all chosen streams together.",
            query='sum(rate(moodline_faces_total{stream=~"$stream"}[1m]))',
            unit="count:faces/s",
            kind="stat",
            width=5,
            height=4,
        ),
        Panel(
            title="How many emotion events per second?",
            description="Faces that were classified and published, all chosen streams together.",
            query='sum(rate(moodline_events_total{stream=~"$stream"}[1m]))',
            unit="count:events/s",
            kind="stat",
            width=5,
            height=4,
        ),
        Panel(
            title="How old is an event when it is published?",
            description="From the capture of the frame to the event; 95 of 100 are faster than this.",
            query='histogram_quantile(0.95, sum by (le) (rate(moodline_stage_seconds_bucket{stage="total"}[1m])))',
            unit="s",
            kind="stat",
            width=5,
            height=4,
        ),
        Panel(
            title="What share of the accepted faces is dropped?",
            description="Accepted crops that ended without an event. Anything above zero has a reason below.",
            query=(
                'sum(max by (stream, reason) (rate(moodline_dropped_total{stream=~"$stream"}[1m])))'
                ' / sum(max by (stream) (rate(moodline_accepted_total{stream=~"$stream"}[1m])))'
            ),
            unit="percentunit",
            kind="stat",
            width=5,
            height=4,
        ),
        Panel(
            title="How many faces per second does each stream see?",
            description="Faces found by the detector, before any limit.",
            query='sum by (stream) (rate(moodline_faces_total{stream=~"$stream"}[1m]))',
            unit="count:faces/s",
            legend="{{stream}}",
        ),
        Panel(
            title="Which emotions are seen?",
            description="Share of each emotion among the events of the last five minutes.",
            query=(
                'sum by (emotion) (rate(moodline_events_total{stream=~"$stream"}[5m]))'
                ' / ignoring (emotion) group_left () sum(rate(moodline_events_total{stream=~"$stream"}[5m]))'
            ),
            unit="percentunit",
            legend="{{emotion}}",
            stacked=True,
        ),
        Panel(
            title="How is the time from capture to event spread?",
            description="Each column is a moment, each row a time, and the colour how many events took it.",
            query='sum by (le) (increase(moodline_stage_seconds_bucket{stage="total"}[1m]))',
            unit="s",
            legend="{{le}}",
            kind="heatmap",
        ),
        Panel(
            title="Where does the time go?",
            description="Time in each stage; 95 of 100 are faster than this. From capture to event is total.",
            query="histogram_quantile(0.95, sum by (le, stage) (rate(moodline_stage_seconds_bucket[1m])))",
            unit="s",
            legend="{{stage}}",
        ),
        Panel(
            title="Why are accepted faces dropped?",
            description="Crops that ended without an event, by reason: stale and overflow mean too few workers.",
            query=('sum by (reason) (max by (stream, reason) (rate(moodline_dropped_total{stream=~"$stream"}[1m])))'),
            unit="count:faces/s",
            legend="{{reason}}",
            stacked=True,
        ),
        Panel(
            title="How many faces wait?",
            description="Crops in each stream's queue. One that grows and stays wants another worker.",
            query='max by (stream) (moodline_queue_depth{stream=~"$stream"})',
            unit="count:faces",
            legend="{{stream}}",
        ),
    ],
)
