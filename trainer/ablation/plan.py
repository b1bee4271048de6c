"""Plans: a recipe, what is spent on it, and what is changed each time; TOML files under `trainer/plans`."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trainer.data import Faces
from trainer.network import flops_per_face
from trainer.recipe import Recipe, RecipeError, read_recipe, read_toml


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variant(_Part):
    """One training: its folder's name, what the table calls it, and the settings that differ from the base."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = ""
    changes: dict[str, Any] = Field(default_factory=dict, description="settings of the recipe, in its own tables")


class Plan(_Part):
    """Trainings to compare. The first variant is the one that the others are compared with."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    recipe: str = Field(description="name of the recipe that is changed")
    share: float = Field(1.0, gt=0, le=1, description="of the training faces, chosen by the seed")
    seed: int = 7
    prior_shifts: tuple[float, ...] = Field((), description="strengths to try on the first variant, untrained")
    cost: bool = Field(False, description="whether each is published, too, and its cost of inference measured")
    changes: dict[str, Any] = Field(default_factory=dict, description="settings that all of them have")
    variants: tuple[Variant, ...] = Field(min_length=1)

    @field_validator("variants")
    @classmethod
    def _names_are_unique(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        names = [one.name for one in variants]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"there are two variants {twice!r}")
        return variants

    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each variant, by its name. Raises RecipeError, which names variant and setting."""
        base = read_recipe(self.recipe).model_dump(mode="json")
        return {one.name: _changed(base, self, one) for one in self.variants}

    def faces(self, train: Faces) -> Faces:
        """The plan's share of the training faces, in their order."""
        chosen = np.random.default_rng(self.seed).permutation(len(train))[: max(1, round(self.share * len(train)))]
        return train.where(np.sort(chosen))


def work_of(recipe: Recipe) -> int:
    """What a training costs, in operations for each of its faces; to share out time with, no more."""
    return sum(phase.epochs * flops_per_face(recipe.network, phase.size, 7) for phase in recipe.phases)


def read_plan(name: str) -> Plan:
    """Read a plan by name (`ablation`, `networks`) or by the path of a TOML file.

    Raises RecipeError, in one sentence, for a plan that is unknown or wrong, its recipes included.
    """
    folder = Path(str(resources.files("trainer"))) / "plans"
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.toml")))
        raise RecipeError(f"There is no plan {name!r}; use one of {known}, or the path of a TOML file.")
    try:
        plan = Plan.model_validate({"name": path.stem} | read_toml(path))
    except ValidationError as error:
        raise RecipeError(f"{path}: {_first(error)}.") from error
    plan.recipes()
    return plan


def _changed(base: Mapping[str, Any], plan: Plan, variant: Variant) -> Recipe:
    merged = _merged(_merged(base, plan.changes), variant.changes) | {"name": f"{plan.name}-{variant.name}"}
    if merged["start"]:
        raise RecipeError(
            f"Plan {plan.name!r}, variant {variant.name!r}: the recipe goes on from a run of {merged['start']!r}, and "
            'a plan trains from nothing: set start = "" and labels.teacher = 0 in its changes.'
        )
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        raise RecipeError(f"Plan {plan.name!r}, variant {variant.name!r}: {_first(error)}.") from error


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with changes laid over them, table by table."""
    out = dict(settings)
    for key, value in changes.items():
        inner = out.get(key)
        out[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return out


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'recipe'}: {first['msg']}"
