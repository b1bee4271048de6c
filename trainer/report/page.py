"""The page itself: figures, tables and pictures in one file, with nothing to be loaded from elsewhere."""

import base64
import json
from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

import cv2
import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from trainer.metrics import precisions, recalls
from trainer.report.figures import curves, frequencies, reliability
from trainer.report.gather import Gathered, Head

REPORT_NAME = "report.html"
_WORST = 40


def write_report(found: Gathered, folder: Path) -> Path:
    """Write `report.html` into a run's folder, and return its path."""
    template = Template((resources.files("trainer") / "report" / "page.html").read_text("utf-8"))
    text = template.substitute(
        title=escape(f"Recipe {found.recipe['name']}"),
        subtitle=escape(_subtitle(found)),
        tiles="".join(_tiles(found)),
        frequencies=frequencies(found),
        accuracy=curves(found, "accuracy"),
        loss=curves(found, "loss"),
        heads="".join(_section(head) for head in found.heads),
        recipe=escape(json.dumps(found.recipe, indent=2)),
    )
    path = folder / REPORT_NAME
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
    return path


def _subtitle(found: Gathered) -> str:
    epochs = len(found.history)
    return (
        f"{epochs} epochs in {found.hours:.1f} h on {int(found.train_counts.sum()):,} faces, judged on "
        f"{int(found.validation_counts.sum()):,} faces of validation, without a mirrored copy"
    )


def _tiles(found: Gathered) -> Iterator[str]:
    for head in found.heads:
        scores = head.scores()
        yield _tile(f"{scores.accuracy:.1%}", f"right on {head.title}", f"macro-F1 {scores.macro_f1:.3f}")
        yield _tile(f"{scores.ece:.3f}", f"ECE, {head.title}", f"temperature {head.temperature:.2f}")
    yield _tile(f"{found.faces_per_s:,.0f}", "faces a second", found.device)
    yield _tile(f"{found.flops_per_face / 1e9:.2f}", "GFLOP a face", f"{found.parameters / 1e6:.1f} million parameters")
    yield _tile(f"{found.parameters * 2 / 1e6:.1f} MB", "as float16", "as it is published")


def _tile(number: str, name: str, more: str) -> str:
    return f'<div class="tile"><b>{escape(number)}</b><span>{escape(name)}</span><small>{escape(more)}</small></div>'


def _section(head: Head) -> str:
    return (
        f"<h2>Against {escape(head.title)}</h2>"
        f'<div class="two"><figure><figcaption>Confusion: rows are what it is, columns what is answered</figcaption>'
        f"{_confusion(head.confusion)}</figure>"
        f"<figure><figcaption>Reliability: is it right as often as it says?</figcaption>{reliability(head)}</figure>"
        f"</div><figure><figcaption>Recall and precision of each emotion</figcaption>{_bars(head)}</figure>"
        f"<figure><figcaption>Worst mistakes: wrong with the greatest confidence</figcaption>"
        f'<div class="faces">{"".join(_faces(head))}</div></figure>'
    )


def _confusion(table: NDArray[np.int64]) -> str:
    """A table whose cells are as dark as their share of the row."""
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    head = "".join(f"<th>{emotion}</th>" for emotion in EMOTIONS)
    rows = "".join(
        f"<tr><th>{emotion}</th>{''.join(map(_cell, row, counts))}<td class=n>{counts.sum():,}</td></tr>"
        for emotion, row, counts in zip(EMOTIONS, shares, table, strict=True)
    )
    return f'<table class="confusion"><tr><th></th>{head}<th>faces</th></tr>{rows}</table>'


def _cell(share: float, count: int) -> str:
    dark = " class=dark" if share > 0.55 else ""
    return f'<td{dark} style="--share:{share:.3f}" title="{count:,} faces">{share:.0%}</td>'


def _bars(head: Head) -> str:
    rows = zip(EMOTIONS, recalls(head.confusion), precisions(head.confusion), strict=True)
    body = "".join(
        f"<tr><th>{emotion}</th>{_bar(recall, 'recall')}{_bar(precision, 'precision')}</tr>"
        for emotion, recall, precision in rows
    )
    return f'<table class="bars"><tr><th></th><th>recall</th><th>precision</th></tr>{body}</table>'


def _bar(share: float, name: str) -> str:
    if np.isnan(share):
        return "<td>none</td>"
    return f'<td><div class="bar {name}" style="--share:{share:.3f}"></div><span>{share:.1%}</span></td>'


def _faces(head: Head) -> Iterable[str]:
    for index in head.worst(_WORST):
        answer = int(head.probabilities[index].argmax())
        picture = base64.b64encode(cv2.imencode(".png", head.images[index])[1].tobytes()).decode()
        yield (
            f'<div><img src="data:image/png;base64,{picture}" alt="" width="72" height="72">'
            f"<b>{EMOTIONS[answer]} {head.probabilities[index, answer]:.0%}</b>"
            f"<small>is {EMOTIONS[int(head.labels[index])]}</small></div>"
        )
