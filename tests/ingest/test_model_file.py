"""Where YuNet's model comes from. Nothing here reaches the network."""

import logging
import os
import time
from pathlib import Path
from urllib.error import URLError

import pytest

from ingest.detect.model_file import MODEL_NAME, MODEL_URL, find_model
from moodline.errors import ConfigError


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "moodline"


class Network:
    """Stands in for the download: gives bytes, or fails as a network does."""

    def __init__(self, content: bytes | None) -> None:
        self._content = content
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if self._content is None:
            raise URLError("Name or service not known")
        return self._content


def test_the_configured_file_is_taken(yunet_model: Path) -> None:
    assert find_model(yunet_model, download=False) == yunet_model


def test_a_configured_file_that_is_missing_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ingest\.detector_model is .*gone\.onnx, and there is no such file"):
        find_model(tmp_path / "gone.onnx", download=True)


def test_it_is_downloaded_once_and_then_found_in_the_cache(yunet_model: Path, cache: Path) -> None:
    network = Network(yunet_model.read_bytes())
    first = find_model(None, download=True, fetch=network)
    second = find_model(None, download=True, fetch=network)
    assert first == second == cache / MODEL_NAME
    assert network.asked == [MODEL_URL]
    assert [file.name for file in cache.iterdir()] == [MODEL_NAME]


def test_another_file_is_never_taken_from_the_network(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert find_model(None, download=True, fetch=Network(b"something else")) is None
    assert not (cache / MODEL_NAME).exists()
    assert "another file" in caplog.text


def test_another_file_is_never_taken_from_the_cache(yunet_model: Path, cache: Path) -> None:
    cache.mkdir()
    (cache / MODEL_NAME).write_bytes(b"damaged")
    found = find_model(None, download=True, fetch=Network(yunet_model.read_bytes()))
    assert found is not None
    assert found.read_bytes() == yunet_model.read_bytes()


@pytest.mark.parametrize("download", [True, False])
def test_without_a_model_there_is_one_warning_that_says_what_to_do(
    download: bool, caplog: pytest.LogCaptureFixture
) -> None:
    network = Network(None)
    assert find_model(None, download=download, fetch=network) is None
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "Haar cascade" in warnings[0]
    assert "ingest.detector_model" in warnings[0]
    assert len(network.asked) == (1 if download else 0)


def test_a_failed_download_is_not_tried_at_each_start_and_is_one_line_of_the_log(
    yunet_model: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    away, back = Network(None), Network(yunet_model.read_bytes())
    assert [find_model(None, download=True, fetch=away) for _ in range(3)] == [None] * 3
    assert len(away.asked) == 1
    assert len(caplog.records) == 3, "one line a start"
    assert "downloading it failed 0 minutes ago: <urlopen error Name or service not known>" in caplog.text
    (note,) = cache.glob("*.failed")
    os.utime(note, (time.time() - 3700, time.time() - 3700))
    assert find_model(None, download=True, fetch=back) == cache / MODEL_NAME
    assert [file.name for file in cache.iterdir()] == [MODEL_NAME]
    assert "was downloaded from" in caplog.text
