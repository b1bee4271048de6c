"""From native messages to a typed failure: what FFmpeg writes when a source does not open, as a sentence."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from ingest.sources.base import AuthFailed, NotFound, SourceFailure, Unreachable, Unsupported


@dataclass(frozen=True, slots=True)
class _Symptom:
    pattern: re.Pattern[str]
    failure: type[SourceFailure]
    sentence: str


def _symptom(pattern: str, failure: type[SourceFailure], sentence: str) -> _Symptom:
    return _Symptom(re.compile(pattern, re.IGNORECASE), failure, sentence)


# Of HTTP and RTSP; not in the server's own words, which may be anything.
_MEANINGS = {str(int(status)): status.phrase for status in HTTPStatus} | {
    "451": "Parameter Not Understood",
    "453": "Not Enough Bandwidth",
    "454": "Session Not Found",
    "455": "Method Not Valid in This State",
    "551": "Option not supported",
}
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
        _ANSWER + r"(?P<code>429|453|454)",
        Unreachable,
        "{source} refuses with {code}, perhaps because too many look at it; trying again.",
    ),
    _symptom(
        _ANSWER + r"(?P<code>4\d\d)",
        Unsupported,
        "{source} refuses with {code}: check the url, and that nothing but a camera answers there.",
    ),
    _symptom(
        _ANSWER + r"(?P<code>5\d\d)",
        Unreachable,
        "{source} reports a server error, {code}; trying again.",
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
    return _first_symptom(list(lines), source) or otherwise


def _first_symptom(lines: Sequence[str], source: str) -> SourceFailure | None:
    for symptom in _SYMPTOMS:
        for match in filter(None, map(symptom.pattern.search, lines)):
            code = match.groupdict().get("code", "")
            told = f"{code} {_MEANINGS.get(code, '')}".rstrip()
            return symptom.failure(symptom.sentence.format(source=source, code=told))
    return None
