"""Sources: can they be reached from this machine? No picture is read, and no password is sent."""

import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from moodline.doctor.finding import Finding
from moodline.redact import redact_text
from moodline.settings import StreamSettings
from moodline.settings.source import source_path

_PORTS: Final = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def look_at_sources(streams: Sequence[StreamSettings], *, timeout_s: float) -> Iterator[Finding]:
    """Yield a finding for each stream that is enabled, all asked side by side."""
    enabled = [stream for stream in streams if stream.enabled]
    if not enabled:
        yield Finding(
            "streams", "warn", "No stream is configured.", "Add one under `streams:`; `url: demo` needs nothing."
        )
        return
    with ThreadPoolExecutor(min(16, len(enabled))) as pool:
        for found in pool.map(lambda stream: _look(stream, timeout_s), enabled):
            yield replace(found, sentence=redact_text(found.sentence))


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
