"""Ingest's side of a crop queue: the reader's lease of one stream, and frames that go in exactly once."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

import numpy as np

from moodline.broker import Broker
from moodline.crop import FrameCrops, encode_crop
from moodline.errors import BrokerUnavailableError, LeaseHeldError, LeaseLostError, StreamChangedError, StreamEndedError
from moodline.settings import StreamSettings
from moodline.streams import Once, StreamStatus

RECORDED_TRACK_TIMEOUT: Final = timedelta(minutes=1)
"""A recording may wait for workers, so its tracks end when the reader says so, and this is only the safety net."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What became of a frame. ``full``: nothing was written, try again. ``overflow``: crops dropped to make room.

    Of a live stream also how it fares: for how long its oldest crop has waited, and how many of its crops ever became
    events (``judged``) and were dropped as stale or overflow (``lost``).
    """

    status: Literal["accepted", "duplicate", "full"]
    crops: int = 0
    overflow: int = 0
    queued: int = 0
    waited_ms: int = 0
    judged: int = 0
    lost: int = 0


class Reader:
    """Holds the reader's lease of one stream. All methods but ``renew`` and ``report`` belong to one thread.

    ``share`` is how much of the stream's ``fps`` it is looked at now: its tracks are waited for that much longer.
    """

    def __init__(self, broker: Broker, stream: StreamSettings, *, lease: "_Lease", recorded: bool) -> None:
        self.broker = broker
        self._keys = broker.keys_of(stream.id)
        self._stream = stream
        self._lease = lease
        self._recorded = recorded
        self._sealer = broker.sealer()
        self.token = np.base_repr(int(lease.token), 36).lower()
        self.run = lease.run or self.token
        self.share = 1.0
        self.resume_frame = lease.resume_frame

    @classmethod
    def acquire(
        cls,
        broker: Broker,
        stream: StreamSettings,
        *,
        owner: str,
        lease: timedelta,
        recorded: bool,
        run: str | None = None,
        declared: str | None = None,
        once: Once | None = None,
    ) -> "Reader":
        """Take the lease of ``stream``; ``owner`` may take over from itself at once.

        ``run`` names a recording (path, size and time of change, say): its reader goes on where an earlier one of the
        same run ended. ``declared``: the stream as it was added at run time. Raises LeaseHeldError while another owner
        holds the lease, StreamChangedError where the stream is no longer what was declared, StreamEndedError where
        ``once`` is over, BrokerError.
        """
        common: dict[str, Any] = {
            "stream": stream.id,
            "owner": owner,
            "nonce": uuid.uuid4().hex,
            "lease_ms": _milliseconds(lease),
            "key": once.key if once else None,
        }
        reply = broker.run(
            "lease",
            broker.keys_of(stream.id),
            op="acquire",
            run=run if recorded else None,
            declared=declared,
            began_ms=once.began_ms if once else None,
            **common,
        )
        _check_acquired(stream.id, reply)
        taken = _Lease(
            token=reply[1].decode(),
            run=f"{run}-{int(reply[2])}" if recorded and run else None,
            resume_frame=int(reply[3]),
            common=common,
        )
        return cls(broker, stream, lease=taken, recorded=recorded)

    def enqueue(self, frame: FrameCrops, *, age_ms: float) -> Enqueued:
        """Put all crops of one frame into the queue, or none. ``age_ms``: since capture, by the reader's own clock.

        A frame that was accepted before adds nothing, so a lost reply is answered by sending the frame again (once,
        here). Raises LeaseLostError, BrokerFullError, BrokerUnavailableError.
        """
        args = self._enqueue_args(frame, age_ms)
        try:
            reply = self.broker.run("enqueue", self._keys, **args)
        except BrokerUnavailableError:
            reply = self.broker.run("enqueue", self._keys, **args)
        status = reply[0].decode()
        if status == "lost":
            raise self._lost()
        if status == "accepted":
            return Enqueued("accepted", *(int(value) for value in reply[1:]))
        return Enqueued("full" if status == "full" else "duplicate")

    def renew(self) -> None:
        """Keep the lease; at least every third of its time. Raises LeaseLostError."""
        self._keep("renew")

    def report(self, status: StreamStatus) -> None:
        """Renew the lease and publish the stream's state for the API and ``moodline streams``."""
        self._keep("renew", status=status.to_json())

    def release(self, status: StreamStatus) -> None:
        """Give the lease back with a last state; the stream's open tracks end. ``ended`` closes a recording's run."""
        self._keep("release", status=status.to_json(), ended=status.state == "ended")

    def crop_id(self, frame: int, face: int) -> str:
        """Return the id of a crop, which is also the id of its event."""
        return f"{self._stream.id}/{self.run}/{frame}-{face}"

    def _enqueue_args(self, frame: FrameCrops, age_ms: float) -> dict[str, Any]:
        stream = self._stream
        return {
            "stream": stream.id,
            "token": self._lease.token,
            "nonce": self._lease.common["nonce"],
            "recorded": self._recorded,
            "frame": frame.frame,
            "age_ms": round(max(0.0, age_ms)),
            "crops": self._encode(frame),
            "ended": list(frame.ended_tracks),
            "max_crops": stream.max_crops,
            "max_bytes": stream.max_bytes,
            "max_age_ms": _milliseconds(stream.max_age),
            "partition_max_bytes": self.broker.settings.partition_max_bytes,
            "track_timeout_ms": _milliseconds(self._track_timeout()),
        }

    def _encode(self, frame: FrameCrops) -> Sequence[dict[str, Any]]:
        encoded = []
        for crop in frame.crops:
            crop_id = self.crop_id(frame.frame, crop.face)
            meta, image = encode_crop(crop, frame, crop_id=crop_id, sealer=self._sealer)
            encoded.append({"id": crop_id, "track": crop.track, "meta": meta, "image": image})
        return encoded

    def _track_timeout(self) -> timedelta:
        if self._recorded:
            return RECORDED_TRACK_TIMEOUT
        slowest = min((self._stream.fps or 1) * self.share, self._stream.crops_per_second or math.inf)
        return max(self._stream.track_timeout, timedelta(seconds=3 / slowest))

    def _keep(self, op: str, **more: Any) -> None:
        reply = self.broker.run("lease", self._keys, op=op, token=self._lease.token, **self._lease.common, **more)
        if reply[0] != b"done":
            raise self._lost()

    def _lost(self) -> LeaseLostError:
        return LeaseLostError(
            f"The lease of stream {self._stream.id} has passed to another reader, or was revoked; this one stops."
        )


def _check_acquired(stream: str, reply: Sequence[bytes]) -> None:
    """Raise what ``acquire`` raises where the lease was not given."""
    if reply[0] == b"changed":
        raise StreamChangedError(f"Stream {stream} was changed or removed before it could be read.")
    if reply[0] == b"ended":
        raise StreamEndedError(f"Stream {stream} has been read to its end by another reader.")
    if reply[0] == b"held":
        holder = reply[1].decode()
        raise LeaseHeldError(f"Stream {stream} is being read by {holder}; it can be taken over when that reader stops.")


@dataclass(frozen=True, slots=True)
class _Lease:
    token: str
    run: str | None
    resume_frame: int
    common: dict[str, Any]


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
