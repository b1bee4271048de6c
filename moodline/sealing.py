"""Seals the image bytes of crops, so that no face reaches a disk through the server's AOF or snapshots.

AES-256-GCM with a random 96-bit nonce a crop; the crop's id is authenticated with it, so that one crop's pixels
cannot pass as another's. The key is never stored in Redis.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from moodline.errors import ConfigError, UnreadableCropError

KEY_BYTES = 32
NONCE_BYTES = 12


def new_key() -> str:
    """Return a fresh key as base64, as ``MOODLINE_SEAL_KEY`` takes it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii")


class Sealer:
    """Seals and opens image bytes with one key."""

    def __init__(self, key: str) -> None:
        """Take the base64 of 32 bytes. Raises ConfigError, which never repeats the key."""
        try:
            raw = base64.b64decode(key, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != KEY_BYTES:
            raise ConfigError(
                "MOODLINE_SEAL_KEY is not the base64 of 32 bytes: make one with "
                "`head -c 32 /dev/urandom | base64` and give the same to ingest and worker."
            )
        self._aead = AESGCM(raw)

    def seal(self, pixels: bytes, crop_id: str) -> bytes:
        """Return nonce + ciphertext + tag: 28 bytes longer than ``pixels``."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, pixels, crop_id.encode())

    def open(self, sealed: bytes, crop_id: str) -> bytes:
        """Return the pixels, or raise UnreadableCropError where key, id or bytes do not fit."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], crop_id.encode())
        except (InvalidTag, ValueError) as error:
            raise UnreadableCropError(
                f"The pixels of crop {crop_id} cannot be opened: they were sealed with another key, or damaged; "
                "give ingest and worker the same MOODLINE_SEAL_KEY."
            ) from error
