"""The worker process: everything is checked before the first crop is taken."""

import logging
import os
import socket
import threading
import uuid

from moodline.broker import connect
from moodline.config.watch import ConfigFile
from moodline.metrics import Metrics
from moodline.settings import Settings
from moodline.tracing import make_tracing
from worker.model import load_classifier
from worker.pipeline import Pipeline
from worker.swap import ModelWatch

log = logging.getLogger(__name__)


def run_worker(settings: Settings, stop: threading.Event, file: ConfigFile | None = None) -> None:
    """Run until ``stop`` is set; follow ``worker.model`` of the file. Raises MoodlineError where it cannot start."""
    tracing = make_tracing(settings.tracing, "worker")
    metrics = Metrics()
    metrics.serve(settings.worker.metrics_host, settings.worker.metrics_port)
    metrics.gauge("worker_ready").set(0)
    broker = connect(settings.redis)
    broker.sealer()  # a missing key shows now, not with the first crop
    classifier = load_classifier(settings.worker)
    # A new identity each start: what an earlier process of this name held is nobody's any more.
    worker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    log.info("Worker %s is ready: %s on %s.", worker, classifier.tag, classifier.engine.name)
    try:
        pipeline = Pipeline(broker, settings, classifier, worker=worker, metrics=metrics, stop=stop, tracing=tracing)
        ModelWatch(settings.worker, classifier, pipeline.swap, metrics, file=file).start(stop)
        pipeline.run()
    finally:
        broker.close()
        if tracing is not None:
            tracing.close()
    log.info("Worker %s has finished what was in work and stops.", worker)
