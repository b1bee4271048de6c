"""What the API answers about emotions over time: summaries, timelines and days."""

from collections.abc import Sequence
from datetime import date, timedelta

from pydantic import BaseModel, Field

from api.examples import DIARY, PERIOD, TIMELINE
from api.models import Instant, example_of
from moodline.emotions import Emotion
from moodline.summaries import Bucket


class EmotionModel(BaseModel):
    """How much of one emotion was seen."""

    count: int = Field(description="Faces of which this emotion was the strongest.")
    share: float = Field(description="The same as a share of all faces, 0 to 1.")
    mean_probability: float = Field(description="Mean of the emotion's probability over all faces, 0 to 1.")


class PeriodModel(BaseModel):
    """Emotions between two moments."""

    start: Instant = Field(description="Begin of the window, at the edge of a time bucket.")
    end: Instant
    faces: int = Field(description="Classified faces; one face in ten frames counts ten times.")
    tracks: int = Field(description="Distinct faces, each followed over its frames.")
    emotions: dict[Emotion, EmotionModel]
    first_seen: Instant | None
    last_seen: Instant | None

    @classmethod
    def of(cls, bucket: Bucket) -> "PeriodModel":
        """Return a bucket as the API shows it."""
        return cls(
            start=bucket.start,
            end=bucket.end,
            faces=bucket.faces,
            tracks=bucket.tracks,
            emotions=_emotions(bucket),
            first_seen=bucket.first_seen,
            last_seen=bucket.last_seen,
        )


class ChangeModel(BaseModel):
    """What a window has more, or less, than the one before."""

    faces: int
    tracks: int
    shares: dict[Emotion, float] = Field(description="Change of each emotion's share, -1 to 1.")


class SummaryModel(PeriodModel):
    """Emotions in one window of time, over one stream or all."""

    model_config = example_of(PERIOD)

    streams: list[str]
    window_s: float = Field(description="The window that was asked for, in seconds.")
    before: PeriodModel | None = Field(default=None, description="The window before, where `compare` asks for it.")
    change: ChangeModel | None = Field(default=None, description="What has changed since the window before.")

    @classmethod
    def over(
        cls, bucket: Bucket, streams: list[str], window: timedelta, before: Bucket | None = None
    ) -> "SummaryModel":
        """Return the bucket that covers ``window`` of ``streams`` as the API shows it."""
        return cls(
            **dict(PeriodModel.of(bucket)),
            streams=streams,
            window_s=window.total_seconds(),
            before=PeriodModel.of(before) if before else None,
            change=_change(before, bucket) if before else None,
        )


class StepModel(BaseModel):
    """One step of a timeline."""

    at: Instant = Field(description="Begin of the step.")
    faces: int
    tracks: int
    emotions: dict[Emotion, int] = Field(description="Faces by their strongest emotion; those not seen are left out.")

    @classmethod
    def of(cls, bucket: Bucket) -> "StepModel":
        """Return one bucket of a timeline as the API shows it."""
        emotions = {name: one.count for name, one in bucket.emotions.items() if one.count}
        return cls(at=bucket.start, faces=bucket.faces, tracks=bucket.tracks, emotions=emotions)


class TimelineModel(BaseModel):
    """Emotions step by step, oldest first; steps without faces are there, too."""

    model_config = example_of(TIMELINE)

    streams: list[str]
    window_s: float
    step_s: float
    buckets: list[StepModel]


class DayModel(BaseModel):
    """One day of a stream, in UTC."""

    date: date
    faces: int
    tracks: int
    strongest: Emotion | None = Field(description="The emotion with most faces; None on a day without faces.")
    emotions: dict[Emotion, EmotionModel]
    first_seen: Instant | None
    last_seen: Instant | None

    @classmethod
    def of(cls, bucket: Bucket) -> "DayModel":
        """Return the bucket of a day as the API shows it."""
        counts = {name: one.count for name, one in bucket.emotions.items()}
        return cls(
            date=bucket.start.date(),
            faces=bucket.faces,
            tracks=bucket.tracks,
            strongest=max(counts, key=lambda name: counts[name]) if bucket.faces else None,
            emotions=_emotions(bucket),
            first_seen=bucket.first_seen,
            last_seen=bucket.last_seen,
        )


class DiaryModel(BaseModel):
    """A stream's days, oldest first; days without faces are there, too."""

    model_config = example_of(DIARY)

    stream: str
    days: list[DayModel]

    @classmethod
    def of(cls, stream: str, days: Sequence[Bucket]) -> "DiaryModel":
        """Return buckets of a day each as the API shows them."""
        return cls(stream=stream, days=[DayModel.of(day) for day in days])


def _emotions(bucket: Bucket) -> dict[Emotion, EmotionModel]:
    return {
        name: EmotionModel(count=one.count, share=round(one.share, 4), mean_probability=round(one.mean_probability, 4))
        for name, one in bucket.emotions.items()
    }


def _change(before: Bucket, now: Bucket) -> ChangeModel:
    return ChangeModel(
        faces=now.faces - before.faces,
        tracks=now.tracks - before.tracks,
        shares={name: round(one.share - before.emotions[name].share, 4) for name, one in now.emotions.items()},
    )
