"""Draws a video: faces blurred, boxes with the steady emotion of each face."""

import threading
import time
from pathlib import Path
from typing import Final

import cv2

from ingest.annotate.boxes import Around, Labelled, read_boxes
from ingest.sources.base import Pixels
from ingest.sources.media_clock import FALLBACK_FPS
from ingest.sources.video_capture import open_with_opencv, retrieve_pixels
from moodline.errors import SourceError

COVERED_S: Final = 0.5
"""So long before and after a frame a face's box is blurred as well: a face that is missed for a moment is not shown."""
_MARGIN: Final = 0.25
_CELLS: Final = 6
_MOST_FPS: Final = 240.0
_TELL_S: Final = 0.5
# Blue, green, red; the colours of the dashboard.
_COLOURS: Final = {
    "happy": (29, 178, 249),
    "surprise": (245, 176, 69),
    "neutral": (176, 169, 163),
    "sad": (214, 86, 36),
    "fear": (138, 46, 107),
    "disgust": (64, 91, 31),
    "angry": (18, 74, 196),
}


def draw_video(video: Path, events: Path, out: Path, stop: threading.Event, *, show_faces: bool) -> bool:
    """Write ``out``, telling the progress on stdout; return False where it was stopped. Raises SourceError."""
    capture = open_with_opencv(str(video), cv2.CAP_FFMPEG, ())
    if not capture.isOpened():
        raise SourceError(f"{video} cannot be opened again.")
    fps = capture.get(cv2.CAP_PROP_FPS)
    fps = fps if 0 < fps <= _MOST_FPS else FALLBACK_FPS
    total = max(0, round(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    around = Around(read_boxes(events), reach=round(COVERED_S * fps))
    writer: cv2.VideoWriter | None = None
    told = 0.0
    frame = 0
    try:
        while not stop.is_set() and capture.grab():
            pixels = retrieve_pixels(capture)
            if pixels is not None:
                writer = writer or _writer(out, fps, pixels)
                writer.write(draw_frame(pixels, frame, around.of(frame), show_faces=show_faces))
            frame += 1
            if time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                print(f"frame {frame} of {total}", flush=True)  # noqa: T201 - moodline.recordings.annotating reads it
    finally:
        capture.release()
        if writer is not None:
            writer.release()
    return not stop.is_set()


def draw_frame(pixels: Pixels, frame: int, near: list[Labelled], *, show_faces: bool) -> Pixels:
    """Return a picture with its faces blurred, also where only a neighbouring frame has them, and its boxes drawn."""
    drawn = pixels.copy()
    if not show_faces:
        for face in near:
            _blur(drawn, face)
    thick = max(1, drawn.shape[0] // 360)
    for face in near:
        if face.frame == frame:
            _box(drawn, face, thick)
    return drawn


def _writer(out: Path, fps: float, pixels: Pixels) -> cv2.VideoWriter:
    height, width = pixels.shape[:2]
    # MPEG-4: the OpenCV of the package index has no H.264 encoder, whose licence forbids it.
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    if not writer.isOpened():
        raise SourceError(f"{out} cannot be written: check the folder's rights and room.")
    return writer


def _blur(picture: Pixels, face: Labelled) -> None:
    """Leave a mosaic of a few cells, from which nobody can be known again."""
    height, width = picture.shape[:2]
    left, top = (max(0, round(at - size * _MARGIN)) for at, size in ((face.x, face.width), (face.y, face.height)))
    right = min(width, round(face.x + face.width * (1 + _MARGIN)))
    bottom = min(height, round(face.y + face.height * (1 + _MARGIN)))
    if right <= left or bottom <= top:
        return
    part = picture[top:bottom, left:right]
    small = cv2.resize(part, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    picture[top:bottom, left:right] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)


def _box(picture: Pixels, face: Labelled, thick: int) -> None:
    colour = _COLOURS.get(face.emotion, (255, 255, 255))
    cv2.rectangle(picture, (face.x, face.y), (face.x + face.width, face.y + face.height), colour, thick + 1)
    text, font, size = f"{face.emotion} {face.confidence:.0%}", cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thick
    (width, height), _ = cv2.getTextSize(text, font, size, thick)
    bottom = max(height + 6, face.y)
    cv2.rectangle(picture, (face.x, bottom - height - 6), (face.x + width + 6, bottom), colour, cv2.FILLED)
    cv2.putText(picture, text, (face.x + 3, bottom - 4), font, size, (0, 0, 0), thick, cv2.LINE_AA)
