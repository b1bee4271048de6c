"""``${NAME}`` and ``${NAME:-default}`` in the values of the configuration file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<close>\}?)")
_INSIDE: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.ASCII | re.DOTALL)


class TakenText(str):
    """A text of which ``taken`` came from the environment; a setting that is a secret hides that everywhere."""

    __slots__ = ("taken",)
    taken: frozenset[str]

    @classmethod
    def of(cls, text: str, taken: Iterable[str]) -> Self:
        """Return ``text`` with what was taken for it."""
        made = cls(text)
        made.taken = frozenset(taken)
        return made


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value after replacement, and a sentence for each reference that could not be replaced."""

    text: TakenText
    problems: tuple[str, ...]
    changed: bool


def expand(text: str, environ: Mapping[str, str]) -> Expanded:
    """Replace the references in ``text``; ``$${`` stands for a literal ``${``.

    As in a shell, a default is taken for a name that is missing or empty. Without a default an empty name is
    a problem too: an empty password is nearly always a mistake.
    """
    problems: list[str] = []
    taken: set[str] = set()

    def replace(match: re.Match[str]) -> str:
        if match["inside"] is None:
            return "${"
        reference = _INSIDE.fullmatch(match["inside"])
        if not reference or not match["close"]:
            problems.append("holds a ${ that is not ${NAME} or ${NAME:-default}; write $${ for a literal ${")
            return ""
        name, default = reference["name"], reference["default"]
        value = environ.get(name) or default
        taken.update(filter(None, [environ.get(name)]))
        if value is None:
            state = "empty" if name in environ else "not set"
            problems.append(
                f"the environment variable {name} is {state}; set it, or give a default: ${{{name}:-default}}"
            )
        return value or ""

    expanded = _REFERENCE.sub(replace, text)
    return Expanded(TakenText.of(expanded, taken), tuple(problems), changed=expanded != text)
