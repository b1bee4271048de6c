"""One thing that is wrong in a configuration, and how it is shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Location = tuple[int | str, ...]
"""Names and list indices from the top of the configuration, such as ``("streams", 1, "fps")``."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do."""

    location: Location
    sentence: str
    source: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """Return one line: ``moodline.yaml:12: streams[1].fps: sentence``."""
        place = f"{self.source}:{self.line}" if self.line else self.source
        return ": ".join(part for part in (place, path_text(self.location), self.sentence) if part)


def path_text(location: Sequence[int | str]) -> str:
    """Return ``streams[1].fps`` for ``("streams", 1, "fps")``.

    What does not look like a setting's name is shown as ``?``: a slip of YAML can make a key of a password.
    """
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _NAME.fullmatch(part) else "?"
            text += f".{name}" if text else name
    return text
