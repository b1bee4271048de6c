"""What each image is made of: its own extras and no others, pip's cache mounted, YuNet pinned, CUDA for GPUs alone."""

import re
from typing import NamedTuple

import pytest

from ingest.detect.model_file import MODEL_SHA256
from tests.support.repository import ROOT
from tests.support.requirements import closure

TEXT = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
EXTRAS = {
    "ingest": {"ingest", "tracing"},
    "worker": {"worker", "tracing"},
    "worker-gpu": {"worker", "tracing"},
    "api": {"api"},
    "jobs": {"ingest", "jobs", "tracing"},
}
MODEL_LIBRARIES = {"tensorflow", "keras", "openvino"}
PICTURE_LIBRARIES = {"opencv-python-headless"}


class Stage(NamedTuple):
    """A stage of the Dockerfile: what it is made from, and its instructions, a line each."""

    base: str
    lines: list[str]

    def all(self, name: str) -> list[str]:
        """Return the arguments of its instructions of that name."""
        return [line.split(None, 1)[1] for line in self.lines if line.split(None, 1)[0] == name]


def stages() -> dict[str, Stage]:
    """Return the stages by name."""
    found = re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return {
        name: Stage(base, [line for line in body.splitlines() if re.match("[A-Z]+ ", line)])
        for base, name, body in found
    }


STAGES = stages()


def build_of(target: str) -> Stage:
    """Return the stage where a target's packages are installed: where its /opt/moodline comes from."""
    (name,) = [
        found.group(1)
        for line in STAGES[target].all("COPY")
        if (found := re.fullmatch(r"--from=(\S+) /opt/moodline /opt/moodline", line))
    ]
    return STAGES[name]


@pytest.mark.parametrize("target", EXTRAS)
def test_an_image_holds_what_its_service_needs_and_no_more(target: str) -> None:
    (install,) = build_of(target).all("RUN")
    (extras,) = re.findall(r"\}\[([\w,]+)\]", install)
    installed = closure(*extras.split(","))

    assert set(extras.split(",")) == EXTRAS[target]
    assert (MODEL_LIBRARIES & installed) == (MODEL_LIBRARIES if target.startswith("worker") else set())
    assert bool(PICTURE_LIBRARIES & installed) == (target in {"ingest", "jobs"})


def test_every_installation_uses_the_cache_of_pip_and_the_pins() -> None:
    runs = [
        line for stage in STAGES.values() for line in stage.all("RUN") if re.search(r"\bpip (install|wheel)\b", line)
    ]

    assert len(runs) == len([name for name in STAGES if name.startswith("build")])
    for line in runs:
        assert line.startswith("--mount=type=cache,target=/root/.cache/pip "), line
        assert "-c constraints.txt" in line or "pip wheel --no-deps" in line, line


def test_only_the_image_for_gpus_has_the_cuda_variant_of_tensorflow() -> None:
    with_cuda = {
        target for target in EXTRAS if any('"tensorflow[and-cuda]"' in line for line in build_of(target).all("RUN"))
    }

    assert with_cuda == {"worker-gpu"}
    assert "NVIDIA_VISIBLE_DEVICES=all" in " ".join(STAGES["worker-gpu"].all("ENV"))


def test_yunet_is_the_one_that_ingest_trusts_and_is_where_ingest_looks() -> None:
    (fetched,) = [line for stage in STAGES.values() for line in stage.all("ADD")]
    options, (_, target) = [word for word in fetched.split() if word[:2] == "--"], fetched.split()[-2:]
    folder = target.rpartition("/")[0]

    assert f"--checksum=sha256:{MODEL_SHA256}" in options
    for name in ("ingest", "jobs"):
        assert STAGES[name].all("ENV") == [f"MOODLINE_INGEST__DETECTOR_MODEL={target}"]
    assert fetched in STAGES["ingest"].all("ADD")
    assert f"--from=ingest {folder} {folder}" in STAGES["jobs"].all("COPY")


def test_bases_are_pinned_by_their_tag() -> None:
    (python,) = re.findall(r"^ARG PYTHON=(\S+)$", TEXT, re.MULTILINE)
    outside = {stage.base for stage in STAGES.values()} - STAGES.keys()

    assert outside == {"python:${PYTHON}"}
    assert re.fullmatch(r"3\.\d+-slim-\w+", python)
