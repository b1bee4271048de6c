"""The commands in README and docs: blocks of ```sh, and code in running text.

A block may have a mark on the line before it:

    <!-- not run: WHY -->                   none of it is run
    <!-- run by: tests/...::test_... -->    that test runs it
    <!-- until stopped -->                  each line goes on until it is stopped, and has said something by then

A line in a block may end with ``# ... (not run: WHY)``. In running text a command that has a value (a file, a number,
an address) is run too, or has one of the first two marks behind it. What only names a command (`make test`), or has a
word to fill in (ID, FILE), must be one that exists; of what Docker and Kubernetes are asked, moodline's part must.
"""

import re
import shlex
from dataclasses import dataclass

from tests.support.repository import ROOT, own_files

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[a-z ]+?)(?:: (?P<about>[^\n]*?))? -->\n)?"
    r"^ *```(?:sh|bash|shell|console)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
ANY_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"#.*\(not run: [^)]{8,}\)$")
MARKS = {None, "not run", "run by", "until stopped"}
OTHERS = "curl|redis-cli|redis-server|valkey-cli|tensorboard|head|printf|cat|cp|kill|chmod|git|npm|node"
PROGRAMS = f"moodline|make|python|pip|pipx|docker|kubectl|{OTHERS}"
INLINE = re.compile(
    rf"`(?P<text>(?:[A-Z_]+=\S+ )*(?:{PROGRAMS}) [^`]+)`"
    r"(?: *<!-- (?P<mark>not run|run by): (?P<about>[^>]*?) -->)?"
)
# No engine and no cluster is where the tests run: what moodline's own part of such a line is, is looked at.
ELSEWHERE = {"docker", "kubectl"}
# Commands of moodline that have commands.
GROUPS = {"keys", "streams", "models", "data"}
TO_FILL_IN = re.compile(r"(?<![\w$/.{])[A-Z][A-Z_]+(?![\w=])|\.\.\.")


@dataclass(frozen=True)
class Block:
    """A block of commands, or a command in running text."""

    page: str
    mark: str | None
    about: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Its commands, without those that say why they are not run."""
        return [line for line in self.text.splitlines() if line.strip() and not NOT_RUN.search(line)]

    @property
    def words(self) -> list[str]:
        """The words of a command in running text, from its program on."""
        words = shlex.split(self.text)
        return words[next(number for number, word in enumerate(words) if word in PROGRAMS.split("|")) :]

    @property
    def to_run(self) -> bool:
        """Whether a command in running text has all that it takes to be typed here."""
        program, *rest = self.words
        is_redis = program in {"redis-cli", "valkey-cli"}  # whose commands are written in capitals
        if program in ELSEWHERE or (TO_FILL_IN.search(self.text) and not is_redis):
            return False
        named = 2 if rest[0] == "-m" or rest[0] in GROUPS else 0 if is_redis else 1
        return any(not word.startswith("--") for word in rest[named:])


def blocks_of(page: str, text: str) -> list[Block]:
    """Return the blocks of commands on a page."""
    return [Block(page, found["mark"], found["about"] or "", found["text"]) for found in FENCE.finditer(text)]


def inline_of(page: str, text: str) -> list[Block]:
    """Return the commands in the running text of a page."""
    running = re.sub(r"\s+", " ", ANY_FENCE.sub("", text))
    return [Block(page, found["mark"], found["about"] or "", found["text"]) for found in INLINE.finditer(running)]


PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in own_files()
    if path.suffix == ".md" and "tests" not in path.parts
}
BLOCKS = [block for page, text in PAGES.items() for block in blocks_of(page, text)]
IN_TEXT = [command for page, text in PAGES.items() for command in inline_of(page, text)]
