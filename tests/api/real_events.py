"""Events as a worker writes them, with everything but the model that judges."""

from dataclasses import replace
from datetime import timedelta

from moodline.broker import Broker
from moodline.crop import decode_crop
from moodline.crop_queue import Reader
from moodline.emotions import EMOTIONS, Emotion
from moodline.work_queue import Committed, Entry
from tests.api.stage import status_of
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import RULES, judge, take_one, work_queue
from worker import judgement

MODEL = '{"name":"vgg11-ferplus","version":1}'
STAGES = {"detect": 9.5, "enqueued": 14.0, "taken": 21.5, "inferred": 40.2, "committed": 41.0}
QUICK = replace(RULES, tau=timedelta(milliseconds=1), hysteresis=0.0)


def live_a_life(broker: Broker, stream: str = "door") -> None:
    """Let a face come, change its emotion, and leave."""
    reader = Reader.acquire(broker, live_stream(stream), owner="test", lease=timedelta(minutes=1), recorded=False)
    emotions: tuple[Emotion, ...] = ("happy", "happy", "sad")
    for frame, emotion in enumerate(emotions, start=1):
        reader.enqueue(frame_of(frame), age_ms=5)
        queue = work_queue(broker, stream=stream)
        taken = take_one(queue)
        assert taken is not None
        crops = [_judged(broker, stream, entry, emotion) for entry in taken.entries]
        queue.commit(taken.hand, crops, QUICK, release=True)
    reader.release(status_of("ended"))
    work_queue(broker, stream=stream).sweep()


def _judged(broker: Broker, stream: str, entry: Entry, emotion: Emotion) -> Committed:
    crop = decode_crop(entry.meta, entry.image, sealer=broker.sealer())
    committed = judge(broker, entry, emotion)
    return replace(
        committed,
        head=judgement._head(stream, crop, MODEL),
        tail=judgement._tail([str(p) for p in committed.probabilities], committed.label, EMOTIONS, STAGES),
    )
