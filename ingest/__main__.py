import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ingest.detect.model_file import find_model
from ingest.supervisor import Supervisor
from moodline.broker import connect
from moodline.errors import BrokerUnavailableError, ConfigError, MoodlineError
from moodline.lifecycle import stop_on_signals
from moodline.logs import configure_logs
from moodline.metrics import Metrics
from moodline.redact import redact_text
from moodline.settings import Settings, load_settings
from moodline.webcams import webcam_template

log = logging.getLogger("ingest")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ingest until a signal stops it; return the exit code: 0, 1 failure, 2 wrong configuration."""
    options = _options(arguments)
    try:
        settings = load_settings(options.config)
        configure_logs(service="ingest", level=settings.log.level, style=settings.log.format)
        return _run(settings, exit_when_ended=options.exit_when_ended)
    except MoodlineError as error:
        print(redact_text(str(error)), file=sys.stderr)  # noqa: T201 - the last words to whoever started it
        return error.exit_code


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ingest", description="Read streams and queue the faces in them.")
    given = os.environ.get("MOODLINE_CONFIG")
    parser.add_argument("--config", type=Path, default=Path(given) if given else None, help="moodline.yaml")
    parser.add_argument(
        "--exit-when-ended", action="store_true", help="end when every stream is a recording and has ended"
    )
    return parser.parse_args(arguments)


def _run(settings: Settings, *, exit_when_ended: bool) -> int:
    streams = [stream for stream in settings.streams if stream.enabled]
    if not streams:
        raise ConfigError("There is no stream to read: give the configuration at least one enabled entry in streams.")
    _check_broker(settings)
    yunet_model = None
    if any(stream.detector != "haar" for stream in [*streams, webcam_template(settings)]):
        yunet_model = find_model(settings.ingest.detector_model, download=settings.ingest.detector_download)
    metrics = Metrics()
    metrics.serve(settings.ingest.metrics_host, settings.ingest.metrics_port)
    stop = stop_on_signals()
    supervisor = Supervisor(settings, yunet_model=yunet_model, metrics=metrics)
    log.info("Ingest reads %d stream(s): %s", len(streams), ", ".join(stream.id for stream in streams))
    fine = supervisor.run(stop, exit_when_ended=exit_when_ended)
    return 0 if fine or not exit_when_ended else 1


def _check_broker(settings: Settings) -> None:
    """Refuse a wrong Redis now. One that is away for the moment is waited for by every stream."""
    try:
        broker = connect(settings.redis)
    except BrokerUnavailableError as error:
        log.warning("%s Trying again until it answers.", error)
        return
    try:
        broker.sealer()
    finally:
        broker.close()


if __name__ == "__main__":
    sys.exit(main())
