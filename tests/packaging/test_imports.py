"""Imports: the layers, and that each folder imports only what its extra installs."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import PACKAGES, ROOT, requirement_texts


def test_the_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


# What works without, and says what to install when it is asked for.
OPTIONAL = {"moodline/tracing.py": "tracing", "worker/engines/jax.py": "jax"}
# Which build of PyTorch fits is the user's to know: no extra brings it, and it is used where Keras was told to use it.
OF_THE_USER = {"trainer/backend.py imports torch"}


@pytest.mark.parametrize("package", PACKAGES)
def test_it_imports_only_what_its_extra_declares(package: str) -> None:
    declared = declared_for(package)
    distributions = packages_distributions()
    undeclared = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / package).rglob("*.py")
        for module in third_party_imports(path)
        if not (declared | declared_for(OPTIONAL.get(path.relative_to(ROOT).as_posix(), "")))
        & {canonicalize_name(name) for name in distributions.get(module, ())}
    }

    assert undeclared <= OF_THE_USER


def declared_for(package: str) -> set[str]:
    texts = requirement_texts()
    return {canonicalize_name(Requirement(text).name) for text in texts[""] + texts.get(package, [])}


def third_party_imports(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.split(".")[0])
    return modules - sys.stdlib_module_names - set(PACKAGES)
