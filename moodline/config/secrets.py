"""Variables that stand in files, so that no password is in an environment or a process list.

``MOODLINE_SECRETS`` names folders. Each file in them that is named as a variable stands for that variable: Docker and
Kubernetes mount secrets like this. A variable of the environment goes before the file of its name.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from moodline.config.problems import Problem

SECRETS_VARIABLE: Final = "MOODLINE_SECRETS"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_MOST_BYTES: Final = 64 * 1024


def with_secrets(environ: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Return ``environ`` with what stands in the files of its secrets folders, and what was wrong with those.

    Of a file's text, the ends of lines at its end do not count. Never raises.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for folder in _folders(environ):
        try:
            files = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_file())
        except OSError as error:
            problems.append(Problem((), f"cannot be read ({error.strerror}); correct it, or unset it", f"{folder}"))
            continue
        for path in files:
            value, problem = _read(path)
            values.setdefault(path.name, value)
            problems += [problem] if problem else []
    problems = [Problem((), problem.sentence, f"{SECRETS_VARIABLE}: {problem.source}") for problem in problems]
    return {**values, **environ}, problems


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    for part in environ.get(SECRETS_VARIABLE, "").split(os.pathsep):
        if part:
            yield Path(part)


def _read(path: Path) -> tuple[str, Problem | None]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        value = text.decode().rstrip("\r\n")
    except OSError as error:
        return "", Problem((), f"cannot be read ({error.strerror}); let this user read it", f"{path}")
    except UnicodeDecodeError:
        return "", Problem((), "is no text in UTF-8; write base64 for bytes", f"{path}")
    if len(text) > _MOST_BYTES:
        return "", Problem((), f"is larger than {_MOST_BYTES} bytes, so it is no secret of moodline's", f"{path}")
    return (value, None) if value else ("", Problem((), "is empty; fill it in, or remove it", f"{path}"))
