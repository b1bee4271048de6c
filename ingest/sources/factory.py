"""Which source a stream's url means, and what names a recording."""

import hashlib
from dataclasses import dataclass
from typing import Final

from ingest.native_stderr import ReadLines, no_lines
from ingest.sources.base import Pause, Source, Unsupported, Wanted, always
from ingest.sources.browser import BrowserWebcam
from ingest.sources.demo import DemoCamera
from ingest.sources.films import Films
from ingest.sources.listing import is_video, recorded_files
from ingest.sources.network import NetworkCamera, RemoteFilm
from ingest.sources.pictures import Pictures
from ingest.sources.playback import Playback
from ingest.sources.recorded import RecordedFile
from ingest.sources.video_capture import CaptureOpener, Timeouts, open_with_opencv
from ingest.sources.webcam import Webcam
from moodline.broker import Broker
from moodline.settings import IngestSettings, StreamSettings
from moodline.settings.source import source_path
from moodline.settings.stream_parts import size_of

_KEY_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source needs to know of the process that reads it."""

    pause: Pause
    native_lines: ReadLines = no_lines
    resume_after: int = -1
    opener: CaptureOpener = open_with_opencv
    broker: Broker | None = None
    wanted: Wanted = always


def make_source(stream: StreamSettings, settings: IngestSettings, context: SourceContext) -> Source:
    """Return the source that a stream's url names; nothing is opened yet. Raises Unsupported."""
    url = stream.url.get_secret_value()
    match stream.kind:
        case "rtsp" | "http":
            return _network_source(stream, settings, context)
        case "webcam":
            return Webcam(
                url,
                size=size_of(stream.camera_size) if stream.camera_size else None,
                pixel_format=stream.camera_format,
                opener=context.opener,
                wanted=context.wanted,
            )
        case "demo":
            return DemoCamera(fps=stream.fps, pause=context.pause)
        case "file":
            return RecordedFile(
                source_path(url),
                playback=_playback(stream, context),
                native_lines=context.native_lines,
                opener=context.opener,
            )
        case "picture" | "folder" | "glob":
            return _files_source(stream, context)
        case "browser":
            if context.broker is None:
                raise Unsupported("A browser's webcam is opened on the page /webcam of a running moodline.")
            return BrowserWebcam(stream.id, broker=context.broker, pause=context.pause)


def _network_source(stream: StreamSettings, settings: IngestSettings, context: SourceContext) -> Source:
    url = stream.url.get_secret_value()
    timeouts = Timeouts(settings.open_timeout.total_seconds(), settings.read_timeout.total_seconds())
    if stream.recorded:
        return RemoteFilm(
            url,
            timeouts=timeouts,
            playback=_playback(stream, context),
            native_lines=context.native_lines,
            opener=context.opener,
        )
    return NetworkCamera(
        url,
        timeouts=timeouts,
        transport=stream.transport,
        native_lines=context.native_lines,
        opener=context.opener,
        wanted=context.wanted,
        pause=context.pause,
    )


def _files_source(stream: StreamSettings, context: SourceContext) -> Source:
    """Return the pictures or the videos that the url names; raises Unsupported where it names both."""
    path, playback = source_path(stream.url.get_secret_value()), _playback(stream, context)
    files = recorded_files(path)
    videos = [file for file in files if is_video(file)]
    if not videos:
        return Pictures(path, playback=playback)
    if len(videos) < len(files):
        raise Unsupported(
            f"{path} holds videos and pictures: say which ones are meant with a pattern, such as "
            f"{videos[0].parent}/*{videos[0].suffix}."
        )
    native_lines, opener = context.native_lines, context.opener
    return Films(files, shown=stream.shown_url, playback=playback, native_lines=native_lines, opener=opener)


def recording_key(stream: StreamSettings) -> str:
    """Return what tells this recording from all others: a hash of its files' paths, sizes and times.

    The same recording with another ``start_at`` is another one: its events carry other times.
    """
    if stream.kind == "http":
        return hashlib.sha256(f"{stream.known_url}\0{stream.start_at}".encode()).hexdigest()[:_KEY_LENGTH]
    path = source_path(stream.url.get_secret_value())
    digest = hashlib.sha256(f"{path.absolute()}\0{stream.start_at}".encode())
    for file in recorded_files(path):
        stat = file.stat()
        digest.update(f"\0{file.name}\0{stat.st_size}\0{stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:_KEY_LENGTH]


def _playback(stream: StreamSettings, context: SourceContext) -> Playback:
    start_ms = round(stream.start_at.timestamp() * 1000) if stream.start_at else None
    return Playback(
        start_ms=start_ms,
        pause=context.pause,
        resume_after=context.resume_after,
        loop=stream.loop,
        realtime=stream.realtime,
        wanted=context.wanted,
    )
