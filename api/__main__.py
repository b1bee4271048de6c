"""``python -m api``: serves the API and the dashboard."""

import sys

from moodline.service import run_service


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    from api.server import run_api

    return run_service("api", run_api)


if __name__ == "__main__":
    sys.exit(main())
