"""The trainings of a plan, one after the other; what is done is not done again."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from trainer.ablation.answers import Answers, answer, kept_answers
from trainer.ablation.plan import Plan, work_of
from trainer.checkpoint import CheckpointError
from trainer.data import Faces
from trainer.recipe import Recipe
from trainer.run import resume, start_run
from trainer.run_folder import refuse_other_data, write_facts
from trainer.train import train

log = logging.getLogger(__name__)

_ASKED = "asked.json"


def train_all(plan: Plan, data: Path, train_split: Faces, validation: Faces, out: Path) -> dict[str, Answers]:
    """Train each variant into `out/<variant>` and ask it; gives the answers by the variant's name.

    What was broken off goes on from its newest checkpoint. Raises CheckpointError where `out` holds trainings of
    another plan, DataError where they are of other faces.
    """
    recipes, faces = plan.recipes(), plan.faces(train_split)
    for name, recipe in recipes.items():
        _claim(out / name, recipe, plan, (len(train_split), len(validation)))
        refuse_other_data(out / name, data, {"train": faces, "validation": validation})
    found = {name: kept for name in recipes if (kept := kept_answers(out / name)) is not None}
    left = _clock({name: work_of(recipe) for name, recipe in recipes.items() if name not in found})
    for number, (name, recipe) in enumerate(recipes.items(), start=1):
        where = f"variant {number} of {len(recipes)}, {name}"
        if name in found:
            log.info("%s: done before", where)
            continue
        log.info("%s%s", where, left(name))
        found[name] = _trained(recipe, data, faces, validation, out / name)
    return {name: found[name] for name in recipes}


def _trained(recipe: Recipe, data: Path, faces: Faces, validation: Faces, folder: Path) -> Answers:
    import keras

    keras.utils.clear_session()  # or the networks of all variants before stay in memory
    run = start_run(recipe)
    resume(run, folder)
    write_facts(folder, recipe, data, {"train": faces, "validation": validation})
    train(run, faces, validation, folder)
    return answer(folder, faces, validation)


def _claim(folder: Path, recipe: Recipe, plan: Plan, faces: tuple[int, int]) -> None:
    """Note what is trained in a folder. Raises CheckpointError where that was something else."""
    path = folder / _ASKED
    asked = {"recipe": recipe.model_dump(mode="json"), "share": plan.share, "seed": plan.seed, "faces": list(faces)}
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asked, indent=2) + "\n", "utf-8")
        return
    before = json.loads(path.read_text("utf-8"))
    if "recipe" in before:  # one of an older moodline lacks settings that came since
        before["recipe"] = Recipe.model_validate(before["recipe"]).model_dump(mode="json")
    if before != asked:
        changed = next(key for key in asked if before.get(key) != asked[key])
        raise CheckpointError(f"{folder} was trained with another {changed}: choose another --out, or remove it.")


def _clock(work: Mapping[str, int]) -> Callable[[str], str]:
    """What to say of the time left before each training, by the work of all that are to be done; at first nothing."""
    began, todo = time.monotonic(), list(work)

    def left(name: str) -> str:
        done = sum(work[one] for one in todo[: todo.index(name)])
        if not done:
            return ""
        minutes = (time.monotonic() - began) / done * (sum(work.values()) - done) / 60
        return f"; {minutes:.0f} min left for all"

    return left
