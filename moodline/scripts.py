"""The Lua scripts: the only code that changes crop queues. Each runs whole or not at all."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

from moodline.keys import lua_prelude

ScriptName = Literal["lease", "enqueue", "take", "commit", "drop", "sweep", "remove", "declare", "read"]

SCRIPT_NAMES: Final[tuple[ScriptName, ...]] = get_args(ScriptName)

READING_SCRIPTS: Final[frozenset[ScriptName]] = frozenset({"read"})
"""Those whose first line has the flag ``no-writes``."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script's full text and its SHA-1, by which EVALSHA calls it."""

    name: ScriptName
    text: str
    sha: str


@cache
def script(name: ScriptName) -> Script:
    """Return a script: its flags line, the key names of ``moodline.keys``, ``common.lua`` and its own body."""
    folder = files("moodline") / "lua"
    flags, body = (folder / f"{name}.lua").read_text("utf-8").split("\n", 1)
    text = "\n".join([flags, lua_prelude(), (folder / "common.lua").read_text("utf-8"), body])
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
