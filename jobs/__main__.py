"""``python -m jobs``: does the jobs that the API has taken."""

import os
import sys

from moodline.service import run_service


def main() -> int:
    """Work until SIGTERM or SIGINT; return the exit code."""
    from jobs.worker import run_jobs

    return run_service("jobs", run_jobs)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # RQ's connections keep no data of ours; a thread that waits for Redis must not keep the process.
    os._exit(code)
