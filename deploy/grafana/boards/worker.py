"""The workers and the model that they run."""

from typing import Final

from deploy.grafana.panel import Board, Panel

WORKER: Final = Board(
    name="worker",
    title="moodline: worker and model",
    panels=[
        Panel(
            title="How many workers are ready?",
            description="Workers that are warm and take crops.",
            query="sum(moodline_worker_ready)",
            unit="count:workers",
            kind="stat",
            width=6,
            height=6,
        ),
        Panel(
            title="Which model runs on which engine?",
            description="Model, version and engine, and on how many workers. Two versions belong to an update.",
            query="count by (model, version, engine) (moodline_model_info)",
            unit="count:workers",
            legend="{{model}} {{version}} on {{engine}}",
            kind="table",
            width=12,
            height=6,
        ),
        Panel(
            title="How many faces a second can the model take?",
            description="Faces divided by the time spent in inference: what full workers would do.",
            query=(
                'sum(rate(moodline_batch_size_sum[1m])) / sum(rate(moodline_stage_seconds_sum{stage="inference"}[1m]))'
            ),
            unit="count:faces/s",
            kind="stat",
            width=6,
            height=6,
        ),
        Panel(
            title="What share of the time is the model busy?",
            description="Seconds of inference per second and worker; near 100 % a worker is at its limit.",
            query='sum by (instance) (rate(moodline_stage_seconds_sum{stage="inference"}[1m]))',
            unit="percentunit",
            legend="{{instance}}",
        ),
        Panel(
            title="How full are the batches?",
            description="Mean number of faces in one run of the model: small batches wait less, large ones do more.",
            query="sum(rate(moodline_batch_size_sum[1m])) / sum(rate(moodline_batch_size_count[1m]))",
            unit="count:faces",
            legend="faces a batch",
        ),
        Panel(
            title="Which sizes do the batches have?",
            description="Each column is a moment, each row a size, and the colour how many batches had it.",
            query="sum by (le) (increase(moodline_batch_size_bucket[1m]))",
            unit="count:faces",
            legend="{{le}}",
            kind="heatmap",
        ),
        Panel(
            title="How long does a run of the model take?",
            description="Time of one batch; 95 of 100 are faster than this.",
            query=(
                "histogram_quantile(0.95, sum by (le, instance) "
                '(rate(moodline_stage_seconds_bucket{stage="inference"}[1m])))'
            ),
            unit="s",
            legend="{{instance}}",
        ),
        Panel(
            title="How many batches per second?",
            description="Runs of the model on each worker.",
            query="sum by (instance) (rate(moodline_batches_total[1m]))",
            unit="count:batches/s",
            legend="{{instance}}",
        ),
        Panel(
            title="How long does it take to write the events of a batch?",
            description="Time of the commits of one batch; 95 of 100 are faster. High: Redis is slow.",
            query=(
                "histogram_quantile(0.95, sum by (le, instance) "
                '(rate(moodline_stage_seconds_bucket{stage="commit"}[1m])))'
            ),
            unit="s",
            legend="{{instance}}",
        ),
        Panel(
            title="How many crops can nobody classify?",
            description="Poison crops of the last hour; the dead-letter feed names them, without pictures.",
            query="sum by (stream) (increase(moodline_dead_letters_total[1h]))",
            unit="count:crops",
            legend="{{stream}}",
            kind="bargauge",
        ),
        Panel(
            title="Which share of the events has each emotion?",
            description="Over 15 minutes, as the alert on a bad model compares it.",
            query="emotion:moodline_events:share15m",
            unit="percentunit",
            legend="{{emotion}}",
            stacked=True,
        ),
    ],
)
