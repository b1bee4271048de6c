"""Whether the process lives, whether it can answer, and what Prometheus scrapes."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.dependencies import BrokerHere
from api.jobs_here import desk_of
from api.models import Health
from api.problems import ACCESS, describe
from api.scrape import stream_registry
from api.scrape_jobs import measure_jobs
from moodline.metrics import Metrics

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process lives, whatever Redis does."""
    return Health(status="ok")


@router.get("/readyz", responses=describe(HTTPStatus.SERVICE_UNAVAILABLE))
def readyz(broker: BrokerHere) -> Health:
    """Ask Redis, and say whether requests can be answered."""
    with broker.errors():
        broker.client.ping()
    return Health(status="ready")


@router.get("/metrics", responses=ACCESS, response_class=PlainTextResponse)
def metrics(request: Request, broker: BrokerHere) -> PlainTextResponse:
    """Expose this process's metrics, and every stream's state and ledger as Redis has them now."""
    own = generate_latest(request.app.state.metrics.registry)
    jobs = Metrics()
    measure_jobs(jobs, desk_of(request))
    said = own + generate_latest(stream_registry(broker)) + generate_latest(jobs.registry)
    return PlainTextResponse(said, media_type=CONTENT_TYPE_LATEST)
