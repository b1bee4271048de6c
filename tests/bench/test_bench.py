"""The benchmark runs and says what it measured. What it measures is never asserted: machines differ."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import DOCUMENT
from bench.case import Bar, Case, Context, NotMeasurableError, Result, Table
from bench.cases import all_cases
from bench.faces import count_found
from bench.report import keep, section
from bench.samples import Samples
from tests.support.repository import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def case(name: str) -> Case:
    return Case(name, 1, f"The {name}", "Measured so.", lambda _context: Result([]))


def test_a_quick_run_prints_figures_and_writes_nothing(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"

    done = bench("--case", "queue", "--quick", "--document", str(document))

    assert done.returncode == 0, done.stderr
    assert "crops/s" in done.stdout
    assert "at least 10,000 crops/s" in done.stdout
    assert not document.exists()


def test_an_unknown_case_is_answered_with_the_known_ones() -> None:
    done = bench("--case", "speed")

    assert done.returncode == 2
    assert done.stderr.strip() == (
        "There is no case speed: choose from " + ", ".join(case.name for case in all_cases()) + "."
    )


def test_without_the_clips_a_case_says_what_is_missing(tmp_path: Path) -> None:
    done = bench("--case", "whole-way", "--quick", "--shared", str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert f"not measured. {tmp_path}/data/media/short_hamilton_clip.mp4 is missing" in done.stdout


def test_a_missing_file_is_named() -> None:
    with pytest.raises(NotMeasurableError, match=r"clip\.mp4 is missing"):
        Context(1, shared=Path("/nowhere")).require("clip.mp4")


def test_other_sections_of_the_document_stay(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    table = Table("Speeds", ("engine", "faces/s"), [["fast", "1,230"]])
    keep(document, {name: section(case(name), Result([table]), ["before"]) for name in ("one", "two")}, ["one", "two"])

    missed = Result([], [Bar("at least 10", "9", met=False)])
    keep(document, {"two": section(case("two"), missed, ["today"])}, ["one", "two"])

    text = document.read_text("utf-8")
    assert "| fast | 1,230 |" in text
    assert "- MISSED: at least 10; measured 9" in text
    assert text.count("- before") == text.count("- today") == 1
    assert text.index("## The one") < text.index("## The two")


def test_the_document_holds_each_case_as_it_is_measured_today() -> None:
    text = DOCUMENT.read_text("utf-8")
    for known in all_cases():
        assert section(known, Result([]), []) in text, f"{known.name}: measure it again"
    pictures = re.findall(r"!\[.*\]\((.+)\)", text)
    assert "benchmarks-load.svg" in pictures
    assert all((DOCUMENT.parent / picture).exists() for picture in pictures)


def test_two_boxes_on_one_face_find_one() -> None:
    face, elsewhere = (10.0, 10.0, 40.0, 40.0), (200.0, 10.0, 40.0, 40.0)

    assert count_found({0: [face, (12.0, 11.0, 40.0, 40.0)]}, {0: [face, elsewhere]}) == 1
    assert count_found({0: [(60.0, 10.0, 40.0, 40.0)], 1: [face]}, {0: [face], 1: []}) == 0


def test_a_ratio_is_taken_repetition_by_repetition() -> None:
    ours, theirs = Samples.of([100.0, 50.0, 120.0]), Samples.of([10.0, 5.0, 10.0])

    assert ours.over(theirs).values == (10.0, 10.0, 12.0)
    assert ours.over(theirs).text() == "10.0 (10.0-12.0)"
