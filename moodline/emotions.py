"""The seven emotions, in the one order that models, events and summaries share."""

from typing import Final, Literal, get_args

Emotion = Literal["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]

EMOTIONS: Final[tuple[Emotion, ...]] = get_args(Emotion)
