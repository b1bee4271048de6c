"""Options that several commands share."""

import re
from pathlib import Path
from typing import Annotated

import typer

from moodline.emotions import EMOTIONS, Emotion

Data = Annotated[
    Path,
    typer.Option("--data", help="Folder or zip with train/<emotion>/*.png, or fer2013.csv."),
]
Model = Annotated[
    str, typer.Option("--model", help="NAME or NAME@VERSION of the registry, or the path of a model's folder.")
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option("--into", exists=True, dir_okay=False, writable=True, help="Markdown file to write the table into."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Emotions = Annotated[str, typer.Option("--emotions", help="Comma-separated; the others are left out. Default: all.")]


RecallFloor = Annotated[
    str,
    typer.Option(
        "--recall-floor",
        metavar="EMOTION=SHARE,...",
        help="Least recall on validation, sad=0.65,angry=0.65: adds the least to these emotions' logits that does it.",
    ),
]


def floors_of(text: str) -> dict[Emotion, float]:
    """The least recalls of a comma-separated list such as `sad=0.65,angry=0.65`."""
    floors = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = (word.strip() for word in part.partition("="))
        emotion = next((one for one in EMOTIONS if one == name), None)
        if emotion is None or not re.fullmatch(r"0?\.\d+", share):
            raise typer.BadParameter(f"{part!r} is no EMOTION=SHARE such as sad=0.65.", param_hint="--recall-floor")
        floors[emotion] = float(share)
    return floors


def emotions_of(text: str) -> tuple[Emotion, ...]:
    """The emotions of a comma-separated list, in our order; all for an empty text."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in EMOTIONS]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not one of {', '.join(EMOTIONS)}.", param_hint="--emotions")
    if text and len(set(names)) < 2:
        raise typer.BadParameter("name at least two, or there is nothing to tell apart.", param_hint="--emotions")
    return tuple(emotion for emotion in EMOTIONS if emotion in names) or EMOTIONS
