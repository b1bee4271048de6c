"""The dashboards, in the order in which one looks at them."""

from typing import Final

from deploy.grafana.boards.overview import OVERVIEW
from deploy.grafana.boards.redis import REDIS
from deploy.grafana.boards.stream import STREAM
from deploy.grafana.boards.worker import WORKER
from deploy.grafana.panel import Board

BOARDS: Final[tuple[Board, ...]] = (OVERVIEW, STREAM, WORKER, REDIS)
