"""A judge without a model: what a worker would say of crops, so that the queue can be tried alone."""

from datetime import UTC, datetime, timedelta

from moodline.broker import Broker
from moodline.crop import QueuedCrop, decode_crop
from moodline.emotions import EMOTIONS
from moodline.event import Event, read_events
from moodline.settings import SummarySettings
from moodline.work_queue import CommitRules, Committed, Entry, Hand, Taken, WorkQueue
from tests.support.wait import wait_until

RULES = CommitRules(
    labels=EMOTIONS,
    model="test@1",
    tau=timedelta(milliseconds=700),
    hysteresis=0.15,
    resolutions=[(resolution.step, resolution.keep) for resolution in SummarySettings().resolutions],
)


def work_queue(broker: Broker, worker: str = "w1", *, stream: str = "lobby", lease_s: float = 5) -> WorkQueue:
    return WorkQueue(broker, broker.keys_of(stream), worker=worker, lease=timedelta(seconds=lease_s))


def take_one(queue: WorkQueue, *, room: int = 64, alone_ok: bool = True) -> Taken | None:
    """Take from whatever stream is ready first."""
    taken = queue.take(room=room, held={}, per_stream=room, alone_ok=alone_ok).taken
    return taken[0] if taken else None


def sweep_and_take(queue: WorkQueue) -> Taken:
    """Sweep until a stream of a dead worker is ready, and take from it."""

    def attempt() -> Taken | None:
        queue.sweep()
        return take_one(queue)

    taken = wait_until(attempt, description="a stream is taken over")
    assert taken is not None
    return taken


def judge(broker: Broker, entry: Entry, emotion: str = "happy", confidence: float = 0.94) -> Committed:
    """Return a crop judged as `emotion`."""
    crop = decode_crop(entry.meta, entry.image, sealer=broker.sealer())
    rest = (1 - confidence) / (len(EMOTIONS) - 1)
    return Committed(
        entry=entry,
        id=crop.id,
        track=crop.track,
        captured_at_ms=crop.captured_at_ms,
        head=_head(crop),
        tail=f'"emotion":"{emotion}","confidence":{confidence}'.encode(),
        probabilities=[confidence if name == emotion else rest for name in EMOTIONS],
        label=[*map(str, EMOTIONS)].index(emotion),
    )


def commit_all(broker: Broker, queue: WorkQueue, taken: Taken, emotion: str = "happy", *, release: bool = True) -> int:
    crops = [judge(broker, entry, emotion) for entry in taken.entries]
    return queue.commit(taken.hand, crops, RULES, release=release)


def drop_as(queue: WorkQueue, hand: Hand, entry: Entry, detail: str) -> int:
    ended = queue.drop(hand, [(entry, "poison", detail)], release=True)
    assert ended is not None, "the hand is lost"
    return ended.crops


def all_events(broker: Broker) -> list[Event]:
    return [event for _, event in read_events(broker, count=100_000)[0]]


def event_ids(broker: Broker) -> list[str]:
    return [event.id for event in all_events(broker)]


def emotion_ids(broker: Broker) -> list[str]:
    return [event.id for event in all_events(broker) if event.kind == "emotion"]


def _head(crop: QueuedCrop) -> bytes:
    box = crop.box
    captured_at = datetime.fromtimestamp(crop.captured_at_ms / 1000, UTC)
    return (
        f'"stream":"{crop.id.partition("/")[0]}","frame":{crop.frame},"captured_at":"{captured_at.isoformat()}","track":"{crop.track}",'
        f'"box":{{"x":{box.x},"y":{box.y},"width":{box.width},"height":{box.height},'
        f'"frame_width":{crop.frame_width},"frame_height":{crop.frame_height}}},'
        '"model":{"name":"test","version":1}'
    ).encode()
