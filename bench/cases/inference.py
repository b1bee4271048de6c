"""How many faces a second the shipped model judges, by engine and batch size."""

from collections.abc import Callable, Mapping

from bench.arithmetic import matrix_gflops
from bench.case import Case, Context, Result, Table
from bench.keras_model import load_keras_model, shipped_model
from bench.samples import Samples, number
from moodline.manifest import ModelManifest
from worker.engines.answer import engines
from worker.engines.base import Engine, Pixels
from worker.engines.speed import faces_per_s, random_faces

_BATCHES = (1, 16, 64)
_KERAS = "keras.predict"
_KERAS_BATCH = 32
_FACES = 256
_SECONDS, _SECONDS_QUICK = 1.0, 0.3
_GIGA = 1e9

Step = Callable[[Pixels], object]


def _keras_step() -> Step:
    model = load_keras_model()
    return lambda faces: model.predict(faces[..., None], batch_size=_KERAS_BATCH, verbose=0)


def _steps(loaded: Mapping[str, Engine]) -> dict[tuple[str, int], tuple[Step, int]]:
    """Return what is measured: (name, batch) -> (what runs, faces a call). Keras cuts its batches itself."""
    steps: dict[tuple[str, int], tuple[Step, int]] = {(_KERAS, _KERAS_BATCH): (_keras_step(), _FACES)}
    for name, engine in loaded.items():
        for batch in _BATCHES:
            steps[name, batch] = (engine.predict, batch)
    return steps


def _run(context: Context) -> Result:
    context.say("  loading the engines")
    file, manifest = shipped_model()
    loaded = [load() for load in engines(file.parent).values()]
    steps = _steps({engine.name: engine for engine in loaded})
    faces = random_faces(_FACES)
    for step, count in steps.values():
        step(faces[:count])
    seconds = _SECONDS_QUICK if context.quick else _SECONDS
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in steps}
    limits: dict[str, list[float]] = {_precision(name): [] for name, _ in steps}
    for repetition in range(context.repetitions):
        context.say(f"  repetition {repetition + 1}")
        for precision, limit in limits.items():
            limit.append(matrix_gflops(precision, seconds))
        for key, (step, count) in steps.items():
            rates[key].append(faces_per_s(step, faces[:count], seconds))
    return Result([_table(manifest, rates, limits), _limits(limits)])


def _table(
    manifest: ModelManifest, rates: Mapping[tuple[str, int], list[float]], limits: Mapping[str, list[float]]
) -> Table:
    keras = Samples.of(rates[_KERAS, _KERAS_BATCH])
    rows = []
    for (name, batch), found in rates.items():
        rate = Samples.of(found)
        gigaflops = Samples.of(value * manifest.flops_per_face / _GIGA for value in found)
        share = gigaflops.over(Samples.of(limits[_precision(name)]))
        rows.append([name, str(batch), rate.text(), number(gigaflops.median), rate.over(keras).text(), share.text()])
    title = f"{manifest.name} version {manifest.version}, {number(manifest.flops_per_face / _GIGA)} GFLOP a face"
    return Table(title, ("engine", "batch", "faces/s", "GFLOP/s", f"times {_KERAS}", "of a matrix product"), rows)


def _limits(limits: Mapping[str, list[float]]) -> Table:
    rows = [[precision, Samples.of(found).text()] for precision, found in limits.items()]
    return Table("A product of two matrices of 4096x4096", ("precision", "GFLOP/s"), rows)


def _precision(engine: str) -> str:
    return next((one for one in ("bf16", "int8") if engine.endswith(one)), "f32")


CASE = Case(
    "inference",
    20,
    "Inference: faces a second of each engine",
    "The shipped model on random faces, each engine in turn, warmed. keras.predict is what the original notebook "
    f"called; here it gets {_FACES} faces in batches of {_KERAS_BATCH}, which is kinder than one face a call. The "
    "yardstick is what OpenVINO reaches in a large matrix product of the same precision, in turn with the engines; 3x3 "
    "convolutions can be done with fewer multiplications than are counted, and so pass it. The loss of accuracy of "
    "each precision stands in the model card.",
    _run,
)
