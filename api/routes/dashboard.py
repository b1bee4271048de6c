"""The dashboard: one hand-written page that asks the public API."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse

STATIC: Final = Path(str(files("api") / "static"))

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/streams/{stream}", methods=["GET", "HEAD"])
def page() -> FileResponse:
    """Return the page; it finds by its address what to show."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


@router.api_route("/analyses", methods=["GET", "HEAD"])
def recordings() -> FileResponse:
    """Return the page of recorded videos."""
    return FileResponse(STATIC / "analyses.html", headers={"Cache-Control": "no-cache"})
