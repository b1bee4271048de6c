"""The dashboard: hand-written pages that ask the public API."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse

CAMERA_POLICY: Final = "camera=(self), microphone=(), geolocation=()"
_FRESH: Final = {"Cache-Control": "no-cache"}
RESULT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""As everywhere, but for styles: a report has its own inside, and its frame inherits the page's policy."""
STATIC: Final = Path(str(files("api") / "static"))

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/streams/{stream}", methods=["GET", "HEAD"])
def page() -> FileResponse:
    """Return the page; it finds by its address what to show."""
    return FileResponse(STATIC / "index.html", headers=_FRESH)


@router.api_route("/webcam", methods=["GET", "HEAD"])
def webcam() -> FileResponse:
    """Return the page that shows a browser's own webcam: the only one that may ask for the camera."""
    return FileResponse(STATIC / "webcam.html", headers={**_FRESH, "Permissions-Policy": CAMERA_POLICY})


@router.api_route("/analyses", methods=["GET", "HEAD"])
def recordings() -> FileResponse:
    """Return the page of recorded videos."""
    return FileResponse(STATIC / "analyses.html", headers=_FRESH)


@router.api_route("/analyses/{id}/{name}", methods=["GET", "HEAD"])
def result() -> FileResponse:
    """Return the page that shows a result in a frame where nothing may run."""
    return FileResponse(STATIC / "result.html", headers={**_FRESH, "Content-Security-Policy": RESULT_POLICY})
