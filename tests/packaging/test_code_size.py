"""Modules and functions stay small enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT, own_files

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 40
SOURCE = {".py", ".lua", ".js", ".css", ".sh"}


def source_files() -> list[Path]:
    return [path for path in own_files() if path.suffix in SOURCE]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", body_lines(node)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines from ``def`` on, the docstring left out."""
    documented = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (documented.count("\n") + 1 if documented else 0)


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files()}
    too_long = {path.relative_to(ROOT).as_posix(): n for path, n in lengths.items() if n > MOST_LINES_OF_A_FILE}

    assert not too_long


def test_no_function_is_longer_than_40_lines() -> None:
    python = [path for path in source_files() if path.suffix == ".py"]
    too_long = {name: lines for path in python for name, lines in functions(path) if lines > MOST_LINES_OF_A_FUNCTION}

    assert not too_long
