"""``moodline models``: which models there are, how good they are, and which one workers load."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moodline.cli.options import AsJson, Config
from moodline.cli.tools import with_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moodline.manifest import LabelScores, ModelManifest
    from moodline.registry import Registry

_COUNTS = ("seven", "four")
Model = Annotated[str, typer.Argument(metavar="MODEL", help="NAME for its newest version, or NAME@VERSION.")]


def build_models() -> typer.Typer:
    """Return the commands about models."""
    app = typer.Typer(help="List, show, publish and choose models.", no_args_is_help=True)
    app.command("list")(list_models)
    app.command()(show)
    # --help too is passed on: the trainer describes its own options.
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    for command in (publish, quantise, check, compare):
        app.command(context_settings=passed_on, add_help_option=False)(command)
    app.command()(use)
    return app


def list_models(as_json: AsJson = False, config: Config = None) -> None:
    """List the models, their scores, and which is in use."""
    registry, chosen = _registry(config)
    rows = [_row(path, chosen) for path in registry.models()]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
    elif rows:
        _print(rows)
    else:
        typer.echo(f"There is no model in {registry.folder}; `moodline models publish` puts one there.")


def show(model: Model, as_json: AsJson = False, config: Config = None) -> None:
    """Show a model's card: uses, scores, limits.

    With --json its manifest.
    """
    from moodline.manifest import verify_model

    registry, _ = _registry(config)
    folder = registry.find(model)
    manifest = verify_model(folder)
    card = folder / "MODEL_CARD.md"
    if as_json or not card.is_file():
        typer.echo(manifest.model_dump_json(indent=None if as_json else 2, by_alias=True))
    else:
        _print_markdown(card.read_text("utf-8", errors="replace"))


def publish(context: typer.Context, config: Config = None) -> None:
    """Make a training run a new version, scored and verified."""
    with_registry(config, "models", "publish", *context.args)


def quantise(context: typer.Context, config: Config = None) -> None:
    """Measure what int8 and bfloat16 cost a published version, and write it into its manifest."""
    with_registry(config, "models", "quantise", *context.args)


def check(context: typer.Context, config: Config = None) -> None:
    """Compare the workers' engines with the Keras model."""
    with_registry(config, "models", "check", *context.args)


def compare(context: typer.Context, config: Config = None) -> None:
    """Score models side by side, for a model card."""
    with_registry(config, "models", "compare", *context.args)


def use(model: Model, config: Config = None) -> None:
    """Choose what workers load.

    Running ones change between two batches, lose no crop, and their events name the version.
    """
    from moodline.registry import IN_USE
    from moodline.settings import load_settings

    worker = load_settings(config).worker
    registry, _ = _registry(config)
    typer.echo(f"{registry.use(model)} is in use from now on; workers look once a second.")
    if worker.model != IN_USE:
        typer.echo(f"But worker.model is set to {worker.model}: workers of this configuration load that.", err=True)


def _registry(config: Path | None) -> "tuple[Registry, Path | None]":
    """Return the configured registry, and the folder of what its workers load."""
    from moodline.errors import ModelError
    from moodline.registry import Registry
    from moodline.settings import load_settings

    worker = load_settings(config).worker
    registry = Registry(worker.registry)
    try:
        return registry, registry.find(worker.model)
    except ModelError:
        return registry, None


def _row(path: Path, chosen: Path | None) -> dict[str, Any]:
    """Return what the list says of a version; of a damaged one, why."""
    from moodline.errors import ModelError
    from moodline.manifest import read_manifest

    row: dict[str, Any] = {"name": path.parent.name, "version": int(path.name), "in_use": path == chosen}
    try:
        return row | {"folder": str(path)} | _described(read_manifest(path))
    except ModelError as error:
        return row | {"folder": str(path), "error": str(error)}


def _described(manifest: "ModelManifest") -> dict[str, Any]:
    scores = next((one for one in manifest.scores if not one.mirrored_copy), None)
    return {
        "ferplus": _accuracies(scores.ferplus if scores else None),
        "fer2013": _accuracies(scores.fer2013 if scores else None),
        "megabytes": round(manifest.bytes / 1e6, 1),
        "gflop_per_face": round(manifest.flops_per_face / 1e9, 2),
        "finished_at": manifest.training.finished_at.isoformat(),
    }


def _accuracies(scores: "LabelScores | None") -> dict[str, float] | None:
    return {"seven": scores.seven.accuracy, "four": scores.four.accuracy} if scores else None


def _print(rows: "Sequence[dict[str, Any]]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # Narrow enough for 80 columns.
    table = Table("", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.caption = "Accuracy on seven and on four emotions, by what most raters saw and by the data's own label."
    table.add_column("model", no_wrap=True)
    for title in ("FER+ 7", "FER+ 4", "own 7", "own 4", "MB", "GFLOP", "made"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row("in use" if row["in_use"] else "", f"{row['name']}@{row['version']}", *_cells(row))
    Console().print(table)
    for row in rows:
        if "error" in row:
            typer.echo(row["error"], err=True)


def _cells(row: dict[str, Any]) -> list[str]:
    if "error" in row:
        return ["damaged"]
    shares = [f"{row[kind][count]:.1%}" if row[kind] else "" for kind in ("ferplus", "fer2013") for count in _COUNTS]
    return [*shares, str(row["megabytes"]), str(row["gflop_per_face"]), row["finished_at"][:10]]


def _print_markdown(text: str) -> None:
    """Render for a terminal; a pipe gets the Markdown itself."""
    import sys

    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        typer.echo(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
