"""The application: routers, errors, live events and the dashboard put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles

from api import problems
from api.access import AccessMiddleware
from api.jobs_here import JobDesk
from api.kept_answers import KeptAnswersMiddleware
from api.keyring import Keyring
from api.limits import Shares
from api.live import LiveFeed
from api.middleware import AnswerMiddleware
from api.routes import (
    analyses,
    dashboard,
    events,
    health,
    manage,
    preview,
    streams,
    summaries,
    trainings,
    webcam,
)
from moodline import __version__
from moodline.broker import Broker
from moodline.metrics import Metrics
from moodline.settings import Settings

DESCRIPTION = "Emotions of the faces in video streams, as events and as summaries over time."

KEY_SCHEME: Final = HTTPBearer(
    scheme_name="key",
    bearerFormat="ml_<id>_<secret>",
    description=(
        "A key of `moodline keys create --scope read`, needed as soon as the API is reached by other machines. A "
        "browser's WebSocket sends it as the subprotocol `moodline.key.<key>` beside `moodline.v1`."
    ),
    auto_error=False,
)


def create_app(settings: Settings, broker: Broker) -> FastAPI:
    """Return the application; it reads from ``broker`` and leaves it open when it ends."""
    # No documentation page: FastAPI's loads its scripts from another host.
    app = FastAPI(
        title="moodline",
        description=DESCRIPTION,
        version=__version__,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        # Its Location would name the header Host and http://, also behind a proxy that speaks TLS.
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.broker = broker
    app.state.live = LiveFeed(broker)
    app.state.shares = Shares()
    app.state.claiming = asyncio.Lock()
    app.state.jobs = JobDesk(broker, settings.jobs)
    app.state.metrics = Metrics()
    app.state.metrics.gauge("build_info").labels(__version__).set(1)
    app.state.metrics.gauge("subscribers").set_function(lambda: app.state.live.subscribers)
    problems.install(app)
    app.router.default = problems.no_such_path
    for resource in (health, dashboard):
        app.include_router(resource.router)
    for asked in (streams, manage, preview, summaries, events, webcam, analyses, trainings):
        # AccessMiddleware asks for the key; here it is only described.
        app.include_router(asked.router, responses=problems.ACCESS, dependencies=[Depends(KEY_SCHEME)])
    for sockets in (events.sockets, webcam.sockets):
        app.include_router(sockets)
    app.mount("/static", StaticFiles(directory=dashboard.STATIC), name="static")
    app.add_middleware(KeptAnswersMiddleware, seconds=settings.api.answer_age.total_seconds())
    keyring = Keyring(broker, settings.api.keys)
    app.add_middleware(AccessMiddleware, settings=settings.api, keyring=keyring, max_upload=settings.jobs.max_upload)
    app.add_middleware(AnswerMiddleware, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    live: LiveFeed = app.state.live
    live.start()
    sweeping = asyncio.create_task(app.state.jobs.sweep_often())
    yield
    sweeping.cancel()
    live.close()
    await live.join()
    app.state.jobs.close()
