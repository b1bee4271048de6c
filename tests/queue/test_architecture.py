"""ARCHITECTURE.md tells the truth about keys and scripts."""

from moodline.keys import key_table
from moodline.scripts import SCRIPT_NAMES
from moodline.streams import DROP_REASONS
from tests.support.repository import ROOT


def test_the_key_table_is_that_of_the_code() -> None:
    assert key_table() in (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_every_script_and_drop_reason_is_explained() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in SCRIPT_NAMES)
    assert ", ".join(DROP_REASONS) in text
