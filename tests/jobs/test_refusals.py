"""What the API does not take: paths that lead out, bodies that are broken or too large, jobs that are off."""

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from moodline.errors import NotAllowedError
from moodline.jobs.files import allowed
from moodline.settings import JobSettings
from tests.api.stage import serving
from tests.jobs.conftest import Desk
from tests.support.brokers import broker_on
from tests.support.recordings import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG_PATHS = ["../secret.mp4", "out.mp4", "up/secret.mp4", "/etc/passwd", "holiday", ".", "nowhere.mp4", "a\0b", "~/x"]


@pytest.mark.parametrize("path", WRONG_PATHS)
def test_a_path_leads_nowhere_but_below_the_folder(desk: Desk, path: str) -> None:
    answer = desk.client.post("/v1/analyses", json={"path": path})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "film.mp4")

    assert allowed(tmp_path, "link.mp4", setting="x") == tmp_path / "film.mp4"
    with pytest.raises(NotAllowedError, match="names"):
        allowed(tmp_path, "..", setting="x")


def test_a_name_with_folders_is_only_a_name(desk: Desk) -> None:
    answer = desk.client.post("/v1/analyses", files={"video": ("../../etc/cron.d/evil.mp4", b"x")})

    assert answer.json()["name"] == "evil.mp4"
    assert desk.client.delete(f"/v1/analyses/{answer.json()['id']}").status_code == 202


FORM = {"content-type": "multipart/form-data; boundary=b"}
BROKEN = {
    "no form": b"nothing",
    "no end": b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nabc',
    "no video": b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nabc\r\n--b--\r\n',
    "no file in it": b'--b\r\nContent-Disposition: form-data; name="video"; filename="a"\r\n\r\n\r\n--b--\r\n',
    "long text": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"a" * 5000 + b"\r\n--b--\r\n",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_form_leaves_nothing_behind(desk: Desk, body: bytes) -> None:
    before = set(desk.folder.iterdir())

    answer = desk.client.post("/v1/analyses", content=body, headers=FORM)

    assert answer.status_code == 422, answer.text
    assert set(desk.folder.iterdir()) == before


@pytest.mark.parametrize("known", [True, False], ids=["length told", "length not told"])
def test_a_video_that_is_too_large_is_refused_and_leaves_nothing_behind(desk: Desk, known: bool) -> None:
    before = set(desk.folder.iterdir())
    head = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    parts = [head, *[b"0" * 1024 * 1024] * 21, b"\r\n--b--\r\n"]
    body: bytes | Iterator[bytes] = b"".join(parts) if known else iter(parts)
    try:
        answer = desk.client.post("/v1/analyses", content=body, headers=FORM)
    except httpx.WriteError:
        pass  # refused while it was still being sent
    else:
        assert answer.status_code == 413
        assert "jobs.max_upload" in answer.json()["detail"]
    assert set(desk.folder.iterdir()) == before


def test_other_bodies_keep_their_own_limit(desk: Desk) -> None:
    answer = desk.client.post("/v1/analyses", json={"path": "a" * 2_000_000})

    assert answer.status_code == 413
    assert "api.max_body" in answer.json()["detail"]


def test_the_kind_of_a_body_may_be_written_in_capitals(desk: Desk) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    capitals = {"content-type": "Multipart/Form-Data; boundary=b"}

    answer = desk.client.post("/v1/analyses", content=head + b"0" * 2_000_000 + b"\r\n--b--\r\n", headers=capitals)

    assert answer.status_code == 202, answer.text
    assert desk.client.delete(f"/v1/analyses/{answer.json()['id']}").status_code == 202


def test_a_body_of_another_kind_is_told_what_to_send(desk: Desk) -> None:
    assert desk.client.post("/v1/analyses", content=b"x", headers={"content-type": "video/mp4"}).status_code == 415


def test_a_full_folder_takes_no_more(running: Running, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"0" * 2000)
    broker = broker_on(running.server)
    with serving(broker, jobs=JobSettings(folder=tmp_path, max_folder=1000)) as client:
        answer = client.post("/v1/analyses", files={"video": ("a.mp4", b"abc")})
    broker.close()

    assert answer.status_code == 507


def test_what_is_not_configured_is_off(running: Running) -> None:
    broker = broker_on(running.server)
    with serving(broker) as client:
        upload = client.post("/v1/analyses", files={"video": ("a.mp4", b"abc")})
        training = client.post("/v1/trainings", json={"data": "fer"})
        listed = client.get("/v1/analyses").json()
    broker.close()

    assert (upload.status_code, training.status_code) == (409, 409)
    assert "jobs.folder" in upload.json()["detail"]
    assert (listed["enabled"], listed["paths"]) == (False, False)
