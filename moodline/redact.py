"""Takes passwords out of everything that shows a URL."""

import base64
import re
from typing import Final
from urllib.parse import unquote

# scheme://user:password@ in any text; the user may be empty, the password may hold anything up to the last @: people
# do write '@', ':', '/', '?' and '#' unescaped. A file's path holds no password.
_CREDENTIALS: Final = re.compile(r"(?P<scheme>\b(?!file:)[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^\s'\"<>]*)@")
_KNOWN_CREDENTIALS: Final = re.compile(r"(?P<scheme>\b(?!file:)[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>.*)@", re.DOTALL)
# Some cameras take user and password as names and values in their path.
_NAMED_SECRET: Final = re.compile(
    r"(?P<name>[?&;/_](?:[\w.-]*(?:pas|psw|pwd|token|secret|auth|cred|session)[\w.-]*|[\w.-]*(?:key|sig|signature))=)"
    r"(?P<value>[^&;\s'\"#]+)",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^?#]*)(?P<rest>[?#].*)?", re.DOTALL)
_VALUE: Final = re.compile(r"(?P<name>[?&;#](?:[^=&;#]*=)?)(?P<value>[^&;#]+)")
# What moves a terminal's cursor, hides or turns text, or begins a line that nobody wrote; of these tracebacks need \n.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Shorter query values, unless their name says what they are, are switches: "1" is found in every line.
_TELLING: Final = 6


def redact_text(text: str) -> str:
    """Return ``text`` with the user info and secret query values of every URL in it replaced by ``***``.

    Control characters become ``?``: text of others is shown on terminals.
    """
    text = _CREDENTIALS.sub(lambda match: f"{match['scheme']}***@", text)
    return _CONTROL.sub("?", _NAMED_SECRET.sub(lambda match: f"{match['name']}***", text))


def redact_line(text: str) -> str:
    """Return ``text`` as ``redact_text`` does, as one line."""
    return " ".join(redact_text(text).split())


def redact_url(url: str) -> str:
    """Return ``url`` without its user, its password and every value of its query: safe to log, count by and show."""
    url = _KNOWN_CREDENTIALS.sub(lambda match: f"{match['scheme']}***@", url)
    address = _ADDRESS.fullmatch(url)
    if address is None or url[:5].lower() == "file:":
        return redact_text(url)
    rest = _VALUE.sub(lambda match: f"{match['name']}***", address["rest"] or "")
    return redact_text(address["before"]) + rest


def secrets_of(url: str) -> frozenset[str]:
    """Return what of ``url`` must not be shown, as written and unquoted: its password, and values of its query."""
    secrets: set[str] = set()
    rest = url
    if credentials := _KNOWN_CREDENTIALS.search(url):
        account = credentials["userinfo"]
        secrets.add(account.partition(":")[2])
        if ":" in account:  # as FFmpeg says it to a web server
            secrets.add(base64.b64encode(unquote(account).encode()).decode())
        rest = url[credentials.end() :]
    secrets.update(match["value"] for match in _NAMED_SECRET.finditer(rest))
    if credentials or (_ADDRESS.fullmatch(url) and url[:5].lower() != "file:"):
        query = re.search(r"[?#].*", rest, re.DOTALL)
        values = (match["value"] for match in _VALUE.finditer(query[0] if query else ""))
        secrets.update(value for value in values if len(value) >= _TELLING)
    secrets.discard("")
    return frozenset(secrets | {unquote(secret) for secret in secrets})
