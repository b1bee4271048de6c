"""Each engine passes the same suite: the same model, whatever library runs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from moodline.errors import ModelError
from moodline.manifest import verify_model
from moodline.settings import WorkerSettings
from tests.support.needs import shared
from worker.engines.base import Bucketed, Engine, Pixels, bucket_sizes
from worker.engines.openvino import OpenVinoEngine
from worker.engines.tensorflow import TensorFlowEngine, _prepare_devices
from worker.model import find_model, load_classifier

ENGINES = ("tensorflow", "openvino-f32", "openvino")


@pytest.fixture(scope="module")
def faces() -> Pixels:
    """The first 256 faces of `validation`."""
    sheet = cv2.imread(str(shared("data/fer2013/validation_00.jpg")), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    cells = [sheet[row * 48 : row * 48 + 48, col * 48 : col * 48 + 48] for row in range(8) for col in range(32)]
    return np.stack(cells)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield make(request.param)


def make(name: str) -> Engine:
    folder = find_model("vgg11-ferplus")
    manifest = verify_model(folder)
    if name == "tensorflow":
        return TensorFlowEngine(folder / manifest.file)
    return OpenVinoEngine(folder / manifest.file, manifest.sha256, precision="f32" if name.endswith("f32") else None)


def test_answers_are_probabilities_one_row_a_face(engine: Engine, faces: Pixels) -> None:
    for count in (1, 7, 64):
        answer = engine.predict(faces[:count])
        assert answer.shape == (count, 7)
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-2)
        assert (answer >= 0).all()


def test_a_face_gets_the_same_answer_in_any_batch(engine: Engine, faces: Pixels) -> None:
    bucketed = Bucketed(engine, 16)
    together = bucketed.predict(faces[:13])
    alone = np.concatenate([bucketed.predict(faces[i : i + 1]) for i in range(13)])
    np.testing.assert_allclose(together, alone, atol=2e-2)


def test_faster_engines_agree_with_the_reference(engine: Engine, faces: Pixels) -> None:
    reference = make("tensorflow").predict(faces).argmax(axis=1)
    same = (engine.predict(faces).argmax(axis=1) == reference).mean()
    assert same >= 0.985


def test_emotions_can_be_restricted_and_probabilities_are_renormalised(faces: Pixels) -> None:
    every = load_classifier(WorkerSettings(batch_size=8)).predict(faces[:8])
    four = load_classifier(WorkerSettings(batch_size=8, emotions=("happy", "angry", "sad", "neutral")))
    assert four.labels == ("angry", "happy", "neutral", "sad")
    answer = four.predict(faces[:8])
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    kept = every[:, [0, 3, 4, 5]]
    np.testing.assert_allclose(answer, kept / kept.sum(axis=1, keepdims=True), atol=1e-3)


def test_buckets_reach_from_one_to_the_batch_size() -> None:
    assert bucket_sizes(1) == [1]
    assert bucket_sizes(48) == [1, 2, 4, 8, 16, 32, 48]


def test_a_damaged_model_is_refused_with_its_file_and_a_remedy(tmp_path: Path) -> None:
    folder = find_model("vgg11-ferplus")
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    model = tmp_path / verify_model(folder).file
    spoiled = bytearray(model.read_bytes())
    spoiled[1000] ^= 0xFF
    model.write_bytes(spoiled)
    with pytest.raises(ModelError, match=f"{model.name} is damaged.*publish it again"):
        load_classifier(WorkerSettings(model=str(tmp_path)))


def test_an_unknown_model_names_those_that_are_there() -> None:
    with pytest.raises(ModelError, match=r"no model moods.*vgg11-ferplus"):
        find_model("moods")


class FakeTensorFlow:
    """What the engine asks TensorFlow of its devices; no GPU is needed to see what it is told."""

    def __init__(self, *gpus: str) -> None:
        self._gpus = gpus
        self.growing: list[str] = []
        self.options: dict[str, bool] = {}
        self.config = self.experimental = self.optimizer = self

    def list_physical_devices(self, kind: str) -> list[str]:
        return list(self._gpus) if kind == "GPU" else ["cpu"]

    def set_memory_growth(self, device: str, enable: bool) -> None:
        assert enable
        self.growing.append(device)

    def set_experimental_options(self, options: dict[str, bool]) -> None:
        self.options = options


def test_without_a_gpu_the_fallback_to_the_cpu_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTensorFlow()
    with caplog.at_level("INFO"):
        assert _prepare_devices(fake) == "cpu"
    assert "no GPU; the model runs on the CPU" in caplog.text
    assert (fake.growing, fake.options) == ([], {})


def test_a_gpu_takes_memory_as_it_needs_it_and_computes_in_mixed_precision() -> None:
    fake = FakeTensorFlow("gpu:0", "gpu:1")
    assert _prepare_devices(fake) == "gpu"
    assert fake.growing == ["gpu:0", "gpu:1"]
    assert fake.options == {"auto_mixed_precision": True}


def test_every_engine_that_can_be_set_is_in_this_suite() -> None:
    known = set(get_args(WorkerSettings.model_fields["engine"].annotation)) - {"auto"}
    assert known == {name.partition("-")[0] for name in ENGINES}
