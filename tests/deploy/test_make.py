"""make: what a newcomer sees, and which Python it takes."""

import base64
import ensurepip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import command, missing
from tests.support.repository import ROOT

MAKE_VENV = ROOT / "deploy/make-venv.sh"


def make(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        [command("make"), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_make_alone_lists_every_target() -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    shown = make()

    for target in targets.split():
        assert re.search(rf"^  {target} +\S", shown, re.MULTILINE)


def test_the_demo_runs_for_as_long_as_one_says() -> None:
    assert "moodline up --source demo --duration 20\n" in make("--dry-run", "demo", "DURATION=20")
    assert "moodline up --source demo \n" in make("--dry-run", "demo")


def made_secrets(folder: Path) -> dict[str, str]:
    subprocess.run([ROOT / "deploy/make-secrets.sh", folder], check=True, stdout=subprocess.DEVNULL)
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}


def test_secrets_are_made_once_and_are_closed_to_other_users(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = made_secrets(folder)
    (folder / "redis_api").unlink()
    again = made_secrets(folder)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(base64.b64decode(made["seal_key"], validate=True)) == 32
    assert len(set(made.values())) == len(made)
    assert {name for name in made if made[name] != again[name]} == {"redis_api"}


def python_named(name: str, folder: Path, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def make_venv(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Make ``folder``/venv with a PATH of ``folder`` and the coreutils."""
    path = f"{folder}:{Path(command('rm')).parent}"
    return subprocess.run(
        ["/bin/sh", MAKE_VENV, folder / "venv", *arguments],
        env={"PATH": path, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(pip_wheels())},
        capture_output=True,
        text=True,
        check=False,
    )


def pip_wheels() -> Path:
    """Return the folder of the pip that Python carries for new environments: nothing is downloaded."""
    folders = (Path(ensurepip.__file__).parent / "_bundled", Path("/usr/share/python-wheels"))
    found = next((folder for folder in folders if any(folder.glob("pip-*.whl"))), None)
    return found or missing("the pip wheel that comes with Python")


def works(venv: Path) -> bool:
    done = subprocess.run([venv / "bin/python", "-m", "pip", "--version"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def without_python(tmp_path: Path) -> Path:
    """A folder whose Pythons hide those of the system and do not run, as pyenv's shims may."""
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        python_named(name, tmp_path, "echo 'pyenv: command not found' >&2; exit 127")
    return tmp_path


def test_it_passes_over_shims_that_do_not_run(without_python: Path) -> None:
    python_named("python3.12", without_python, f'exec "{sys.executable}" "$@"')
    done = make_venv(without_python)

    assert done.returncode == 0, done.stderr
    assert works(without_python / "venv")


def test_it_manages_where_python_has_no_ensurepip(without_python: Path) -> None:
    refusal = f'case "$*" in "-m venv {without_python}/venv") exit 1;; esac'
    python_named("python3", without_python, f'{refusal}\nexec "{sys.executable}" "$@"')
    done = make_venv(without_python)

    assert done.returncode == 0, done.stderr
    assert works(without_python / "venv")


def test_one_sentence_says_that_there_is_no_python(without_python: Path) -> None:
    done = make_venv(without_python)

    assert done.returncode == 1
    assert done.stderr == (
        "moodline needs Python 3.11 or later and the PATH has none: "
        "install one, or name it with make PYTHON=/path/to/python3.\n"
    )


def test_a_python_that_was_asked_for_and_does_not_run_is_named(without_python: Path) -> None:
    done = make_venv(without_python, "python3.12")

    assert done.returncode == 1
    assert "PYTHON=python3.12 is none that runs" in done.stderr


def test_ci_installs_what_contributors_are_told_to_install() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    packages = re.sub(r"#.*", "", script[script.index("packages=(") + len("packages=(") : script.index("\n)")])
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"apt-get install --no-install-recommends ((?:.*\\\n)*.*)", guide)

    assert set(packages.split()) == set(told.replace("\\", "").split())
