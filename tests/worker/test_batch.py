"""Which crops of a batch are still worth their inference."""

from dataclasses import replace

from moodline.broker import Broker
from moodline.crop import decode_crop
from moodline.metrics import Metrics
from tests.support.brokers import frame_of
from tests.support.judging import work_queue
from tests.support.queues import reader_of
from worker.batch import Batch, Item
from worker.hands import Hands


def test_a_stale_crop_of_one_stream_never_takes_another_streams_crop_with_it(broker: Broker) -> None:
    live, film = reader_of(broker, stream="live", max_age="1h"), reader_of(broker, stream="film", run="f")
    live.enqueue(frame_of(0), age_ms=0)
    film.enqueue(frame_of(0), age_ms=0)
    take = work_queue(broker, stream="live").take(room=8, held={}, per_stream=8, alone_ok=True)
    batch = Batch(Hands(work_queue(broker), Metrics()))
    for taken in take.taken:
        # Entry ids are unique in a stream only: two streams may well have the same.
        entry = replace(taken.entries[0], id="1763800000000-0")
        crop = decode_crop(entry.meta, entry.image, sealer=broker.sealer())
        batch.items.append(Item(taken.hand, entry, crop, max_age_ms=0.001 if taken.hand.stream == "live" else None))
    fresh, stale = batch.split_stale()
    assert [item.hand.stream for item in fresh] == ["film"]
    assert [item.hand.stream for item in stale] == ["live"]


def test_a_crop_that_would_be_stale_when_its_event_is_written_is_not_worth_its_inference(broker: Broker) -> None:
    live, film = reader_of(broker, stream="live", max_age="1h"), reader_of(broker, stream="film", run="f")
    for reader in (live, film):
        reader.enqueue(frame_of(0), age_ms=40 * 60_000)
    batch = Batch(Hands(work_queue(broker), Metrics()))
    for taken in work_queue(broker, stream="live").take(room=8, held={}, per_stream=8, alone_ok=True).taken:
        crop = decode_crop(taken.entries[0].meta, taken.entries[0].image, sealer=broker.sealer())
        batch.items.append(Item(taken.hand, taken.entries[0], crop, taken.max_age_ms))

    def stale(ahead_min: float) -> list[str]:
        return [item.hand.stream for item in batch.split_stale(ahead_min * 60_000)[1]]

    assert [stale(ahead_min) for ahead_min in (0, 15, 25)] == [[], [], ["live"]]
    live_item = next(item for item in batch.items if item.max_age_ms)
    live_item.entry.rewind(15 * 60_000)
    assert stale(600) == [], "younger than half its time it is tried, however slow the worker is"
