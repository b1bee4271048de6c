"""What ships is listed with its licences, and no more than that."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.sbom import PAGE, asked_for, page, shipped
from tests.packaging.test_constraints import pins
from tests.support.repository import ROOT

BOM = {
    "metadata": {"component": {"bom-ref": "root"}},
    "components": [
        {"bom-ref": "a==1", "name": "A_b", "licenses": [{"license": {"id": "MIT"}}]},
        {"bom-ref": "c==1", "name": "c", "licenses": [{"expression": "BSD-3-Clause AND MIT"}]},
        {"bom-ref": "d==1", "name": "d", "licenses": [{"license": {"name": "License :: OSI Approved :: BSD License"}}]},
        {"bom-ref": "tool==1", "name": "tool"},
    ],
    "dependencies": [
        {"ref": "root", "dependsOn": ["a==1", "tool==1"]},
        {"ref": "a==1", "dependsOn": ["c==1"]},
        {"ref": "tool==1", "dependsOn": ["c==1"]},
    ],
}


def test_what_is_not_shipped_is_left_out() -> None:
    bom = shipped(BOM, {"a-b", "c", "d"})

    assert [one["bom-ref"] for one in bom["components"]] == ["a==1", "c==1", "d==1"]
    assert bom["dependencies"] == [{"ref": "root", "dependsOn": ["a==1"]}, {"ref": "a==1", "dependsOn": ["c==1"]}]
    assert page(bom).endswith("| a-b | MIT |\n| c | BSD-3-Clause AND MIT |\n| d | BSD License |\n")


def test_the_tools_of_the_tests_do_not_ship() -> None:
    assert asked_for() >= {"redis", "tensorflow", "fastapi", "opentelemetry-sdk"}
    assert not asked_for() & {"pytest", "mypy", "ruff", "cyclonedx-bom"}


def test_the_page_lists_all_that_ships() -> None:
    listed = set(re.findall(r"^\| ([\w.-]+) \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) - {"package"}

    # What only another platform or another Python installs cannot be seen from here.
    assert asked_for() <= listed, "make sbom"
    assert listed <= {re.split(r"[=; ]", str(pin))[0].lower().replace("_", "-").replace(".", "-") for pin in pins()}


@pytest.mark.parametrize(
    "secret",
    ["-----BEGIN " + "RSA PRIVATE KEY-----", "key = AKIA" + "IOSFODNN7EXAMPLX", "t = 'ghp_" + "a1B2" * 9 + "'"],
)
def test_the_scan_of_make_lint_finds_a_secret(tmp_path: Path, secret: str) -> None:
    file = tmp_path / "config.py"
    file.write_text(f"{secret}\n", encoding="utf-8")

    assert scan(file).returncode == 1
    file.write_text("password = 'throwaway'\n", encoding="utf-8")
    assert scan(file).returncode == 0


def scan(file: Path) -> subprocess.CompletedProcess[str]:
    command, programs = [ROOT / "deploy/secret-scan.sh", file], Path(sys.executable).parent
    environment = {"BIN": str(programs), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
