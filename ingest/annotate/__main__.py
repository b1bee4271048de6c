import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from moodline.errors import MoodlineError
from moodline.lifecycle import stop_on_signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw a video; return the exit code: 0 done, 1 failed or stopped."""
    from ingest.annotate.draw import draw_video

    parser = argparse.ArgumentParser(prog="python -m ingest.annotate", description="Draw events over their video.")
    parser.add_argument("video", type=Path)
    parser.add_argument("events", type=Path, help="events.jsonl of its analysis")
    parser.add_argument("out", type=Path, help="the video to write (.mp4)")
    parser.add_argument("--show-faces", action="store_true", help="do not blur the faces")
    options = parser.parse_args(arguments)
    stop = stop_on_signals()
    try:
        done = draw_video(options.video, options.events, options.out, stop, show_faces=options.show_faces)
    except MoodlineError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the last words to whoever started it
        return error.exit_code
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
