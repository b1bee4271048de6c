"""Makes Grafana's dashboards from the panels in boards/; with --check it only compares.

Run in the top folder: python -m deploy.grafana.build
"""

import json
import sys
from pathlib import Path

from deploy.generated import keep
from deploy.grafana.boards import BOARDS

FOLDER = Path(__file__).parent / "dashboards"


def main(arguments: list[str]) -> int:
    """Write the dashboards, or with --check say which are not up to date. Returns the exit code."""
    texts = {FOLDER / f"{board.name}.json": json.dumps(board.to_grafana(), indent=2) + "\n" for board in BOARDS}
    return keep(texts, check="--check" in arguments, command="python -m deploy.grafana.build")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
