"""axe-core in the tests' browser: what it calls serious."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.api.browser import Browser
from tests.support.needs import missing

SERIOUS = ("serious", "critical")
RULES = "runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']"


def serious_faults(browser: Browser) -> list[dict[str, Any]]:
    """Return the serious faults of the page, with the elements that are meant."""
    browser.run(_script() + "; 0")
    found = json.loads(browser.run(f"axe.run(document, {{ {RULES} }}).then((done) => JSON.stringify(done.violations))"))
    return [
        {"rule": fault["id"], "help": fault["help"], "where": [node["html"][:120] for node in fault["nodes"][:3]]}
        for fault in found
        if fault["impact"] in SERIOUS
    ]


def _script() -> str:
    found = find_spec("axe_core_python")
    if found is None or found.origin is None:
        missing("the Python package axe-core-python")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")
