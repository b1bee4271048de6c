"""Cuts an SBOM of the whole environment down to what ships, and lists the licences of that.

Run by `make sbom`: python -m deploy.sbom BOM.json; writes the file anew, and docs/licences.md.
"""

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs/licences.md"
_HEAD: Final = """# Licences

What the images of moodline bring along, with the licence that each declares itself; written by `make sbom`, which also
writes the versions and who needs whom as an SBOM (CycloneDX) into `build/sbom.json`. moodline itself is Apache-2.0. The
servers beside it (Valkey BSD-3-Clause, Prometheus Apache-2.0, Grafana AGPL-3.0) are programs of their own. YuNet, the
face detector's model, is MIT. The image `worker-gpu` has NVIDIA's CUDA libraries too (`tensorflow[and-cuda]`): pinned
in constraints.txt and not listed here, under NVIDIA's own licences.

| package | licence |
|---|---|
"""


def main(arguments: list[str]) -> int:
    """Cut down the SBOM that is named, and write the page. Returns the exit code."""
    path = Path(arguments[0])
    bom = shipped(json.loads(path.read_text(encoding="utf-8")), asked_for())
    path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(bom), encoding="utf-8")
    print(f"{path}: {len(bom['components'])} components; {PAGE.relative_to(ROOT)}")
    return 0


def asked_for() -> set[str]:
    """Return the names of what moodline's services install here, one through the other; not the tools of its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    # No image has JAX.
    texts = [text for name, found in extras.items() if name not in {"all", "dev", "jax"} for text in found]
    return installed_by([*project["dependencies"], *texts])


def installed_by(texts: Sequence[str]) -> set[str]:
    """Return the names of what requirements bring here, one through the other. Raises PackageNotFoundError."""
    waiting = [Requirement(text) for text in texts]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        node = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if node not in seen and _applies(wanted, frozenset()):
            seen.add(node)
            needed = (Requirement(text) for text in distribution(wanted.name).requires or ())
            waiting += [one for one in needed if _applies(one, node[1])]
    return {name for name, _ in seen}


def _applies(wanted: Requirement, extras: frozenset[str]) -> bool:
    return wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras or {""})


def shipped(bom: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the SBOM with those components only that have one of ``names``."""
    kept = {one["bom-ref"]: one for one in bom["components"] if canonicalize_name(one["name"]) in names}
    root = bom["metadata"]["component"]["bom-ref"]
    edges = [
        {**one, "dependsOn": [reference for reference in one.get("dependsOn", []) if reference in kept]}
        for one in bom["dependencies"]
        if one["ref"] in {*kept, root}
    ]
    return {**bom, "components": list(kept.values()), "dependencies": edges}


def page(bom: Mapping[str, Any]) -> str:
    """Return the page of licences."""
    rows = sorted((canonicalize_name(one["name"]), _licence(one)) for one in bom["components"])
    return _HEAD + "".join(f"| {name} | {licence} |\n" for name, licence in rows)


def _licence(component: Mapping[str, Any]) -> str:
    """Return what a component says of its licence; whole texts stand in the SBOM."""
    said = []
    for one in component.get("licenses", []):
        known = one.get("license", {})
        name = str(known.get("name", "")).rpartition(":: ")[2]  # a classifier's last word
        said.append(one.get("expression") or known.get("id") or name)
    short = dict.fromkeys(text.strip() for text in said if text and len(text) < 120 and "\n" not in text)
    return ", ".join(short).replace("|", "\\|") or "see its files"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
