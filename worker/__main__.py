"""``python -m worker``: runs one worker."""

import sys

from moodline.service import run_service


def main() -> int:
    """Run a worker until SIGTERM or SIGINT; return the exit code."""
    from worker.service import run_worker

    return run_service("worker", run_worker, follows_file=True)


if __name__ == "__main__":
    sys.exit(main())
