"""Takes passwords out of everything that shows a URL."""

import re

# scheme://user:password@ in any text; the user may be empty, the password may hold anything up to the last @ of
# the authority (cameras' passwords do hold '@' and ':' unescaped).
_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^\s/?#'\"]*)@")
_QUERY_SECRET = re.compile(
    r"(?P<name>[?&;](?:pass(?:word)?|pwd|token|key|secret|auth|signature|sig)=)[^&\s'\"#]+", re.IGNORECASE
)


def redact_text(text: str) -> str:
    """Return ``text`` with the user info and secret query values of every URL in it replaced by ``***``."""
    text = _CREDENTIALS.sub(lambda match: f"{match['scheme']}***@", text)
    return _QUERY_SECRET.sub(lambda match: f"{match['name']}***", text)


def redact_url(url: str) -> str:
    """Return ``url`` without its user, password and secret query values: safe to log, count by and show."""
    return redact_text(url)
