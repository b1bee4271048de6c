"""A model folder's manifest: what the model takes, what it gives, how good it is, and where it came from.

A model is a folder with `manifest.json`, the model file it names and a model card. The trainer writes
it, the worker reads it, and neither needs the other.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import ModelError

MANIFEST_NAME = "manifest.json"
MOST_ACCURACY_LOST: Final = 0.003
LEAST_SAME_LABEL: Final = 0.985
"""What a lower precision may cost, as shares of 1: workers take none that costs more."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ModelInput(_Part):
    """One face as the model takes it: grey values as they are, nothing to be done before."""

    height: int = 48
    width: int = 48
    channels: Literal[1] = 1
    dtype: Literal["float32"] = "float32"
    lowest: float = 0.0
    highest: float = 255.0


class Scores(_Part):
    """Scores on one set of labels; shares of 1, not percent."""

    faces: int = Field(ge=0, description="faces that were scored")
    accuracy: float = Field(ge=0, le=1)
    macro_f1: float = Field(ge=0, le=1)
    ece: float = Field(ge=0, le=1, description="expected calibration error, 15 equal bins")
    recall: dict[Emotion, float] = Field(description="only emotions that have faces")


class LabelScores(_Part):
    """Scores on one kind of labels, for all emotions and restricted to four of them."""

    seven: Scores
    four: Scores = Field(description="angry, happy, neutral, sad; probabilities renormalised")


class SplitScores(_Part):
    """Scores on one split, against the raters' majority and the data set's own labels."""

    split: str
    mirrored_copy: bool = Field(description="whether the mean over the face and its mirror was scored")
    apart: bool = Field(False, description="whether faces with a near copy in the training split were left out")
    near_copies: int = Field(description="scored faces that have a near copy among the training faces")
    fer2013: LabelScores
    ferplus: LabelScores | None = None


class Training(_Part):
    """How the model was made."""

    recipe: str
    seed: int
    epochs: int
    faces: int = Field(description="training faces that were used")
    labels: str
    data: str
    code_version: str
    versions: dict[str, str] = Field(description="of Python, Keras and its backend")
    finished_at: datetime
    hours: float
    note: str = ""


LowerPrecision = Literal["bf16", "int8"]


class RecallFloor(_Part):
    """What was added to an emotion's logit, so that on validation its recall is no lower than wanted."""

    floor: float = Field(ge=0, le=1, description="wanted recall, without and with a mirrored copy")
    added: float = Field(ge=0, description="part of the graph, after the temperature")


class PrecisionLoss(_Part):
    """What computing in a lower precision costs, against float32 on the same faces; shares of 1, not percent."""

    faces: int = Field(ge=1, description="of the validation split")
    same_label: float = Field(ge=0, le=1, description="faces that keep their most probable emotion")
    accuracy_lost: float = Field(ge=-1, le=1, description="on the kind of labels where it loses most")

    @property
    def small(self) -> bool:
        """Whether a worker may run the model so."""
        return self.accuracy_lost <= MOST_ACCURACY_LOST and self.same_label >= LEAST_SAME_LABEL


class ModelManifest(_Part):
    """Everything that somebody who runs the model has to know about it."""

    schema_: Literal[1] = Field(1, alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    version: int = Field(ge=1)
    format: Literal["keras"] = "keras"
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="in the manifest's folder")
    bytes: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    labels: tuple[Emotion, ...] = EMOTIONS
    input: ModelInput = ModelInput()
    preprocessing: str
    output: Literal["probabilities"] = "probabilities"
    temperature: float = Field(gt=0, description="already part of the graph; do not apply it again")
    prior_shift: float = Field(0.0, ge=0, description="strength of the logit adjustment, part of the graph too")
    recall_floors: dict[Emotion, RecallFloor] = Field(default_factory=dict)
    architecture: str
    parameters: int
    flops_per_face: int
    training: Training
    scores: tuple[SplitScores, ...]
    int8_ranges: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = Field(
        (), description="greatest input of each convolution but the first; without them there is no int8"
    )
    losses: dict[LowerPrecision, PrecisionLoss] = Field(
        default_factory=dict, description="of the precisions that the machine that published it computes in"
    )

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    def allows(self, precision: LowerPrecision) -> bool:
        """Whether a precision lower than float32 was measured and costs little enough; int8 needs its ranges, too."""
        measured = precision in self.losses and self.losses[precision].small
        return measured and (precision != "int8" or bool(self.int8_ranges))


def read_manifest(folder: Path) -> ModelManifest:
    """Read the manifest of a model folder.

    Raises ModelError, in one sentence, where it is missing or wrong.
    """
    path = folder / MANIFEST_NAME
    try:
        return ModelManifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{path} is missing: set the model to a folder that holds {MANIFEST_NAME} and its model file."
        ) from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(
            f"{path} is damaged ({where}: {first['msg']}): restore the model folder or publish it again."
        ) from None


def verify_model(folder: Path) -> ModelManifest:
    """Read the manifest and check that the model file is the one it describes.

    Raises ModelError, in one sentence, where a file is missing, damaged or not the manifest's.
    """
    manifest = read_manifest(folder)
    path = folder / manifest.file
    try:
        size = path.stat().st_size
        digest = file_sha256(path) if size == manifest.bytes else ""
    except FileNotFoundError:
        raise ModelError(
            f"{path} is missing, though {MANIFEST_NAME} names it: restore the folder or publish it again."
        ) from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None
    if size != manifest.bytes:
        what = f"has {size} bytes instead of {manifest.bytes}"
    elif digest != manifest.sha256:
        what = f"has sha256 {digest[:12]}... instead of {manifest.sha256[:12]}..."
    else:
        return manifest
    raise ModelError(f"{path} is damaged ({what}): restore the model folder or publish it again.")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file as 64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
