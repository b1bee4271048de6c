"""What a probe has learned, and how it is told to people."""

from dataclasses import dataclass
from typing import Final

from moodline.streams import StreamState

_CODECS: Final = {
    "avc1": "H.264",
    "h264": "H.264",
    "hevc": "H.265",
    "hvc1": "H.265",
    "hev1": "H.265",
    "mjpg": "MJPEG",
    "mp4v": "MPEG-4",
    "fmp4": "MPEG-4",
    "vp80": "VP8",
    "vp09": "VP9",
    "av01": "AV1",
}


@dataclass(slots=True)
class Report:
    """What is known of a source; what could not be learned is None. ``source`` is redacted.

    ``first_frame_ms`` counts from the first try to connect; ``fps`` is what the container says, unless
    something else came; ``faces`` is the most that one frame showed, ``score`` the best of them.
    """

    source: str
    ok: bool
    state: StreamState
    sentence: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    first_frame_ms: int | None = None
    faces: int | None = None
    score: float | None = None
    detector: str | None = None
    picture: str | None = None


def codec_name(fourcc: float) -> str | None:
    """Return the name of a codec by OpenCV's number of its four characters, None where it has none."""
    number = int(fourcc) & 0xFFFFFFFF
    text = "".join(chr(number >> shift & 0xFF) for shift in (0, 8, 16, 24)).strip("\0 ")
    if not text or not text.isprintable():
        return None
    return _CODECS.get(text.lower(), text)


def as_text(report: Report) -> str:
    """Return a report for people, a line each."""
    lines = [f"{report.source}: {report.state}"]
    if not report.ok:
        return "\n".join([*lines, f"  {report.sentence}"])
    lines += [f"  {name:<12} {value}" for name, value in _rows(report) if value]
    return "\n".join(lines)


def _rows(report: Report) -> list[tuple[str, str | None]]:
    best = f" (best score {report.score:.2f})" if report.score is not None else ""
    return [
        ("codec", report.codec),
        ("size", f"{report.width}x{report.height}"),
        ("frame rate", f"{report.fps:g} fps" if report.fps else None),
        ("first frame", f"after {report.first_frame_ms} ms"),
        ("faces", f"{report.faces}{best}"),
        ("detector", report.detector),
        ("picture", report.picture),
    ]
