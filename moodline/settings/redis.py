"""The settings of the Redis or Valkey server and of what is kept in it."""

import base64
import binascii
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ByteSize, Field, SecretStr

from moodline.config.schema import EnvName, Unit
from moodline.settings.section import Section
from moodline.settings.units import KIB, MIB, PositiveDuration, Size

_SEAL_KEY_BYTES: Final = 32
_SCHEMES: Final = ("redis://", "rediss://", "unix://")


def _redis_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(_SCHEMES):
        raise ValueError("must begin with redis://, rediss:// or unix://, such as redis://localhost:6379/0")
    return url


def _seal_key(key: SecretStr) -> SecretStr:
    try:
        size = len(base64.b64decode(key.get_secret_value(), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != _SEAL_KEY_BYTES:
        raise ValueError("must be the base64 of 32 bytes; make one with: head -c 32 /dev/urandom | base64")
    return key


RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
SealKey = Annotated[SecretStr, AfterValidator(_seal_key)]


class RedisSettings(Section):
    """The Redis (7.0 or later) or Valkey (7.2 or later) server, and the bounds of what is kept in it."""

    url: Annotated[RedisUrl | None, EnvName("REDIS_URL")] = Field(
        default=None,
        description=(
            "The server, such as rediss://user:password@host:6379/0, or any node of a Redis Cluster, which is "
            "noticed. Unset, moodline up starts a private server of its own; a service that runs alone needs it."
        ),
    )
    password: Annotated[SecretStr | None, EnvName("REDIS_PASSWORD")] = Field(
        default=None,
        description=(
            "Password of the user whom a redis:// or rediss:// URL names, where it holds none itself. It may have any "
            "characters, and stand in a file (see Secrets)."
        ),
    )
    tls_ca: Path | None = Field(
        default=None,
        description=(
            "File with the certificates of the authorities that may have signed the server's, for rediss://. "
            "Unset, those that the operating system trusts."
        ),
    )
    seal_key: Annotated[SealKey | None, EnvName("MOODLINE_SEAL_KEY")] = Field(
        default=None,
        description=(
            "Base64 of 32 random bytes that seals the faces in Redis, so that none can be read from its "
            "files. Unset, moodline up makes one for its run; services on separate hosts need the same one."
        ),
    )
    partitions: Annotated[int, Unit("partitions")] = Field(
        default=1,
        ge=1,
        le=1024,
        description=(
            "Into how many parts streams are spread, each in one slot of a Redis Cluster; one server needs "
            "one. It is fixed when the keys are first made."
        ),
    )
    socket_timeout: PositiveDuration = Field(
        default=timedelta(seconds=5),
        gt=timedelta(seconds=1),
        description=(
            "A server that does not answer for this long counts as away. It is longer than the second for "
            "which idle workers wait on purpose."
        ),
    )
    feed_max_events: Annotated[int, Unit("events per partition")] = Field(
        default=50_000,
        ge=1,
        description=("The event feed keeps the newest this many; a subscriber further behind learns what it missed."),
    )
    dead_letter_max: Annotated[int, Unit("entries per partition")] = Field(
        default=1_000, ge=1, description="How many crops that nobody could classify are kept to look at."
    )
    partition_max_bytes: Size = Field(
        default=ByteSize(256 * MIB),
        ge=64 * KIB,
        description=("Memory bound of all crop queues of a partition together, whatever the streams' own bounds are."),
    )
