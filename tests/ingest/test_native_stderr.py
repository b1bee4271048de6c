"""What FFmpeg writes to stderr and stdout: never the password, and read as a diagnosis."""

import subprocess
import sys

import pytest

from ingest.diagnosis import diagnose
from ingest.native_stderr import without_secrets
from ingest.sources.base import AuthFailed, NotFound, SourceFailure, Stalled, Unreachable, Unsupported
from moodline.redact import secrets_of
from tests.support.repository import ROOT

SCRIPT = """
import os, sys
from ingest.native_stderr import NativeStderr
native = NativeStderr("rtsp://me:p%40ss-w0rd@cam/1")
os.write(2, b"[rtsp @ 0x1] DESCRIBE rtsp://me:p%40ss-w0rd@cam/1 failed: 401\\n[tcp @ 0x2] p@ss-w0rd is")
os.write(2, b" wrong\\n")
print(native.take())
os.write(1, b"header='Authorization: Basic bWU6cEBzcy13MHJk' of rtsp://me:p%40ss-w0rd@cam/1\\n")
print(native.take())
os.write(2, b"later\\n")
print(native.take(), native.take())
print("for people", file=sys.stderr)
"""


def test_native_lines_are_kept_from_the_log_and_their_passwords_from_everybody() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "['DESCRIBE rtsp://***@cam/1 failed: 401', '*** is wrong']",
        """["header='Authorization: Basic ***' of rtsp://***@cam/1"]""",
        "['later'] []",
    ]
    assert done.stderr == "for people\n"


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("method DESCRIBE failed: 401 (Unauthorized)", AuthFailed, "refuses the user or password"),
        ("HTTP error 403 Forbidden", AuthFailed, "refuses the user or password"),
        ("method DESCRIBE failed: 404 (Not Found)", NotFound, "check the path"),
        ("Server returned 404 Not Found", NotFound, "check the path"),
        ("Connection to tcp://127.0.0.1:1?timeout=0 failed: Connection refused", Unreachable, "refused"),
        ("Failed to resolve hostname cam.invalid: Name or service not known", Unreachable, "resolved"),
        ("Connection to tcp://10.9.9.9:554 failed: No route to host", Unreachable, "no network route"),
        ("Connection to tcp://10.9.9.9:554 failed: Connection timed out", Unreachable, "no answer in time"),
        ("Stream timeout triggered after 5004.1 ms", Unreachable, "no answer in time"),
        ("method SETUP failed: 461 Unsupported transport", Unsupported, "set the stream's transport to tcp"),
        ("method DESCRIBE failed: 503 Service Unavailable", Unreachable, "server error"),
        ("moov atom not found", Unsupported, "convert it to H.264"),
        ("Could not find codec parameters for stream 0", Unsupported, "convert it to H.264"),
    ],
)
def test_a_native_message_becomes_a_typed_failure(line: str, kind: type[SourceFailure], words: str) -> None:
    found = diagnose([line], source="rtsp://cam/1", otherwise=Stalled("unknown"))
    assert type(found) is kind
    assert words in str(found)
    assert "rtsp://cam/1" in str(found)


def test_what_says_nothing_is_left_as_it_was() -> None:
    lines = ["backend is generally available but can't be used to capture by name", "frame 404 lost", "tcp://cam:401"]
    otherwise = Stalled("unknown")
    assert diagnose(lines, source="rtsp://cam", otherwise=otherwise) is otherwise


def test_the_password_is_a_secret_as_written_and_as_meant() -> None:
    secrets = secrets_of("rtsp://me:p%40ss@cam/1")
    assert secrets == {"p%40ss", "p@ss", "bWU6cEBzcw=="}
    assert without_secrets("p@ss p%40ss pass", secrets) == "*** *** pass"
    assert without_secrets("error: a 401", frozenset({"r"})) == "error: a 401", "short ones hide no words"
    assert secrets_of("rtsp://cam/1") == secrets_of("/film.mp4") == frozenset()
