"""Writes docs/configuration.md from the declarations: ``python -m moodline.config.docs [--check]``."""

import argparse
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo

from moodline.config.environment import variable_names
from moodline.config.problems import Location
from moodline.config.schema import Model, is_collection, nested_model
from moodline.config.words import default_words, type_words, unit_words
from moodline.settings import Settings

PAGE: Final = Path("docs/configuration.md")

_INTRODUCTION: Final = """\
<!-- Written by `python -m moodline.config.docs` from the declarations in moodline/settings; change those. -->

# Configuration

moodline reads one YAML file, given with `--config FILE` or in `MOODLINE_CONFIG`; the `moodline.yaml` of the
repository is an example. What is not in the file has its default, so an empty file is valid; only a stream
needs an `id` and a `url`. `moodline check-config FILE` names everything that is wrong with its line, and ends
with exit code 2 if there is anything.

- **Priority**: an environment variable, then the file, then the default. An empty variable counts as not set.
- **Environment variables** are named `MOODLINE_<SECTION>__<SETTING>`, with two underscores between. Lists are
  written as `a,b` or as YAML or JSON; `MOODLINE_STREAMS` replaces the whole list of streams.
- **Secrets**: `${NAME}` anywhere in a value of the file, and of a stream in `MOODLINE_STREAMS`, is replaced from the
  environment; `${NAME:-default}` has a default, and a setting that is empty after that counts as not set; `$${` is a
  literal `${`. In a URL, a password's special characters are percent-encoded (`@` as `%40`). What a stream's network
  address takes as `${NAME}` is shown as `***`, wherever it stands in it; where the whole address is taken, its host is
  shown.
- **Secrets in files**: `MOODLINE_SECRETS=/run/secrets` names a folder (or several, with `:` between) as Docker and
  Kubernetes mount them. Each file in it that is named as a variable stands for that variable, a setting's
  (`REDIS_PASSWORD`, `MOODLINE_SEAL_KEY`) or one for `${NAME}`; the environment's own goes before it.
- **Durations** are `500ms`, `2s`, `15m`, `1h`, `1h30m`, `7d`, ISO 8601 (`PT2S`) or a plain number of seconds.
- **Sizes** are `512KiB`, `8MiB`, `1GiB` or a plain number of bytes.
- **Relative paths** count from the folder in which the command is run.
- An unknown name is an error. Anchors and merges (`<<: *name`) work; `no`, `on` and `1:30` are plain text.
"""

_HEADINGS: Final = ("Setting", "Type", "Default", "Unit", "Environment variable", "What for")


def render() -> str:
    """Return the whole page."""
    variables: dict[Location, str] = {}
    for name, location in variable_names(Settings).items():
        # Of two names, the well-known one comes first and is the one to show.
        variables.setdefault(location, name)
    sections = (_section(name, info, variables) for name, info in Settings.model_fields.items())
    return "\n".join([_INTRODUCTION, *sections])


def _section(name: str, info: FieldInfo, variables: dict[Location, str]) -> str:
    model = nested_model(info.annotation)
    assert model is not None, f"{name} is no section"  # noqa: S101 - a declaration's slip, seen by the tests
    many = is_collection(info.annotation)
    about = (inspect.getdoc(model) or "") + (f" `{name}` is a list of these." if many else "")
    text = f"## {name}\n\n{about}\n\n" + "\n".join(_table((name,), model, variables)) + "\n"
    for field, inner in model.model_fields.items():
        if nested := nested_model(inner.annotation):
            text += f"\n### {name}.{field}\n\n{inspect.getdoc(nested)}\n\n"
            text += "\n".join(_table((name, field), nested, variables)) + "\n"
    return text


def _table(prefix: Location, model: Model, variables: dict[Location, str]) -> Iterator[str]:
    # Items of a list have no variables of their own.
    columns = [index for index, _ in enumerate(_HEADINGS) if index != _HEADINGS.index("Environment variable")]
    if any((*prefix, name) in variables for name in model.model_fields):
        columns = list(range(len(_HEADINGS)))
    yield _line([_HEADINGS[index] for index in columns])
    yield _line(["---"] * len(columns))
    for name, info in model.model_fields.items():
        variable = variables.get((*prefix, name))
        default = default_words(info)
        cells = (
            f"`{name}`",
            type_words(info),
            default if default in {"required", "unset", "by kind of source"} else f"`{default}`",
            unit_words(info),
            f"`{variable}`" if variable else "",
            info.description or "",
        )
        yield _line([cells[index] for index in columns])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` return 1 where the written one is not what it would be."""
    parser = argparse.ArgumentParser(prog="python -m moodline.config.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is out of date")
    parser.add_argument("--output", type=Path, default=PAGE, help=f"the page (default: {PAGE})")
    options = parser.parse_args(arguments)
    page: Path = options.output
    if not options.check:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render(), encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == render():
        return 0
    sys.stderr.write(f"{page} is out of date; run python -m moodline.config.docs\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
