import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final

from ingest.child import is_any_left
from ingest.detect.model_file import find_model
from ingest.file_watch import FileWatch
from ingest.supervisor import Supervisor, fork_server
from moodline.broker import connect
from moodline.config.watch import ConfigFile
from moodline.errors import BrokerUnavailableError, ConfigError, MoodlineError
from moodline.lifecycle import stop_on_signals
from moodline.logs import configure_logs
from moodline.metrics import Metrics
from moodline.redact import redact_text
from moodline.settings import IngestSettings, Settings, load_settings
from moodline.tracing import check_tracing
from moodline.webcams import webcam_template

log = logging.getLogger("ingest")

STREAMS_VARIABLE: Final = "MOODLINE_STREAMS"
"""Where it is set, it replaces the streams of the file, and the file has nothing to say about them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ingest until a signal stops it; return the exit code: 0, 1 failure, 2 wrong configuration."""
    options = _options(arguments)
    try:
        file = ConfigFile(options.config) if options.config else None
        settings = load_settings(options.config)
        configure_logs(service="ingest", level=settings.log.level, style=settings.log.format)
        return _run(settings, file, exit_when_ended=options.exit_when_ended, alone=options.alone)
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
    parser.add_argument(
        "--alone", action="store_true", help="read the streams of the configuration alone, none added at run time"
    )
    return parser.parse_args(arguments)


def _run(settings: Settings, file: ConfigFile | None, *, exit_when_ended: bool, alone: bool) -> int:
    streams = [stream for stream in settings.streams if stream.enabled]
    if exit_when_ended and not streams:
        raise ConfigError("There is no stream to read: give the configuration at least one enabled entry in streams.")
    check_tracing(settings.tracing)
    fork_server()  # its imports take seconds; meanwhile the rest goes on
    _check_broker(settings)
    find_yunet = cache(partial(_find_yunet, settings.ingest))
    if any(stream.detector != "haar" for stream in [*streams, webcam_template(settings)]):
        find_yunet()
    metrics = Metrics()
    metrics.serve(settings.ingest.metrics_host, settings.ingest.metrics_port)
    stop = stop_on_signals()
    supervisor = Supervisor(settings, find_yunet=find_yunet, metrics=metrics, file=_origin(file), alone=alone)
    if file is not None and not os.environ.get(STREAMS_VARIABLE):
        _watch(FileWatch(file, settings, metrics, lambda fresh: supervisor.take(fresh.streams)))
    names = ", ".join(stream.id for stream in streams) or "none yet; streams may be added while it runs"
    log.info("Ingest knows %d stream(s) to read: %s", len(streams), names)
    fine = supervisor.run(stop, exit_when_ended=exit_when_ended)
    return 0 if fine or not exit_when_ended else 1


def _find_yunet(settings: IngestSettings) -> Path | None:
    return find_model(settings.detector_model, download=settings.detector_download)


def _origin(file: ConfigFile | None) -> str:
    """Return where the streams of the configuration stand, for people."""
    if file is None or os.environ.get(STREAMS_VARIABLE):
        return f"the environment variable {STREAMS_VARIABLE}"
    return str(file.path.absolute())


def _watch(watch: FileWatch) -> None:
    watch.start()
    if sys.stdin is None or not sys.stdin.isatty():  # there it means that the terminal was closed
        signal.signal(signal.SIGHUP, lambda _number, _frame: watch.look_now())


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
    code = main()
    if is_any_left():
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
