"""The report of a run: one file with everything in it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from moodline.emotions import EMOTIONS
from trainer.__main__ import build_app
from trainer.report import Gathered, gather, write_report
from trainer.report.figures import reliability_points

# A `TinyRun` of conftest.py, which test folders cannot import.
TinyRun = Any


@pytest.fixture(scope="module")
def found(tiny_run: TinyRun) -> Gathered:
    return gather(tiny_run.run, tiny_run.faces, tiny_run.validation)


@pytest.fixture(scope="module")
def page(found: Gathered, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(found, tmp_path_factory.mktemp("report")).read_text("utf-8")


class Addresses(HTMLParser):
    """Everything that a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"<{tag}>"] if tag in {"script", "link", "iframe", "object"} else []
        self.found += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]


def test_it_opens_offline(page: str) -> None:
    addresses = Addresses()
    addresses.feed(page)
    assert addresses.found
    assert [one for one in addresses.found if not one.startswith(("data:", "#"))] == []
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "${" not in page


def test_it_shows_everything_that_a_person_wants_to_see(page: str, found: Gathered) -> None:
    for caption in ("Class frequencies", "Accuracy: train", "Loss: train", "Confusion", "Reliability", "Recall and"):
        assert caption in page
    assert page.count("<svg") == 4
    head = found.heads[0]
    assert f"{head.scores().accuracy:.1%}" in page
    assert f"before (ECE {head.scores(calibrated=False).ece:.3f})" in page
    assert f"after (ECE {head.scores().ece:.3f})" in page
    assert page.count('<img src="data:image/png') == len(head.worst(40))
    assert "faces a second" in page
    assert "GFLOP a face" in page
    assert all(f"<th>{emotion}</th>" in page for emotion in EMOTIONS)


def test_the_worst_mistakes_are_mistakes_the_surest_first(found: Gathered) -> None:
    head = found.heads[0]
    worst = head.worst(5)
    assert (head.probabilities[worst].argmax(axis=1) != head.labels[worst]).all()
    assert (np.diff(head.probabilities[worst].max(axis=1)) <= 0).all()


def test_points_of_the_reliability_diagram_are_those_counted_by_hand() -> None:
    found = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.35, 0.65]])
    confidence, share, count = reliability_points(found, np.array([0, 1, 1, 1]))
    assert confidence.tolist() == pytest.approx([0.625, 0.9])
    assert share.tolist() == [1.0, 0.5]
    assert count.tolist() == [2, 2]


def test_a_folder_without_a_run_is_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(build_app(), ["report", str(tmp_path)])
    assert "does not say what data" in str(done.exception)
