"""Which detector a stream gets."""

from pathlib import Path

from ingest.detect.base import Detector
from ingest.detect.haar import Haar
from ingest.detect.model_file import MODEL_NAME
from ingest.detect.yunet import YuNet
from moodline.errors import ModelError
from moodline.settings import StreamSettings


def make_detector(stream: StreamSettings, yunet_model: Path | None) -> Detector:
    """Return the stream's detector; ``auto`` is YuNet where there is a model, else Haar.

    Raises ModelError where the stream insists on YuNet and there is no model, or the model is damaged.
    """
    if stream.detector == "haar" or (stream.detector == "auto" and yunet_model is None):
        return Haar()
    if yunet_model is None:
        raise ModelError(
            f"Stream {stream.id} wants the detector yunet, whose model cannot be had: set "
            f"ingest.detector_model to {MODEL_NAME}, or the stream's detector to auto."
        )
    return YuNet(yunet_model, score_threshold=stream.score_threshold)
