"""Files that a script makes: written, or only compared."""

import sys
from collections.abc import Mapping
from pathlib import Path


def keep(files: Mapping[Path, str], *, check: bool, command: str) -> int:
    """Write the files, or with ``check`` say which ones ``command`` would change. Returns the exit code."""
    code = 0
    for path, text in files.items():
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not up to date: run {command}", file=sys.stderr)
            code = 1
    return code
