"""Reads the settings: environment over file over defaults, every error in one go."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from moodline.config.document import Document, read_document
from moodline.config.environment import Environment, read_environment
from moodline.config.explain import explain
from moodline.config.problems import Problem
from moodline.config.secrets import with_secrets
from moodline.errors import ConfigError
from moodline.settings.root import Settings


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the file ``path`` (None: the defaults) with the overrides in ``environ``.

    ``environ`` is the process's environment if None; what stands in files of its ``MOODLINE_SECRETS`` counts as if it
    were in it. Raises ConfigError, whose message names everything that
    is wrong, a line each (``moodline.yaml:12: streams[1].fps: ...``), and repeats no value.
    """
    environ, unread = with_secrets(os.environ if environ is None else environ)
    document = read_document(path, environ) if path else Document(source="settings")
    overrides = read_environment(environ, Settings)
    problems = document.problems + overrides.problems + unread
    try:
        settings = Settings.from_sources(overrides.values, document.values)
    except ValidationError as error:
        problems += _placed(explain(error, Settings), document, overrides)
    else:
        if not problems:
            return settings
    # Not chained: pydantic's own text may quote values.
    raise ConfigError("\n".join(str(problem) for problem in sorted(problems, key=_order))) from None


def _placed(problems: list[Problem], document: Document, overrides: Environment) -> list[Problem]:
    """Give each problem its variable or line; leave out those that follow from what the document named."""
    named = {problem.location for problem in document.problems if problem.location}
    placed = []
    for problem in problems:
        if variable := overrides.variable(problem.location):
            placed.append(replace(problem, source=variable))
        elif problem.location not in named:
            line = document.line(problem.location)
            placed.append(replace(problem, source=document.source, line=line))
    return placed


def _order(problem: Problem) -> tuple[bool, int]:
    """Put the file's problems first, in the order of its lines."""
    return problem.line is None, problem.line or 0
