"""The model card: what a person should know before trusting the model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from moodline.manifest import LabelScores, ModelManifest, RecallFloor, SplitScores
from trainer.labels import FOUR

CARD_NAME = "MODEL_CARD.md"

_LIMITS = """\
## What it is for, and what not

It tells which of these emotions people would read from a face in a picture of 48x48 grey pixels. The
labels are what raters *saw* in pictures, not what the people *felt*; a face is weak evidence of a feeling.
Use it for summaries over many faces and much time. Do not use it to judge, rank or alarm about single people.

The EU AI Act, Article 5(1)(f), forbids AI systems that infer emotions of people at work and in education,
except for medical and safety reasons. That holds for this model too.

## Where it fails

- By the labels that it is for, recall is lowest for {lowest}. Restrict the emotions by configuration where these do
  not matter.
- Which emotions are taken for which is listed above. Raters disagree there too.
- Nothing is known of age, skin, glasses or head coverings of the people in the training pictures, so error rates by
  group are not known either. In FER2013, gathered by web search in 2013, older people, children, dark skin, glasses
  and head coverings are under-represented.
- Turned, covered, blurred or very small faces (below about 32 pixels) lose accuracy without notice.
"""

_CARD = """\
# {name}, version {version}

{architecture}. {millions:.1f} million parameters, {gflop:.2f} GFLOP a face, {megabytes:.1f} MB (float16
weights, stock Keras layers).

- **In**: grey faces (N, 48, 48, 1), float32, values 0..255. {preprocessing}
- **Out**: probabilities (N, {outputs}): {labels}. Calibrated, temperature {temperature:.3f} included.

## How good it is

On the `validation` split of the data that it was made from (named below), which was also used to choose settings
and the temperature. *FER+ majority* is what most of ten raters saw (ties, contempt and not-a-face left out), *own
labels* are the data's. Four emotions: angry, happy, neutral, sad, with renormalised probabilities. {copies} of its
faces have a near copy among the faces that the model was trained on; *near copies left out* are those with one
anywhere in the training split.

{table}

Recall of each emotion, without a mirrored copy, as the worker runs it:

{recalls}

{confusions}{limits}
## How it was made

- Recipe `{made.recipe}`, seed {made.seed}, {made.epochs} epochs, {made.hours:.1f} hours.
- {made.faces} faces: {made.data}.
- Labels: {made.labels}.
{adjusted}- Code {made.code_version}; {versions}; {made.finished_at:%Y-%m-%d}.
"""

_KINDS = {"ferplus": "FER+ majority", "fer2013": "own labels"}
_FEWEST = 2  # emotions whose recall is called the lowest


def model_card(manifest: ModelManifest, head: str = "fer2013", confused: Sequence[str] = ()) -> str:
    """The card of a published model, as Markdown.

    `head` names the labels that it is for, and `confused` are sentences of `confusions` on these.
    """
    made = manifest.training
    head = head if head in _kinds(manifest.scores[0]) else "fer2013"  # data without votes
    text = _CARD.format(
        **(dict(manifest) | {"labels": ", ".join(manifest.labels)}),
        made=made,
        outputs=len(manifest.labels),
        millions=manifest.parameters / 1e6,
        gflop=manifest.flops_per_face / 1e9,
        megabytes=manifest.bytes / 1e6,
        copies=manifest.scores[0].near_copies or "None",
        table=_table(manifest),
        recalls=_recalls(manifest.scores),
        confusions=_confusions(head, confused),
        limits=_LIMITS.format(lowest=_lowest(manifest.scores[0], head)),
        adjusted=_shift(manifest.prior_shift) + _floors(manifest.recall_floors),
        versions=", ".join(f"{name} {number}" for name, number in made.versions.items()),
    )
    return text + (f"- {made.note}\n" if made.note else "")


def put_section(card: Path, name: str, text: str) -> None:
    """Write a section into a Markdown file, in the place of an earlier one of that name or at the end."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    written = card.read_text("utf-8")
    before, found, after = written.partition(begin)
    after = after.partition(end)[2] if found else ""
    temporary = card.with_suffix(".tmp")
    temporary.write_text(f"{before.rstrip()}\n\n{begin}\n{text}\n{end}\n{after.removeprefix(chr(10))}", "utf-8")
    temporary.replace(card)


