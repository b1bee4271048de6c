"""Each engine passes the same suite: the same model, whatever library runs it."""

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import cv2
import numpy as np
import pytest

from moodline.errors import ModelError
from moodline.manifest import MANIFEST_NAME, verify_model
from moodline.settings import WorkerSettings
from tests.support.jax_worker import JaxWorker
from tests.support.needs import shared
from worker.engines import openvino, tensorflow
from worker.engines.base import Bucketed, Engine, Pixels, bucket_sizes
from worker.engines.jax import _device
from worker.engines.openvino import OpenVinoEngine, Precision
from worker.engines.tensorflow import TensorFlowEngine
from worker.model import _fastest, find_model, load_classifier

ENGINES = ("tensorflow", "tensorflow-bf16", "openvino-f32", "openvino-bf16", "openvino-int8", "openvino", "jax")


@pytest.fixture(scope="module")
def faces() -> Pixels:
    """The first 256 faces of `validation`."""
    sheet = cv2.imread(str(shared("data/fer2013/validation_00.jpg")), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    cells = [sheet[row * 48 : row * 48 + 48, col * 48 : col * 48 + 48] for row in range(8) for col in range(32)]
    return np.stack(cells)


@pytest.fixture(scope="module")
def jax_worker() -> Iterator[JaxWorker]:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed: pip install moodline[jax]")
    with JaxWorker() as worker:
        yield worker


# A busy machine takes a while to convert or to compile.
@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.timeout(300)) for name in ENGINES])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "jax":
        yield request.getfixturevalue("jax_worker")
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield make(request.param)


def make(name: str) -> Engine:
    folder = find_model("vgg11-ferplus")
    manifest = verify_model(folder)
    if name.startswith("tensorflow"):
        return TensorFlowEngine(folder / manifest.file, manifest, precision="bf16" if name.endswith("bf16") else None)
    precision: Precision | None = next((one for one in get_args(Precision) if name.endswith(one)), None)
    return OpenVinoEngine(folder / manifest.file, manifest, precision=precision)


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


@pytest.mark.timeout(300)
def test_without_tensorflow_and_openvino_auto_takes_jax_and_says_so(jax_worker: JaxWorker) -> None:
    assert jax_worker.name.startswith("jax-")
    assert "TensorFlow is not installed; the model runs on Keras's JAX backend." in jax_worker.said
    assert f"version 1 is ready on {jax_worker.name}" in jax_worker.said


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU that computes in all precisions, whichever this one is."""
    monkeypatch.setattr("worker.engines.openvino.cpu_precisions", lambda _core: list(get_args(Precision)))


def engine_of(folder: Path) -> str:
    return load_classifier(WorkerSettings(model=str(folder), batch_size=1, engine="openvino")).engine.name


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may change."""
    folder = tmp_path / "model"
    shutil.copytree(find_model("vgg11-ferplus"), folder)
    return folder


def change(model: Path, **members: object) -> None:
    path = model / MANIFEST_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


LITTLE = {"faces": 3589, "same_label": 0.985, "accuracy_lost": 0.003}
TOO_FEW_SAME = LITTLE | {"same_label": 0.984}
TOO_MUCH_LOST = LITTLE | {"accuracy_lost": 0.0031}


@pytest.mark.usefixtures("capable")
@pytest.mark.parametrize(
    ("losses", "chosen"),
    [
        ({"bf16": LITTLE, "int8": LITTLE}, "int8"),
        ({"bf16": LITTLE, "int8": TOO_FEW_SAME}, "bf16"),
        ({"bf16": TOO_MUCH_LOST, "int8": LITTLE}, "int8"),
        ({"bf16": TOO_MUCH_LOST}, "f32"),
        ({}, "f32"),
    ],
)
def test_a_lower_precision_is_taken_only_where_the_manifest_says_that_it_costs_little(
    model: Path, caplog: pytest.LogCaptureFixture, losses: dict[str, object], chosen: str
) -> None:
    change(model, losses=losses)
    with caplog.at_level("INFO"):
        assert openvino._best_precision(None, verify_model(model)) == chosen
    assert ("does not run in int8: its manifest" in caplog.text) == (chosen != "int8")
    on_gpu = tensorflow._best_precision(FakeTensorFlow("gpu:0"), verify_model(model))
    assert on_gpu == ("bf16" if losses.get("bf16") == LITTLE else "f32")


