"""Every command in README and docs is run here against a running system, or says why not: doc_text has the rules."""

import copy
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.deploy.doc_text import BLOCKS, IN_TEXT, MARKS, Block, blocks_of, inline_of
from tests.deploy.local_compose import LocalCompose
from tests.deploy.local_service import LocalService
from tests.support.needs import shared
from tests.support.redis_server import free_port
from tests.support.repository import ROOT, own_files
from tests.support.wait import wait_until

# What everybody's own configuration would say.
LINKED = ("deploy", "docs", "examples", "Makefile", "moodline.yaml", "constraints.txt", "worker", "bench")
IN_TEXT_TO_RUN = list({(command.text, command.mark): command for command in IN_TEXT if command.to_run}.values())


def named(block: Block) -> str:
    return f"{block.page}: {block.text.splitlines()[0][:40]}"


def marked(mark: str | None) -> list[Block]:
    return [block for block in (*BLOCKS, *IN_TEXT_TO_RUN) if block.mark == mark]


@dataclass(frozen=True)
class Place:
    """A folder like a checkout, and the environment of somebody who works in it."""

    folder: Path
    environment: dict[str, str]
    api: str
    api_with_keys: str
    redis_url: str

    def local(self, text: str) -> str:
        api = self.api_with_keys if "Authorization: Bearer" in text else self.api
        return text.replace("http://127.0.0.1:8080", api).replace("redis://127.0.0.1:6379", self.redis_url)


@pytest.fixture(scope="module")
def api_here(system: LocalCompose) -> Iterator[str]:
    """The API as moodline up serves it: to this machine, without keys. Redis and folders are the system's."""
    address = system.addresses["api"].rpartition(".")[0] + ".200"
    described = copy.deepcopy(system.content["services"]["api"])
    described["environment"]["MOODLINE_API__HOST"] = system.addresses["api-here"] = address
    service = LocalService("api-here", described, system)
    try:
        wait_until(service.healthy, description="the API answers", timeout=60)
        yield f"http://{address}:8080"
    finally:
        service.stop()


@pytest.fixture(scope="module")
def place(system: LocalCompose, api_here: str, secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("checkout")
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    (folder / "party.mp4").symlink_to(shared("data/media/fer_test.mp4"))
    programs = folder / "bin"
    programs.mkdir()
    for name, line in {"moodline": f"{sys.executable} -m moodline.cli", "python": sys.executable}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    password, redis = (secrets / "redis_operator").read_text(), system.addresses["redis"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOODLINE_", "REDIS_", "MAKE"))}
    environment = kept | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "XDG_RUNTIME_DIR": str(folder),
        "REDIS_URL": f"redis://operator@{redis}:6379/0",
        "REDIS_PASSWORD": password,
        "MOODLINE_SEAL_KEY": (secrets / "seal_key").read_text(),
        "MOODLINE_INGEST__DETECTOR_MODEL": str(shared("models/face_detection_yunet_2023mar.onnx")),
        "MOODLINE_INGEST__METRICS_PORT": str(free_port()),
        "MOODLINE_WORKER__METRICS_PORT": str(free_port()),
        "MOODLINE_API__PORT": str(free_port()),
    }
    api, server = f"http://{system.addresses['api']}:8080", f"redis://operator:{quote(password, safe='')}@{redis}:6379"
    place = Place(folder, environment, api_here, api, server)
    wait_until(lambda: '"emotion"' in said(place, "moodline events --json"), description="there are events", timeout=60)
    return place


def said(place: Place, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", place.local(script)],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_there_are_commands_and_every_mark_is_known() -> None:
    assert len(BLOCKS) > 20
    assert len(marked(None)) + len(marked("until stopped")) > len(marked("not run")), "most are run"
    assert {block.mark for block in BLOCKS} <= MARKS


def test_no_command_hides_in_a_fence_without_a_language() -> None:
    hidden = []
    for path in own_files():
        if path.suffix == ".md":
            fences = re.findall(r"^ *```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            hidden += [path.name for language in fences[::2] if not language]  # each second one closes

    assert not hidden


@pytest.mark.parametrize("block", marked(None), ids=named)
def test_a_command_does_what_the_page_says(place: Place, block: Block) -> None:
    said(place, "\n".join(block.lines))


@pytest.mark.parametrize("block", marked("until stopped"), ids=named)
def test_a_command_goes_on_until_it_is_stopped(place: Place, block: Block, tmp_path: Path) -> None:
    for number, line in enumerate(block.lines):
        output = tmp_path / str(number)
        process = started(place, line, output)
        try:
            wait_until(partial(has_spoken, process, output), description=f"{line} says something", timeout=60)
            assert process.poll() is None, output.read_text()
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def started(place: Place, line: str, output: Path) -> subprocess.Popen[bytes]:
    with output.open("w") as out:
        return subprocess.Popen(
            ["bash", "-c", place.local(line)],
            cwd=place.folder,
            env=place.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def has_spoken(process: subprocess.Popen[bytes], output: Path) -> bool:
    return output.stat().st_size > 0 or process.poll() is not None


@pytest.mark.parametrize("block", marked("not run"), ids=named)
def test_what_is_not_run_says_why(block: Block) -> None:
    assert len(block.about.split()) > 2


@pytest.mark.parametrize("block", marked("run by"), ids=named)
def test_what_another_test_runs_is_run_there(block: Block) -> None:
    file, _, name = block.about.partition("::")

    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_a_command_without_a_mark_would_be_run() -> None:
    page = (
        "<!-- not run: there is no moon -->\n```sh\nfly\n```\n\n```sh\nwalk\nswim  # far (not run: too wet here)\n```\n"
    )
    first, second = blocks_of("page", page)

    assert (first.mark, first.about) == ("not run", "there is no moon")
    assert (second.mark, second.lines) == (None, ["walk"])


def test_a_command_in_running_text_would_be_run() -> None:
    text = "`moodline streams`, `moodline purge --stream ID`, `moodline probe x.mp4` <!-- not run: there is none -->\n"
    text += "`moodline\nprobe demo`, or in a container `docker compose exec api moodline streams --json`."
    found = inline_of("page", text)

    assert [(one.text, one.mark) for one in found if one.to_run] == [
        ("moodline probe x.mp4", "not run"),
        ("moodline probe demo", None),
    ]
    assert len(found) == 5