def confusions(table: NDArray[np.int64], most: int = 5) -> list[str]:
    """Sentences on the most frequent mistakes of a confusion table (7, 7), by their share of the true emotion."""
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(EMOTIONS)) for place in order]
    return [
        f"{shares[true, said]:.0%} of the faces that are {EMOTIONS[true]} are called {EMOTIONS[said]}."
        for true, said in pairs
        if shares[true, said] > 0
    ]


def _table(manifest: ModelManifest) -> str:
    lines = [
        "| labels | emotions | mirrored copy | near copies | faces | accuracy | F1 | ECE |",
        "|---|---|---|---|--:|--:|--:|--:|",
    ]
    for one in manifest.scores:
        mirrored = "yes" if one.mirrored_copy else "no"
        for name, labels in _kinds(one).items():
            rows = {_count(manifest.labels): labels.seven}
            if set(FOUR) < set(manifest.labels):
                rows["four"] = labels.four
            for count, found in rows.items():
                cells = [_KINDS[name], count, mirrored, "left out" if one.apart else "", str(found.faces)]
                cells += [f"{found.accuracy:.1%}", f"{found.macro_f1:.3f}", f"{found.ece:.3f}"]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _count(labels: Sequence[Emotion]) -> str:
    return "seven" if len(labels) == len(EMOTIONS) else f"all {len(labels)}"


def _recalls(scores: tuple[SplitScores, ...]) -> str:
    kinds = _kinds(scores[0])
    emotions = list(kinds["fer2013"].seven.recall)
    lines = [f"| labels | {' | '.join(emotions)} |", "|---" * (len(emotions) + 1) + "|"]
    for name, labels in kinds.items():
        cells = [f"{labels.seven.recall.get(emotion, float('nan')):.1%}" for emotion in emotions]
        lines.append(f"| {_KINDS[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _confusions(head: str, confused: Sequence[str]) -> str:
    """The sentences as a list, and by which labels they are; empty where there is none."""
    if not confused:
        return ""
    return f"Its most frequent mistakes by the {_KINDS[head]}:\n\n{''.join(f'- {one}{chr(10)}' for one in confused)}\n"


def _lowest(scores: SplitScores, head: str) -> str:
    """The emotions that are missed most, by the labels of a head: `fear (47.6%) and disgust (51.8%)`."""
    recall = _kinds(scores)[head].seven.recall
    least = sorted(recall, key=lambda emotion: recall[emotion])[:_FEWEST]
    return " and ".join(f"{emotion} ({recall[emotion]:.1%})" for emotion in least)


def _shift(strength: float) -> str:
    """A line on the logit adjustment; empty where there is none."""
    if not strength:
        return ""
    return f"- Logits adjusted by how frequent each emotion is in training, strength {strength:g}: rare ones gain.\n"


def _floors(floors: Mapping[Emotion, RecallFloor]) -> str:
    """A line on what was added to single emotions, so that they are found often enough; empty where nothing was."""
    if not floors:
        return ""
    added = ", ".join(f"{one.added:.2f} to {emotion} (at least {one.floor:.1%})" for emotion, one in floors.items())
    return f"- Added to logits, as little as gives these recalls on `validation`, mirrored or not: {added}.\n"


def _kinds(scores: SplitScores) -> dict[str, LabelScores]:
    """The scores by the labels that they are on, the raters' first."""
    return ({"ferplus": scores.ferplus} if scores.ferplus else {}) | {"fer2013": scores.fer2013}
