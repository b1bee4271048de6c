"""Keys to the HTTP API: made here, shown once, kept as hashes, in Redis and in the configuration.

A key is ``ml_<id>_<secret>``. Its secret has 256 random bits, which nobody can guess from a hash: SHA-256 without salt
or rounds is enough, and does not slow an API down that checks a key with every request.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, cast, get_args

from moodline.broker import Broker
from moodline.keys import API_KEYS_KEY

Scope = Literal["read", "write", "webcam"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
GRANTS: Final[Mapping[Scope, frozenset[Scope]]] = MappingProxyType(
    {
        "read": frozenset({"read"}),
        "write": frozenset({"read", "write", "webcam"}),
        "webcam": frozenset({"webcam"}),
    }
)
"""What a key of each scope may do."""

_KEY: Final = re.compile(r"ml_([0-9a-f]{8})_([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: enough to recognise it, not to use it. ``created_at``: RFC 3339, or empty if unknown."""

    id: str
    scope: Scope
    digest: str
    name: str = ""
    created_at: str = ""

    def may(self, scope: Scope) -> bool:
        """Return whether the key grants ``scope``."""
        return scope in GRANTS[self.scope]

    @property
    def line(self) -> str:
        """The key's hash as it stands in ``api.keys``."""
        return f"{self.scope}:{self.id}:{self.digest}"


def new_key(scope: Scope, name: str = "") -> tuple[str, ApiKey]:
    """Return the text of a new key, which is shown once, and what is kept of it."""
    key_id, secret = secrets.token_hex(4), secrets.token_hex(32)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"ml_{key_id}_{secret}", ApiKey(key_id, scope, _digest(secret), name, now)


def find_key(text: str, keys: Mapping[str, ApiKey]) -> ApiKey | None:
    """Return the key that ``text`` is, compared in constant time; None where there is none, or it is no key."""
    parts = _KEY.fullmatch(text)
    if parts is None or (key := keys.get(parts[1])) is None:
        return None
    return key if hmac.compare_digest(key.digest, _digest(parts[2])) else None


def keys_of_lines(lines: Iterable[str]) -> dict[str, ApiKey]:
    """Return the keys of ``api.keys`` by their ids."""
    parts = (line.split(":") for line in lines)
    return {key_id: ApiKey(key_id, cast("Scope", scope), digest) for scope, key_id, digest in parts}


def save_key(broker: Broker, key: ApiKey) -> None:
    """Keep a key in Redis. Raises BrokerError."""
    kept = {"scope": key.scope, "digest": key.digest, "name": key.name, "created_at": key.created_at}
    with broker.errors():
        broker.client.hset(API_KEYS_KEY, key.id, json.dumps(kept))


def saved_keys(broker: Broker) -> dict[str, ApiKey]:
    """Return the keys that are kept in Redis by their ids. Raises BrokerError."""
    with broker.errors():
        found = cast("dict[bytes, bytes]", broker.client.hgetall(API_KEYS_KEY))
    return {key_id.decode(): ApiKey(id=key_id.decode(), **json.loads(kept)) for key_id, kept in found.items()}


def revoke_key(broker: Broker, key_id: str) -> bool:
    """Forget a key, and return whether it was there. Raises BrokerError."""
    with broker.errors():
        return bool(broker.client.hdel(API_KEYS_KEY, key_id))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
