"""Recipes: how a model is trained, as TOML files under `trainer/recipes`."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import MoodlineError
from trainer.network import DENSE, NETWORKS


class RecipeError(MoodlineError):
    """A recipe that is missing or wrong; the message names the file, the setting and the remedy."""

    exit_code = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Phase(_Part):
    """Some epochs on faces scaled to one size, with a cycle of learning rates of their own."""

    epochs: int = Field(ge=1)
    size: int = Field(ge=16, le=96, description="side of the faces in pixels")


class Augmentation(_Part):
    """How far a training face may be moved, turned, scaled, relit, covered and blended with another one."""

    shift: float = Field(0.07, ge=0, le=0.3, description="largest shift, share of the side")
    turn: float = Field(12.0, ge=0, le=45, description="largest turn, degrees")
    zoom: float = Field(0.12, ge=0, le=0.5, description="largest change of scale, share")
    mirror: Probability = 0.5
    light: float = Field(0.15, ge=0, le=0.5, description="largest change of brightness, share of 255")
    contrast: float = Field(0.25, ge=0, le=0.8, description="largest change of contrast, share")
    cutout: Probability = Field(0.3, description="how often a square is covered with grey")
    cutout_size: float = Field(0.3, ge=0, le=0.6, description="side of that square, share of the face's")
    mixup: float = Field(0.0, ge=0, le=1, description="how strongly faces are blended; 0: not")


class Labels(_Part):
    """What the network learns: votes of ten raters, the data set's own label, or both."""

    fer2013_weight: Probability = Field(0.0, description="share of the own label; the rest is FER+ votes")
    least_votes: int = Field(4, ge=1, le=10, description="votes on the seven emotions a face must have")
    hard: bool = Field(False, description="of the votes only who has most, not their shares")
    two_heads: bool = Field(False, description="an output for the votes and one for the own label, not one for a mix")
    smoothing: float = Field(0.0, ge=0, lt=1, description="share of the own label spread over all emotions")
    teacher: Probability = Field(0.0, description="share of the starting run's answers in the own label; 0: none")
    emotions: tuple[Emotion, ...] = Field(EMOTIONS, min_length=2, description="those to tell apart")
    near_copies: bool = Field(False, description="learn also from faces that have a near copy in `validation`")

    @property
    def heads(self) -> tuple[str, ...]:
        """The label sets that the network has an output for, in the order of its outputs."""
        if self.two_heads:
            return ("ferplus", "fer2013")
        return ("fer2013",) if self.fer2013_weight >= 0.5 else ("ferplus",)


class Recipe(_Part):
    """Everything that decides a run, beside the data."""

    name: str
    network: str
    dropout: Probability = 0.3
    phases: tuple[Phase, ...] = Field(min_length=1)
    batch: int = Field(128, ge=2)
    optimizer: Literal["sgd", "rmsprop"] = "sgd"
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    peak_rate: float = Field(0.08, gt=0, description="learning rate: the highest of the cycle, or the constant one")
    warm_up: Probability = Field(0.15, description="share of the steps on which the rate rises")
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0, description="L2 factor, not on batch norm and biases")
    average: float = Field(0.998, ge=0, lt=1, description="factor of the weight average, a step; 0: none")
    patience: int = Field(0, ge=0, description="epochs without a lesser loss on validation that end the run; 0: never")
    precision: Literal["float32", "mixed_bfloat16"] = "mixed_bfloat16"
    prior_shift: Probability = Field(0.0, description="strength of the logit adjustment that helps rare emotions")
    start: str = Field("", description="recipe whose finished run this one goes on from; empty: from nothing")
    seed: int = 7
    labels: Labels = Labels()
    augmentation: Augmentation = Augmentation()

    @property
    def epochs(self) -> int:
        """Epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    def size_of(self, epoch: int) -> int:
        """Side in pixels of the faces in the given epoch (counted from 0)."""
        for phase in self.phases:
            if epoch < phase.epochs:
                return phase.size
            epoch -= phase.epochs
        return self.phases[-1].size

    @field_validator("network")
    @classmethod
    def _is_a_network(cls, name: str) -> str:
        if name not in NETWORKS:
            raise ValueError(f"there is no network {name!r}, only {', '.join(NETWORKS)}")
        return name

    @model_validator(mode="after")
    def _a_teacher_is_there(self) -> "Recipe":
        labels = self.labels
        if labels.teacher and not (self.start and labels.two_heads and labels.fer2013_weight):
            raise ValueError(
                "labels.teacher needs a recipe to start from (start) and an output for the own label (two_heads, "
                "fer2013_weight above 0); or set it to 0"
            )
        return self

    @model_validator(mode="after")
    def _sizes_are_halved_four_times(self) -> "Recipe":
        wrong = [phase.size for phase in self.phases if phase.size % 16]
        if wrong:
            raise ValueError(f"size must be a multiple of 16, not {wrong[0]}")
        if self.network in DENSE and len({phase.size for phase in self.phases}) > 1:
            raise ValueError(f"the network {self.network} has dense layers: all phases must have one size")
        return self


def read_recipe(name: str) -> Recipe:
    """Read a recipe by name (`default`, `quick`) or by the path of a TOML file.

    Raises RecipeError, in one sentence, for a recipe that is unknown or wrong.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = Path(str(resources.files("trainer"))) / "recipes" / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(known_recipes())
        raise RecipeError(f"There is no recipe {name!r}; use one of {known}, or the path of a TOML file.")
    try:
        return Recipe.model_validate({"name": path.stem} | read_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "recipe"
        raise RecipeError(f"{path}: {where}: {first['msg']}.") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of a recipe or a plan. Raises RecipeError, in one sentence, where it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is no text in UTF-8: save it as such.") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is no TOML: {error}.") from error


def known_recipes() -> list[str]:
    """Names of the recipes that come with the trainer."""
    folder = Path(str(resources.files("trainer"))) / "recipes"
    return sorted(path.stem for path in folder.glob("*.toml"))
