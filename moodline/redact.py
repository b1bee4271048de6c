"""Takes passwords out of everything that shows a URL."""

import base64
import re
from collections.abc import Iterable
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
_WHOLE_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*[/?#]?(?P<rest>.*)", re.DOTALL)

# Known to this process: by address what of it is secret wherever it stands in it, and what of that no text may show.
_hidden_in: Final[dict[str, frozenset[str]]] = {}
_hidden: Final[set[str]] = set()


def hide(url: str, values: Iterable[str]) -> None:
    """Treat ``values``, of which ``url`` was made, as secrets from now on, in all that this process redacts.

    Of a value that is an address itself its host may be seen. A path on this machine holds no secrets.
    """
    if _ADDRESS.fullmatch(url) is None or url[:5].lower() == "file:":
        return
    parts = {whole["rest"] if (whole := _WHOLE_ADDRESS.fullmatch(value)) else value for value in values}
    parts |= {unquote(part) for part in parts}
    _hidden_in[url] = hidden_in(url) | (parts - {""})
    _hidden.update(part for part in parts if len(part) >= _TELLING)


def hidden_in(url: str) -> frozenset[str]:
    """Return what of ``url`` this process was told to hide."""
    return _hidden_in.get(url, frozenset())


def redact_text(text: str) -> str:
    """Return ``text`` with all that is hidden, and the user info and secret query values of URLs, as ``***``.

    Control characters become ``?``: text of others is shown on terminals.
    """
    text = _without(text, _hidden)
    text = _CREDENTIALS.sub(lambda match: f"{match['scheme']}***@", text)
    return _CONTROL.sub("?", _NAMED_SECRET.sub(lambda match: f"{match['name']}***", text))


def redact_line(text: str) -> str:
    """Return ``text`` as ``redact_text`` does, as one line."""
    return " ".join(redact_text(text).split())


def redact_url(url: str) -> str:
    """Return ``url`` without its user, its password, every value of its query and what is hidden: safe to be shown."""
    if hidden := hidden_in(url):
        scheme, mark, rest = url.partition("://")
        url = scheme + mark + _without(rest, hidden)
    url = _KNOWN_CREDENTIALS.sub(lambda match: f"{match['scheme']}***@", url)
    address = _ADDRESS.fullmatch(url)
    if address is None or url[:5].lower() == "file:":
        return redact_text(url)
    rest = _VALUE.sub(lambda match: f"{match['name']}***", address["rest"] or "")
    return redact_text(address["before"]) + rest


def secrets_of(url: str) -> frozenset[str]:
    """Return what of ``url`` must not be shown, as written and unquoted: password, query values, what is hidden."""
    secrets: set[str] = set(hidden_in(url))
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


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted((secret for secret in secrets if secret in text), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
