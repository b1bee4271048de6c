"""Which sources a stream of run time may have: whoever adds it must not read files or reach hosts at will.

A rule is ``demo``, ``webcam``, an absolute folder, or ``scheme://host`` with a name (``*.example.org``) or
a network (``10.0.5.0/24``).
"""

import fnmatch
import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator

from moodline.redact import redact_text

REFERENCE: Final = re.compile(r"\$\{(CAMERA_[A-Z0-9_]+)\}", re.ASCII)
"""What a source may take from the environment of ingest: nothing else there is a camera's business."""

_PLAIN_KINDS: Final = ("demo", "webcam")
_WEBCAM: Final = re.compile(r"\d+|/dev/video\d+", re.ASCII)
_RULE: Final = re.compile(r"(?P<scheme>rtsps?|https?)://(?P<host>[A-Za-z0-9*._-]+(?:/\d+)?|\[[0-9a-fA-F:]+(?:/\d+)?\])")
# Strict, so that no two programs read the same address differently.
_ADDRESS: Final = re.compile(
    r"(?P<scheme>rtsps?|https?)://(?:(?P<user>(?:[A-Za-z0-9._~%!*+,;=-]|\$\{CAMERA_[A-Z0-9_]+\})*)"
    r"(?P<password>:[^@/?#\\\s]*)?@)?(?P<host>[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?P<rest>/[^\s\\]*)?",
    re.ASCII,
)


def _rule(text: str) -> str:
    if text not in _PLAIN_KINDS and not _RULE.fullmatch(text) and not Path(text).is_absolute():
        raise ValueError(
            "must be demo, webcam, an absolute folder, or scheme://host such as rtsp://10.0.5.0/24, "
            "rtsp://camera.local or https://*.example.org"
        )
    if (match := _RULE.fullmatch(text)) and "/" in match["host"]:
        try:
            _network(match["host"])
        except ValueError as error:
            raise ValueError("names no network; write it as rtsp://10.0.5.0/24") from error
    return text


SourceRule = Annotated[str, AfterValidator(_rule)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a source may be added at run time, and if not, a sentence: what is wrong, what to do.

    ``malformed``: it never can be; else the operator may allow it.
    """

    refused: str = ""
    malformed: bool = False


def judge_source(url: str, rules: Iterable[str]) -> Verdict:
    """Judge the source of a stream that is added at run time; never repeats a password."""
    if "${" in REFERENCE.sub("", url):
        return Verdict("url holds a ${ that is not ${CAMERA_NAME}: other variables are not for streams", malformed=True)
    if url.partition(":")[0] == "browser":
        return Verdict("url is browser, which stands in the configuration file alone", malformed=True)
    if url == "demo":
        return _by_kind(url, rules)
    if _WEBCAM.fullmatch(url):
        return _by_kind("webcam", rules)
    if "://" in url and not url.startswith("file://"):
        return _judge_address(url, rules)
    return _judge_path(url.removeprefix("file://"), rules)


def _by_kind(kind: str, rules: Iterable[str]) -> Verdict:
    return Verdict() if kind in rules else Verdict(_not_allowed(kind))


def _judge_address(url: str, rules: Iterable[str]) -> Verdict:
    address = _ADDRESS.fullmatch(url)
    if address is None:
        return Verdict(
            "url is no plain address: write it as rtsp://user:${CAMERA_NAME}@host:554/path, special characters "
            "percent-encoded",
            malformed=True,
        )
    if _has_plain_secret(address):
        return Verdict(
            "url holds a password, which is kept nowhere: write ${CAMERA_NAME} in its place, and set that variable "
            "where ingest runs",
            malformed=True,
        )
    scheme, host = address["scheme"], address["host"].lower()
    for rule in filter(None, map(_RULE.fullmatch, rules)):
        if rule["scheme"] == scheme and _covers(rule["host"].lower(), host):
            return Verdict()
    return Verdict(_not_allowed(f"{scheme}://{host}"))


def _has_plain_secret(address: re.Match[str]) -> bool:
    user, password = address["user"], address["password"]
    secret = user if password is None else password[1:]
    if secret and not REFERENCE.fullmatch(secret):
        return True
    rest = REFERENCE.sub("", address["rest"] or "")
    return redact_text(rest) != rest


def _covers(pattern: str, host: str) -> bool:
    try:
        found = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return fnmatch.fnmatchcase(host, pattern)
    try:
        return found in _network(pattern)
    except ValueError:
        return pattern == "*"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text.strip("[]"), strict=False)


def _judge_path(text: str, rules: Iterable[str]) -> Verdict:
    path = Path(text)
    if not path.is_absolute() or ".." in path.parts or "\0" in text or "$" in text:
        return Verdict("url is no absolute path without ..; write where the recording lies", malformed=True)
    # Of a pattern counts the folder before its first wildcard.
    fixed, *wild = re.split(r"[*?\[]", text, maxsplit=1)
    shown = fixed.rpartition("/")[0] if wild else text
    real = Path(os.path.realpath(shown))
    folders = (rule for rule in rules if Path(rule).is_absolute())
    if any(real.is_relative_to(os.path.realpath(folder)) for folder in folders):
        return Verdict()
    return Verdict(_not_allowed(shown))


def _not_allowed(source: str) -> str:
    return f"the source {source} is not allowed here: whoever runs moodline may add it to api.stream_sources"
