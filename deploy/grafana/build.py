"""Makes Grafana's dashboards from the panels in boards/; with --check it only compares.

Run in the top folder: python -m deploy.grafana.build
"""

import json
import sys
from pathlib import Path

from deploy.grafana.boards import BOARDS

FOLDER = Path(__file__).parent / "dashboards"


def main(arguments: list[str]) -> int:
    """Write the dashboards, or with --check say which are not up to date. Returns the exit code."""
    texts = {f"{board.name}.json": json.dumps(board.to_grafana(), indent=2) + "\n" for board in BOARDS}
    outdated = 0
    for name, text in texts.items():
        path = FOLDER / name
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not what its script makes: run python -m deploy.grafana.build", file=sys.stderr)
            outdated = 1
    return outdated


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
