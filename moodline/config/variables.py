"""``${NAME}`` and ``${NAME:-default}`` in the values of the configuration file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<close>\}?)")
_INSIDE: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value after replacement, and a sentence for each reference that could not be replaced."""

    text: str
    problems: tuple[str, ...]
    changed: bool


def expand(text: str, environ: Mapping[str, str]) -> Expanded:
    """Replace the references in ``text``; ``$${`` stands for a literal ``${``.

    As in a shell, a default is taken for a name that is missing or empty. Without a default an empty name is
    a problem too: an empty password is nearly always a mistake.
    """
    problems: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match["inside"] is None:
            return "${"
        reference = _INSIDE.fullmatch(match["inside"])
        if not reference or not match["close"]:
            problems.append("holds a ${ that is not ${NAME} or ${NAME:-default}; write $${ for a literal ${")
            return ""
        name, default = reference["name"], reference["default"]
        value = environ.get(name) or default
        if value is None:
            state = "empty" if name in environ else "not set"
            problems.append(
                f"the environment variable {name} is {state}; set it, or give a default: ${{{name}:-default}}"
            )
        return value or ""

    expanded = _REFERENCE.sub(replace, text)
    return Expanded(expanded, tuple(problems), changed=expanded != text)