@pytest.mark.usefixtures("capable")
def test_ranges_that_are_not_the_models_are_refused(model: Path) -> None:
    change(model, int8_ranges=[1.0, 2.0])
    with pytest.raises(ModelError, match="has 2 int8 ranges for 7 convolutions"):
        engine_of(model)
    change(model, int8_ranges=[0.0] * 7)
    with pytest.raises(ModelError, match=r"is damaged \(int8_ranges.0"):
        engine_of(model)


def test_a_model_without_ranges_has_no_int8_and_says_what_measures_them(model: Path) -> None:
    change(model, int8_ranges=[])
    manifest = verify_model(model)
    with pytest.raises(ValueError, match="no int8 ranges; `moodline models quantise` measures them"):
        OpenVinoEngine(model / manifest.file, manifest, precision="int8")


def test_the_compiled_model_turns_no_picture_around() -> None:
    engine = make("openvino-f32")
    assert isinstance(engine, OpenVinoEngine)
    running = engine.compiled.get_runtime_model().get_ops()
    pictures = [op for op in running if len(op.get_output_partial_shape(0)) == 4]
    kinds = [op.get_rt_info()["layerType"].astype(str) for op in pictures]
    assert kinds.count("Convolution") == 8
    assert "Transpose" not in kinds


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


@pytest.mark.parametrize(
    ("installed", "gpu", "chosen"),
    [
        ({"openvino", "tensorflow"}, False, "openvino"),
        ({"openvino", "tensorflow"}, True, "tensorflow"),
        ({"openvino"}, True, "openvino"),
        ({"tensorflow", "jax"}, False, "tensorflow"),
        ({"openvino", "jax"}, False, "openvino"),
        ({"openvino", "jax"}, True, "jax"),
        ({"jax"}, False, "jax"),
    ],
)
def test_auto_takes_the_fastest_that_is_installed(
    installed: set[str], gpu: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.model._has", installed.__contains__)
    monkeypatch.setattr("worker.model._has_gpu", lambda: gpu)
    assert _fastest() == chosen


def test_without_any_engine_a_worker_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.model._has", lambda _package: False)
    with pytest.raises(ModelError, match=r"OpenVINO nor TensorFlow nor JAX is installed.*install moodline\[worker\]"):
        load_classifier(WorkerSettings())


class FakeTensorFlow:
    """What the engine asks TensorFlow of its devices; no GPU is needed to see what it is told."""

    def __init__(self, *gpus: str, capability: tuple[int, int] = (9, 0)) -> None:
        self._gpus = gpus
        self._capability = capability
        self.growing: list[str] = []
        self.config = self.experimental = self

    def list_physical_devices(self, kind: str) -> list[str]:
        return list(self._gpus) if kind == "GPU" else ["cpu"]

    def get_device_details(self, _device: str) -> dict[str, object]:
        return {"compute_capability": self._capability}

    def set_memory_growth(self, device: str, enable: bool) -> None:
        assert enable
        self.growing.append(device)


def test_without_a_gpu_the_fallback_to_the_cpu_is_announced(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTensorFlow()
    with caplog.at_level("INFO"):
        assert tensorflow._prepare_devices(fake) == "cpu"
    assert "no GPU; the model runs on the CPU" in caplog.text
    assert fake.growing == []
    assert tensorflow._best_precision(fake, verify_model(model)) == "f32", "on a CPU it is the reference"


@pytest.mark.parametrize(
    ("platform", "sentence"), [("cpu", "JAX sees no GPU; the model runs on the CPU."), ("gpu", "on 2 GPU(s).")]
)
def test_what_jax_runs_on_is_announced(platform: str, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    fake = SimpleNamespace(default_backend=lambda: platform, device_count=lambda: 2)
    with caplog.at_level("INFO"):
        assert _device(fake) == platform
    assert sentence in caplog.text


def test_a_gpu_takes_memory_as_it_needs_it_and_an_old_one_computes_in_full_precision(model: Path) -> None:
    fake = FakeTensorFlow("gpu:0", "gpu:1", capability=(7, 5))
    assert tensorflow._prepare_devices(fake) == "gpu"
    assert fake.growing == ["gpu:0", "gpu:1"]
    assert tensorflow._best_precision(fake, verify_model(model)) == "f32"


def test_every_engine_that_can_be_set_is_in_this_suite() -> None:
    known = set(get_args(WorkerSettings.model_fields["engine"].annotation)) - {"auto"}
    assert known == {name.partition("-")[0] for name in ENGINES}
