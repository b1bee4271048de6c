"""``moodline models``: what is in the registry, and which one workers load."""

import json
import shutil
from pathlib import Path

import pytest

from moodline.errors import ModelError
from moodline.manifest import MANIFEST_NAME
from moodline.registry import IN_USE, Registry, installed_models
from tests.cli.running import moodline


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry of one's own with versions 1, 2 and 10 of a model."""
    for version in (1, 2, 10):
        folder = tmp_path / "moods" / str(version)
        shutil.copytree(Registry().find("vgg11-ferplus"), folder)
        manifest = json.loads((folder / MANIFEST_NAME).read_text()) | {"name": "moods", "version": version}
        (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    return tmp_path


def env(registry: Path) -> dict[str, str]:
    return {"MOODLINE_WORKER__REGISTRY": str(registry)}


def listed(registry: Path) -> dict[str, bool]:
    done = moodline("models", "list", "--json", env=env(registry))
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {f"{row['name']}@{row['version']}": row["in_use"] for row in rows}


def test_use_decides_which_version_is_in_use_and_can_go_back(registry: Path) -> None:
    shipped = f"vgg11-ferplus@{Registry().find('vgg11-ferplus').name}"
    others = dict.fromkeys(("moods@1", "moods@2", "moods@10", "vgg11-fer2013@1"), False)
    assert listed(registry) == others | {shipped: True}
    for asked, chosen in (("moods", "moods@10"), ("moods@2", "moods@2"), (shipped, shipped)):
        done = moodline("models", "use", asked, env=env(registry))
        assert (done.returncode, done.stdout.partition(" ")[0]) == (0, chosen)
        assert [name for name, used in listed(registry).items() if used] == [chosen]


def test_the_list_for_people_names_scores_and_damage(registry: Path) -> None:
    (registry / "moods" / "2" / MANIFEST_NAME).write_text("{")
    done = moodline("models", "list", env={**env(registry), "COLUMNS": "80"})
    assert done.returncode == 0
    ferplus = next(line.split() for line in done.stdout.splitlines() if "vgg11-ferplus@1" in line)
    described = json.loads((Registry().find("vgg11-ferplus") / MANIFEST_NAME).read_text())
    assert f"{described['scores'][0]['ferplus']['seven']['accuracy']:.1%}" in ferplus
    assert described["training"]["finished_at"][:10] in ferplus
    assert "moods@2" in done.stdout
    assert "damaged" in done.stdout
    assert "is damaged" in done.stderr


def test_a_damaged_model_is_not_chosen(registry: Path) -> None:
    model = next((registry / "moods" / "10").glob("*.keras"))
    model.write_bytes(model.read_bytes()[:-1])
    done = moodline("models", "use", "moods", env=env(registry))
    assert done.returncode == 2
    assert "is damaged" in done.stderr
    assert not (registry / IN_USE).exists()


def test_an_unknown_model_is_answered_with_the_known_ones(registry: Path) -> None:
    done = moodline("models", "show", "modos", env=env(registry))
    assert done.returncode == 2
    assert "choose one of the registry (moods, vgg11-fer2013, vgg11-ferplus" in done.stderr


def test_show_gives_the_card_and_as_json_the_manifest(registry: Path) -> None:
    assert "## Where it fails" in moodline("models", "show", "vgg11-ferplus").stdout
    (registry / "moods" / "2" / "MODEL_CARD.md").write_bytes(b"# Caf\xe9")
    assert "# Caf\ufffd" in moodline("models", "show", "moods@2", env=env(registry)).stdout
    manifest = json.loads(moodline("models", "show", "moods@1", "--json", env=env(registry)).stdout)
    assert (manifest["name"], manifest["version"]) == ("moods", 1)


@pytest.mark.parametrize("content", [b"in-use\n", b"\xff\xfe"])
def test_a_choice_that_is_damaged_is_one_sentence_and_made_anew(registry: Path, content: bytes) -> None:
    (registry / IN_USE).write_bytes(content)
    with pytest.raises(ModelError, match=r"in-use names no model: write it anew"):
        Registry(registry).find(IN_USE)
    assert not any(listed(registry).values())
    assert Registry(registry).use("moods@2") == Registry(registry).in_use() == "moods@2"


def test_a_folder_whose_manifest_names_another_version_is_not_chosen(registry: Path) -> None:
    shutil.copytree(registry / "moods" / "1", registry / "moods" / "3")
    with pytest.raises(ModelError, match=r"moods/3 is moods@1 by its manifest.json"):
        Registry(registry).use("moods@3")


def test_the_trainer_looks_where_the_configuration_says(registry: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(f"worker:\n  registry: {registry}\n")
    for environment, folder in ((env(tmp_path / "nowhere"), "nowhere"), ({}, registry.name)):
        asked = ["models", "quantise", "--model", "modos", "--data", "nothing", "--config", str(config)]
        done = moodline(*asked, env=environment)
        assert ("(moods, " in done.stderr) == (folder == registry.name), done.stderr
        assert "There is no model modos" in done.stderr


def test_a_configured_model_is_said_to_win(registry: Path) -> None:
    done = moodline("models", "use", "moods@1", env={**env(registry), "MOODLINE_WORKER__MODEL": "vgg11-ferplus"})
    assert done.returncode == 0
    assert "worker.model is set to vgg11-ferplus" in done.stderr


def test_ones_own_version_comes_before_an_installed_one_of_that_name(registry: Path) -> None:
    name = Registry().find("vgg11-ferplus")
    shutil.copytree(name, registry / name.parent.name / name.name)
    assert Registry(registry).find("vgg11-ferplus").is_relative_to(registry)
    assert Registry().find("vgg11-ferplus").is_relative_to(installed_models())
