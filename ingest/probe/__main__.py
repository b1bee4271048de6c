import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2

from ingest.detect.model_file import find_model
from ingest.native_stderr import NativeStderr
from ingest.probe.look import look
from ingest.probe.report import Report, as_text
from ingest.probe.still import check_still, write_still
from moodline.errors import ConfigError, MoodlineError
from moodline.redact import redact_text
from moodline.settings import Settings, StreamSettings, load_settings

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Look at one source and print what it is; return the exit code: 0, 1 no picture came, 2 wrong usage."""
    options = _options(arguments)
    # What would be a log line stands in the report.
    logging.disable(logging.CRITICAL)
    try:
        if options.picture:
            check_still(options.picture)
        settings = load_settings(options.config)
        report = _probe(_chosen(settings, options.stream), settings, options.picture)
    except MoodlineError as error:
        print(redact_text(str(error)), file=sys.stderr)  # noqa: T201 - the last words to whoever started it
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    print(json.dumps(asdict(report)) if options.json else as_text(report))  # noqa: T201 - the result
    return 0 if report.ok else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ingest.probe", description="Look at one source.")
    given = os.environ.get("MOODLINE_CONFIG")
    parser.add_argument("--config", type=Path, default=Path(given) if given else None, help="moodline.yaml")
    parser.add_argument("--stream", required=True, metavar="ID", help="which of the configured streams")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write a picture with the faces marked")
    return parser.parse_args(arguments)


def _chosen(settings: Settings, stream_id: str) -> StreamSettings:
    for stream in settings.streams:
        if stream.id == stream_id:
            return stream
    raise ConfigError(f"There is no stream {stream_id} in the configuration.")


def _probe(stream: StreamSettings, settings: Settings, picture: Path | None) -> Report:
    cv2.setNumThreads(1)
    native = NativeStderr(stream.url.get_secret_value())
    model = None
    if stream.detector != "haar":
        model = find_model(settings.ingest.detector_model, download=settings.ingest.detector_download)
    report, best = look(stream, settings.ingest, yunet_model=model, native_lines=native.take)
    if picture is not None and best is not None:
        write_still(picture, best)
        report.picture = str(picture)
    return report


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: it would wait for a thread that hangs in OpenCV.
    os._exit(code)
