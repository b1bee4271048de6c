"""The settings of one video stream."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    ByteSize,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from moodline.config.schema import Unit
from moodline.redact import redact_text, redact_url
from moodline.settings.polygon import Polygons
from moodline.settings.section import Section
from moodline.settings.source import SourceKind, is_recorded, source_kind
from moodline.settings.stream_parts import CameraFormat, CameraSize, Labels, SourceUrl, StreamId
from moodline.settings.units import KIB, MIB, PositiveDuration, Size

LIVE_FPS: Final = 5.0


def _default_fps(fields: dict[str, Any]) -> float | None:
    url = fields.get("url")
    is_film = isinstance(url, SecretStr) and is_recorded(url.get_secret_value(), live=fields.get("live"))
    return None if is_film else LIVE_FPS


class StreamSettings(Section):
    """One video stream: where it comes from, how often faces are looked for, and what its queue may hold."""

    id: StreamId = Field(
        description=("Name of the stream in events, metrics, the API and Redis keys; small letters, digits, - and _."),
    )
    url: SourceUrl = Field(
        description=(
            "Where the pictures come from: rtsp:// or http(s):// URL, a webcam (0 or /dev/video0), a video "
            "file, a picture, a folder or a glob of videos or of pictures, demo (the built-in camera) or browser: (how "
            "the webcams of the page /webcam are read; their ids begin with this one). It is treated as a secret "
            "because it may hold a password."
        )
    )
    live: bool | None = Field(
        default=None,
        description=(
            "http(s) only: whether the address is a camera (true) or a film that ends (false). Unset, it is a film "
            "where its path ends in .mp4, .m4v, .mov, .mkv, .avi or .webm and no query follows."
        ),
    )
    enabled: bool = Field(
        default=True, description="Whether the stream is read; false keeps its settings but leaves it out."
    )
    fps: Annotated[float, Unit("frames per second")] | None = Field(
        default_factory=_default_fps,
        gt=0,
        le=240,
        description=(
            f"How often faces are looked for. Unset, a live source is looked at {LIVE_FPS:g} times a second, "
            "which follows an expression without wearing out the CPU, and a recorded one on every frame."
        ),
    )
    detect_fps: Annotated[float, Unit("detections per second")] | None = Field(
        default=None,
        gt=0,
        le=240,
        description=(
            "How often the detector looks for new faces; on the frames between, known faces are followed by optical "
            "flow, which costs a tenth. At a cut, and where a face is lost, it looks at once. 5 to 10 suit recordings. "
            "Unset, it looks at every frame that fps asks for."
        ),
    )
    detector: Literal["auto", "yunet", "haar"] = Field(
        default="auto",
        description=(
            "Face detector. auto takes YuNet, which is faster and finds small and turned faces, and falls "
            "back to the Haar cascade with a warning where YuNet's model cannot be had."
        ),
    )
    detect_width: Annotated[int, Unit("px")] = Field(
        default=640,
        ge=64,
        le=4096,
        description=(
            "Frames are scaled down until their longer side has this length, since detection costs by area; crops "
            "are cut from the full frame. Raise it for small faces in large pictures."
        ),
    )
    score_threshold: Annotated[float, Unit("score 0 to 1")] = Field(
        default=0.7,
        gt=0,
        lt=1,
        description=(
            "Least score of YuNet for a face. At 0.7 it finds every face of our test pictures with none too "
            "many; at OpenCV's own 0.9 it misses one in six. The Haar cascade gives no score."
        ),
    )
    min_face: Annotated[int, Unit("px of the full frame")] = Field(
        default=24,
        ge=8,
        le=4096,
        description=("Faces narrower or lower than this are skipped: enlarged to 48 px they would say little."),
    )
    max_faces: Annotated[int, Unit("faces per frame")] = Field(
        default=32,
        ge=1,
        le=1024,
        description="Only this many of a frame's largest faces are taken, to bound its cost.",
    )
    max_age: PositiveDuration = Field(
        default=timedelta(seconds=2),
        description=(
            "Live sources only: an older crop is dropped as stale, because a late emotion helps nobody. Webcams of "
            "browsers have 15s unless it is given: a worker may be replaced meanwhile."
        ),
    )
    max_crops: Annotated[int, Unit("crops")] = Field(
        default=256,
        ge=1,
        le=1_000_000,
        description=(
            "Length of the stream's crop queue. When it is full, a live source drops its oldest crop and a "
            "recorded one waits."
        ),
    )
    max_bytes: Size = Field(
        default=ByteSize(8 * MIB),
        ge=4 * KIB,
        description="Memory bound of the stream's crop queue, so that one stream cannot fill the server.",
    )
    track_timeout: PositiveDuration = Field(
        default=timedelta(seconds=2),
        description=(
            "Live sources only: a face of which nothing was heard for this long has left; at least the time of three "
            "looks (3 / fps) and crops (3 / crops_per_second), so that no face leaves between two of them."
        ),
    )
    crops_per_second: Annotated[float, Unit("crops per second and track")] | None = Field(
        default=None,
        gt=0,
        le=240,
        description=(
            "Classification budget of one face; one that changed, grew or got sharper is classified up to three times "
            "as often. What is left out is counted as skipped (budget). Unset, a face is classified in every frame."
        ),
    )
    motion_gate: Annotated[float, Unit("share of the picture")] | None = Field(
        default=None,
        gt=0,
        lt=1,
        description=(
            "Frames of which less than this share has changed since the last look are skipped (motion), such as 0.002; "
            "faces in view are still looked at twice a second. For cameras that mostly see an empty room."
        ),
    )
    regions: Polygons = Field(
        default=(),
        description=(
            "Polygons, in shares of the picture such as [[[0, 0], [0.5, 0], [0.5, 1]]], in one of which the middle of "
            "a face has to lie; only the picture around them is searched. None: everywhere."
        ),
    )
    masks: Polygons = Field(
        default=(),
        description="Privacy masks: polygons like regions, blackened before anything looks at the picture. "
        "An outline that crosses itself leaves open what it goes round twice.",
    )
    crop_margin: Annotated[float, Unit("share of the box")] = Field(
        default=0.0,
        ge=0,
        le=1,
        description=(
            "How much is added on each side of a face's box. On the faces that the model learned from, YuNet's box is "
            "in the median as high as the picture, so nothing is added: a margin of 0.1 costs 2 points of "
            "accuracy, 0.3 eleven."
        ),
    )
    loop: bool = Field(default=False, description="Recorded sources only: begin again at the end, for ever.")
    realtime: bool = Field(
        default=False,
        description=("Recorded sources only: read at the recording's own pace instead of as fast as possible."),
    )
    start_at: AwareDatetime | None = Field(
        default=None,
        description=(
            "Recorded sources only: the time of the first frame (of the first file) with its zone, such as "
            "2024-05-01T08:00:00Z, "
            "so that events carry the time they were filmed. Unset, the time when reading began, and of a picture the "
            "time when it was read."
        ),
    )
    transport: Literal["tcp", "udp"] = Field(
        default="tcp",
        description=("RTSP only: tcp loses no packets and passes firewalls; udp has less delay on a clean network."),
    )
    camera_size: CameraSize | None = Field(
        default=None,
        description="Webcams only: the picture size to ask for, such as 1280x720. Unset, the device's own.",
    )
    camera_format: CameraFormat | None = Field(
        default=None,
        description=(
            "Webcams only: the pixel format to ask for, such as MJPG, with which many cameras are faster. Unset, the "
            "device's own."
        ),
    )
    preview: Literal["off", "blurred", "clear"] = Field(
        default="off",
        description=(
            "Whether the dashboard may show the stream's picture: off, blurred (the faces), or clear. It is made only "
            "while somebody looks, lives in Redis for 3 seconds, sealed, and is never stored."
        ),
    )
    labels: Labels = Field(
        default_factory=dict,
        description=("Up to 16 words of your own about the stream (site, room), shown by the API beside its status."),
    )

    @property
    def kind(self) -> SourceKind:
        """The kind of source that the URL names."""
        return source_kind(self.url.get_secret_value())

    @property
    def recorded(self) -> bool:
        """Whether the source is a recording, read to its end without dropping."""
        return is_recorded(self.url.get_secret_value(), live=self.live)

    @property
    def shown_url(self) -> str:
        """The URL without passwords, for people."""
        return redact_url(self.url.get_secret_value())

    @property
    def known_url(self) -> str:
        """The URL without passwords, to tell sources apart: other values of its query count. Not to be shown."""
        return redact_text(self.url.get_secret_value())

    @field_validator("fps")
    @classmethod
    def _live_needs_a_rate(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is None and _kind_of(info) is not None and not _recorded(info):
            raise ValueError("must be a number for a live source; only recorded ones can be read frame by frame")
        return value

    @field_validator("loop", "realtime", "start_at")
    @classmethod
    def _only_for_recorded(cls, value: Self, info: ValidationInfo) -> Self:
        if value and _kind_of(info) is not None and not _recorded(info):
            raise ValueError("is only for recorded sources (files and pictures), and this one is live; remove it")
        return value

    @field_validator("live")
    @classmethod
    def _live_is_for_http(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        if value is not None and _kind_of(info) not in {None, "http"}:
            raise ValueError("is only for http:// and https:// sources; remove it")
        return value

    @field_validator("camera_size", "camera_format")
    @classmethod
    def _only_for_webcams(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and _kind_of(info) not in {None, "webcam"}:
            raise ValueError("is only for webcams; remove it")
        return value

    @field_validator("transport")
    @classmethod
    def _udp_is_for_rtsp(cls, value: str, info: ValidationInfo) -> str:
        if value == "udp" and _kind_of(info) not in {None, "rtsp"}:
            raise ValueError("is only for rtsp:// sources; remove it")
        return value


def _kind_of(info: ValidationInfo) -> SourceKind | None:
    """Return the kind of the url validated before, or None where it was wrong itself."""
    url = info.data.get("url")
    return source_kind(url.get_secret_value()) if isinstance(url, SecretStr) else None


def _recorded(info: ValidationInfo) -> bool:
    return is_recorded(info.data["url"].get_secret_value(), live=info.data.get("live"))
