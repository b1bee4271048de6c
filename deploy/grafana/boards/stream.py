"""One stream from its source to its events."""

from typing import Final

from deploy.grafana.panel import Board, Panel

STREAM: Final = Board(
    name="stream",
    title="moodline: stream",
    choices=[("stream", "moodline_stream_up")],
    panels=[
        Panel(
            title="Which state was the stream in, and when?",
            description="One row a state; 1 while the stream was in it. moodline streams prints the reason.",
            query='max by (stream, state) (moodline_stream_state{stream=~"$stream"})',
            unit="none",
            legend="{{stream}} {{state}}",
            kind="state-timeline",
            width=24,
            height=8,
        ),
        Panel(
            title="How old is the last frame?",
            description="Rises while a source gives nothing; above 30 s the stream counts as stalled.",
            query='min by (stream) (moodline_last_frame_age_seconds{stream=~"$stream"})',
            unit="s",
            legend="{{stream}}",
        ),
        Panel(
            title="How many frames per second are read?",
            description="Frames that the source delivered and ingest took.",
            query='sum by (stream) (rate(moodline_frames_total{stream=~"$stream"}[1m]))',
            unit="cps",
            legend="{{stream}}",
        ),
        Panel(
            title="How many faces are in view?",
            description="Tracks that are open now.",
            query='max by (stream) (moodline_open_tracks{stream=~"$stream"})',
            unit="none",
            legend="{{stream}}",
        ),
        Panel(
            title="How many faces does the queue accept per second?",
            description="Crops that ingest handed over and the queue took.",
            query='sum by (stream) (rate(moodline_crops_total{stream=~"$stream"}[1m]))',
            unit="cps",
            legend="{{stream}}",
        ),
        Panel(
            title="Which emotions does it show?",
            description="Events per second by emotion.",
            query='sum by (stream, emotion) (rate(moodline_events_total{stream=~"$stream"}[1m]))',
            unit="cps",
            legend="{{stream}} {{emotion}}",
            stacked=True,
        ),
        Panel(
            title="Why are its accepted faces dropped?",
            description="Crops that ended without an event, by reason.",
            query='max by (stream, reason) (rate(moodline_dropped_total{stream=~"$stream"}[1m]))',
            unit="cps",
            legend="{{stream}} {{reason}}",
            stacked=True,
        ),
        Panel(
            title="Why are its faces never accepted?",
            description="What ingest left out on purpose, by reason: rate, budget, motion, admission.",
            query='sum by (stream, reason) (rate(moodline_skipped_total{stream=~"$stream"}[1m]))',
            unit="cps",
            legend="{{stream}} {{reason}}",
            stacked=True,
        ),
        Panel(
            title="How much of its rate do the workers keep up with?",
            description="Below 1 the stream is looked at only so often, because its faces wait too long for a worker.",
            query='min by (stream) (moodline_rate_share{stream=~"$stream"})',
            unit="percentunit",
            legend="{{stream}}",
        ),
        Panel(
            title="How often did its source come and go?",
            description="Times that it was opened again, in the last ten minutes.",
            query='sum by (stream) (increase(moodline_reconnects_total{stream=~"$stream"}[10m]))',
            unit="none",
            legend="{{stream}}",
            kind="bargauge",
        ),
        Panel(
            title="Is every accepted face accounted for?",
            description="Accepted less events, drops and queued: 0 at every instant, or a promise is broken.",
            query=(
                'max by (stream) (moodline_accepted_total{stream=~"$stream"})'
                ' - max by (stream) (moodline_delivered_total{stream=~"$stream"})'
                ' - sum by (stream) (max by (stream, reason) (moodline_dropped_total{stream=~"$stream"}))'
                ' - max by (stream) (moodline_queue_depth{stream=~"$stream"})'
            ),
            unit="none",
            legend="{{stream}}",
        ),
        Panel(
            title="How many faces wait in its queue?",
            description="Crops that wait or are in work. Live streams drop the oldest at max_crops.",
            query='max by (stream) (moodline_queue_depth{stream=~"$stream"})',
            unit="none",
            legend="{{stream}}",
        ),
    ],
)
