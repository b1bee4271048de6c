"""What each variant costs whoever runs it: parameters, operations, the file's size, faces a second of each engine."""

from pathlib import Path

from moodline.manifest import ModelManifest, verify_model
from trainer.ablation.plan import Plan
from trainer.ablation.table import grid
from trainer.check import engine_speeds
from trainer.data import Faces
from trainer.publish import publish_run

_MODELS = "models"


def cost_table(plan: Plan, train: Faces, validation: Faces, out: Path) -> str:
    """Publish each variant, trained on these faces, into `out/models`, and measure it: a Markdown table.

    All engines are timed anew, one after the other: compare within a table. Raises ModelError.
    """
    folders = {one.name: out / _MODELS / one.name / "1" for one in plan.variants}
    for name, folder in folders.items():
        if not folder.exists():
            publish_run(out / name, train, validation, folder)
    manifests = {name: verify_model(folder) for name, folder in folders.items()}
    speeds = {name: engine_speeds(folder) for name, folder in folders.items()}
    engines = list(dict.fromkeys(engine for found in speeds.values() for engine in found))
    titles = ("variant", "parameters", "MFLOP a face", "MB (float16)", *(f"faces/s, {engine}" for engine in engines))
    rows = [
        [one.title or one.name, *_size(manifests[one.name])]
        + [f"{speeds[one.name][engine]:,.0f}" if engine in speeds[one.name] else "-" for engine in engines]
        for one in plan.variants
    ]
    return f"What inference costs, in batches of 64 on the same machine:\n\n{grid(titles, rows)}"


def _size(manifest: ModelManifest) -> list[str]:
    return [f"{manifest.parameters:,}", f"{manifest.flops_per_face / 1e6:,.0f}", f"{manifest.bytes / 1e6:.1f}"]
