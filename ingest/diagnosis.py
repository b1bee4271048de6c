"""From native messages to a typed failure: what FFmpeg writes when a source does not open, as a sentence."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.sources.base import AuthFailed, NotFound, SourceFailure, Unreachable, Unsupported


@dataclass(frozen=True, slots=True)
class _Symptom:
    pattern: re.Pattern[str]
    failure: type[SourceFailure]
    sentence: str


def _symptom(pattern: str, failure: type[SourceFailure], sentence: str) -> _Symptom:
    return _Symptom(re.compile(pattern, re.IGNORECASE), failure, sentence)


# As in "method DESCRIBE failed: 401 (Unauthorized)", "HTTP error 404 Not Found", "Server returned 403 Forbidden".
_ANSWER = r"(?:failed:|error|returned) "
# In order: the first that any line shows is taken, so what is more telling stands first.
_SYMPTOMS = (
    _symptom(
        _ANSWER + r"40[13]|unauthorized|forbidden",
        AuthFailed,
        "{source} refuses the user or password: give the right ones in the stream's url (as ${{NAME}}).",
    ),
    _symptom(
        _ANSWER + r"(404|410)",
        NotFound,
        "{source} is not there, though its server answers: check the path.",
    ),
    _symptom(
        _ANSWER + "461|unsupported transport",
        Unsupported,
        "{source} does not offer this transport: set the stream's transport to tcp.",
    ),
    _symptom(r"connection refused", Unreachable, "Nothing listens at {source}: connection refused; trying again."),
    _symptom(
        r"failed to resolve|name or service not known|temporary failure in name resolution",
        Unreachable,
        "The host name of {source} cannot be resolved: check the url or the name server; trying again.",
    ),
    _symptom(
        r"no route to host|network is unreachable|host is down",
        Unreachable,
        "There is no network route to {source}: check the cable and the address; trying again.",
    ),
    _symptom(
        "timed out|timeout triggered",
        Unreachable,
        "{source} takes connections but gives no answer in time; trying again.",
    ),
    _symptom(
        _ANSWER + r"5\d\d",
        Unreachable,
        "{source} reports a server error; trying again.",
    ),
    _symptom("stream ends prematurely", Unreachable, "{source} broke off in the middle; trying again."),
    _symptom(
        r"moov atom not found|invalid data|could not find codec|unsupported codec|decoder .*not found|"
        r"unknown decoder|protocol not found|unable to open|not currently supported",
        Unsupported,
        "{source} is no video that FFmpeg can decode, or it is damaged: try ffprobe, or convert it to H.264.",
    ),
    _symptom(
        r"end of file|connection reset|broken pipe|input/output error",
        Unreachable,
        "{source} closed the connection; trying again.",
    ),
)


def diagnose(lines: Iterable[str], *, source: str, otherwise: SourceFailure) -> SourceFailure:
    """Return the failure that native ``lines`` tell of, or ``otherwise``; ``source`` is the redacted URL."""
    found = _first_symptom(list(lines))
    return found.failure(found.sentence.format(source=source)) if found else otherwise


def _first_symptom(lines: Sequence[str]) -> _Symptom | None:
    for symptom in _SYMPTOMS:
        if any(symptom.pattern.search(line) for line in lines):
            return symptom
    return None
