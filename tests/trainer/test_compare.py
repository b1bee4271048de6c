"""Models side by side, and the table in a model card."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from moodline.errors import ModelError
from trainer.compare import Peer, comparison, load_peer, put_into
from trainer.data import Faces
from trainer.labels import FOUR


class Stub:
    """Stands in for a loaded network: remembers what it was shown, and always gives one answer."""

    def __init__(self, answer: int) -> None:
        self.shown: list[NDArray[np.float32]] = []
        self._row = np.full(7, 0.05, np.float32)
        self._row[answer] = 0.7

    def predict_on_batch(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        self.shown.append(faces)
        return np.tile(self._row, (len(faces), 1))


def peer(answer: int) -> tuple[Peer, Stub]:
    stub: Any = Stub(answer)
    return Peer(stub, tag=f"always {answer}"), stub


def test_the_peer_sees_faces_as_it_was_trained_and_its_answers_are_put_in_our_order(faces: Faces) -> None:
    network, stub = peer(6)  # its seventh emotion is neutral
    found = network.probabilities(faces)
    assert [EMOTIONS[index] for index in np.unique(found.argmax(axis=1))] == ["neutral"]
    assert stub.shown[0].shape[1:] == (64, 64, 1)
    assert stub.shown[0].min() >= -1
    assert stub.shown[0].max() <= 1


def test_each_model_is_scored_on_both_labels_and_without_near_copies(faces: Faces) -> None:
    away = faces.labels != EMOTIONS.index("happy")
    table = comparison([peer(3)[0], peer(0)[0]], faces, away, mirrored=False).splitlines()
    assert "seven, without near copies" in table[0]
    assert len(table) == 2 + 2 * 2
    happy = (faces.labels == EMOTIONS.index("happy")).mean()
    assert table[3].startswith(f"| always 3 | own labels | {happy:.1%} | 0.0% |")
    assert "without near copies" not in comparison([peer(3)[0]], faces, None, mirrored=True)
    rare = faces.where(faces.labels == EMOTIONS.index("fear"))
    nothing = np.zeros(len(rare), np.bool_)
    assert "| own labels | 100.0% | - | - |" in comparison([peer(2)[0]], rare, nothing, mirrored=False)


def test_a_model_of_some_emotions_is_not_scored_on_the_others(faces: Faces) -> None:
    four = replace(peer(3)[0], labels=FOUR)
    row = comparison([four], faces, faces.labels >= 0, mirrored=False).splitlines()[-1]
    asked = faces.labels[np.isin(faces.labels, [EMOTIONS.index(emotion) for emotion in FOUR])]
    happy = (asked == EMOTIONS.index("happy")).mean()
    assert row == f"| always 3 | own labels | - | - | {happy:.1%} | - | - |"
    three = replace(peer(3)[0], labels=FOUR[:3])
    assert comparison([three], faces, None, mirrored=False).splitlines()[-1].endswith("| - | - | - | - |")


def test_the_table_takes_the_place_of_an_earlier_one_in_the_card(tmp_path: Path) -> None:
    card = tmp_path / "MODEL_CARD.md"
    card.write_text("# moods\n\nWhat it is.\n")
    put_into(card, "| old |")
    put_into(card, "| new |")
    text = card.read_text()
    assert text.startswith("# moods\n\nWhat it is.\n")
    assert "| new |" in text
    assert "| old |" not in text
    assert text.count("## Beside others") == 1


def test_another_file_than_the_peers_is_refused(tiny_network: str, tmp_path: Path) -> None:
    from trainer.network import build_network

    build_network(tiny_network, classes=7).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match="is not mini_XCEPTION"):
        load_peer(tmp_path / "other.keras")
