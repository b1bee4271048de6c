"""What a web server says of an address that did not open: FFmpeg keeps its answer to itself."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

_NO_VIDEO: Final = ("text/", "application/json", "application/xml")
_PLAY_LIST: Final = "mpegurl"


def http_answer(url: str, *, timeout_s: float) -> Sequence[str]:
    """Ask for ``url`` once more and return the answer in the words that ``ingest.diagnosis`` knows."""
    address, opener = _without_account(url)
    try:
        with opener.open(address, timeout=timeout_s) as answer:
            kind = answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        error.close()
        return [f"Server returned {error.code} {error.reason}"]
    except http.client.HTTPException:
        return ["Invalid data: the server's answer is no HTTP"]
    except (OSError, ValueError) as error:
        return [str(getattr(error, "reason", error))]
    no_video = kind.startswith(_NO_VIDEO) and _PLAY_LIST not in kind
    return [f"Invalid data: the server answers with {kind}"] if no_video else []


def _without_account(url: str) -> tuple[str, urllib.request.OpenerDirector]:
    """Return the address without user and password, and what gives them to the server, basic or digest."""
    parts = urlsplit(url)
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if parts.username is None:
        return address, urllib.request.build_opener()
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, address, unquote(parts.username), unquote(parts.password or ""))
    handlers = (urllib.request.HTTPBasicAuthHandler(passwords), urllib.request.HTTPDigestAuthHandler(passwords))
    return address, urllib.request.build_opener(*handlers)
