"""Sources: can they be reached from this machine? No picture is read, and no password is sent."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from moodline.broker import connect
from moodline.declared import Declared, declared_streams
from moodline.doctor.finding import Finding
from moodline.errors import ConfigError, MoodlineError, SourceNotAllowedError
from moodline.redact import redact_text
from moodline.settings import Settings, StreamSettings
from moodline.settings.source import source_path

_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def look_at_sources(settings: Settings, *, timeout_s: float) -> Iterator[Finding]:
    """Yield a finding for each stream that is enabled, also those of run time; all are asked side by side."""
    enabled = [stream for stream in settings.streams if stream.enabled]
    faults = []
    for stream, declared in _declared(settings).items():
        try:
            enabled.append(declared.settings(settings.api.stream_sources))
        except (ConfigError, SourceNotAllowedError) as error:
            faults.append(_unreadable(stream, declared, error))
    yield from faults
    if not enabled and not faults:
        yield Finding(
            "streams", "warn", "No stream is configured.", "Add one under `streams:`; `url: demo` needs nothing."
        )
    with ThreadPoolExecutor(16) as pool:
        for found in pool.map(lambda stream: _look(stream, timeout_s), enabled):
            yield replace(found, sentence=redact_text(found.sentence))


def _declared(settings: Settings) -> dict[str, Declared]:
    """Return the streams of run time that are to be read; none where Redis cannot be asked, which is told already."""
    if settings.redis.url is None:
        return {}
    try:
        with closing(connect(settings.redis)) as broker:
            found = declared_streams(broker)
    except MoodlineError:
        return {}
    in_the_file = {stream.id for stream in settings.streams}
    return {stream: one for stream, one in found.items() if one.enabled and stream not in in_the_file}


def _unreadable(stream: str, declared: Declared, error: MoodlineError) -> Finding:
    """What is missing in this environment may be there where ingest runs, so that is no failure."""
    certain = bool(declared.broken) or isinstance(error, SourceNotAllowedError)
    advice = f"Correct it with `moodline streams set {stream}`, or look again where ingest runs."
    return Finding(f"stream {stream}", "fail" if certain else "warn", str(error), advice)


def _look(stream: StreamSettings, timeout_s: float) -> Finding:
    subject = f"stream {stream.id}"
    url = stream.url.get_secret_value()
    if stream.kind in {"rtsp", "http"}:
        return _network(subject, stream, url, timeout_s)
    if stream.kind == "webcam":
        return _device(subject, f"/dev/video{url}" if url.isdigit() else url)
    if stream.recorded and stream.kind != "glob" and not source_path(url).exists():
        return Finding(subject, "fail", f"There is no {stream.shown_url}.", "Correct the path, or mount the folder.")
    return Finding(subject, "ok", f"{stream.shown_url} needs nothing of the network.")


def _device(subject: str, path: str) -> Finding:
    if not os.path.exists(path):  # noqa: PTH110 - a device, not a file
        return Finding(subject, "fail", f"There is no camera {path}.", "Plug it in; in a container pass the device in.")
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(subject, "fail", f"This user may not open {path}.", "Add the user to the group video.")
    return Finding(subject, "ok", f"{path} is there and may be opened.")


def _network(subject: str, stream: StreamSettings, url: str, timeout_s: float) -> Finding:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.settimeout(timeout_s)
            if parts.scheme.lower() == "rtsp" and not _speaks_rtsp(connection, where):
                return Finding(subject, "fail", f"{where} answers, but not as an RTSP server.", "Correct the port.")
    except socket.gaierror:
        return Finding(subject, "fail", f"The name {host} is not known.", "Correct it, or look at this machine's DNS.")
    except OSError as error:
        said = error.strerror or "no answer"
        return Finding(
            subject,
            "fail",
            f"{where} cannot be reached ({said}).",
            "Is the camera on, the address right, and the way there open (VLAN, firewall)?",
        )
    return Finding(subject, "ok", f"{stream.shown_url}: {where} answers; ingest tries the password.")


def _speaks_rtsp(connection: socket.socket, where: str) -> bool:
    connection.sendall(f"OPTIONS rtsp://{where}/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: moodline\r\n\r\n".encode())
    return connection.recv(16).startswith(b"RTSP/")
