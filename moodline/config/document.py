"""Reads a YAML file to plain values and remembers on which line each one stands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from moodline.config.problems import Location, Problem
from moodline.config.variables import expand

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float"))


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's scalars: ``no``, ``on``, ``1:30``, ``007`` and dates are text, as people mean them."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base has it


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    CoreLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), _first)


@dataclass
class Document:
    """The values of one file, what was wrong while reading it, and the lines of both."""

    source: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    root: yaml.Node | None = None

    def line(self, location: Location) -> int | None:
        """Return the line of ``location`` or of its nearest parent in the file, None if it has neither."""
        node, line = self.root, None
        for part in location:
            found = _child(node, part)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line


def read_document(path: Path, environ: Mapping[str, str]) -> Document:
    """Read ``path``, replacing ``${NAME}`` from ``environ``; what is wrong stands in ``problems``."""
    document = Document(source=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        document.problems.append(Problem((), "there is no such file; check the path", document.source))
    except UnicodeDecodeError:
        document.problems.append(Problem((), "is not UTF-8 text; save it as UTF-8", document.source))
    except OSError as error:
        document.problems.append(Problem((), f"cannot be read: {error.strerror}", document.source))
    else:
        _parse(text, document, environ)
    return document


def _parse(text: str, document: Document, environ: Mapping[str, str]) -> None:
    try:
        loader = CoreLoader(text)
        document.root = loader.get_single_node()
        if document.root is not None:
            document.values = _Builder(document, loader, environ).top(document.root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        document.problems.append(Problem((), _syntax_sentence(error), document.source, line))
    except yaml.YAMLError:
        document.problems.append(Problem((), "holds a character that YAML does not allow", document.source))
    except RecursionError:
        document.problems.append(Problem((), "is nested too deeply; flatten it", document.source))


def _syntax_sentence(error: yaml.MarkedYAMLError) -> str:
    # PyYAML quotes what it stumbled over, and that may be a piece of an unquoted password.
    detail = re.sub(r"'(?!<)[^']{2,}'", "'...'", error.problem or "cannot be read")
    return f"is not valid YAML: {detail}; check the indentation, and quote values with special characters"


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the node that ``part`` is shown at and the node of its value."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    if isinstance(node, yaml.MappingNode):
        # From the end: what is written overrides what a merge (<<) brought in before it.
        for key, value in reversed(node.value):
            if key.value == part:
                return key, value
    return None


class _Builder:
    """Makes plain values of YAML nodes and collects what is wrong on the way."""

    def __init__(self, document: Document, loader: CoreLoader, environ: Mapping[str, str]) -> None:
        self._document = document
        self._loader = loader
        self._environ = environ
        # An anchor may be used many times, or even inside itself; each node is built once.
        self._built: dict[int, object] = {}
        self._open: set[int] = set()

    def top(self, node: yaml.Node) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            if node.tag != f"{_TAG}null":
                self._note((), node, "must be settings as name: value; see docs/configuration.md")
            return {}
        values = self._mapping(node, ())
        # A section whose lines are all commented out is null in YAML; its author means the defaults.
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, node: yaml.Node, location: Location) -> object:
        if id(node) in self._open:
            self._note(location, node, "refers to itself; remove the alias")
            return None
        if id(node) not in self._built:
            self._open.add(id(node))
            self._built[id(node)] = self._build(node, location)
            self._open.discard(id(node))
        return self._built[id(node)]

    def _build(self, node: yaml.Node, location: Location) -> object:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._value(item, (*location, index)) for index, item in enumerate(node.value)]
        if node.tag in _PLAIN_TAGS:
            return self._plain(node, location)
        if node.tag == f"{_TAG}str" and isinstance(node, yaml.ScalarNode):
            return self._text(node, location)
        self._note(location, node, "has a YAML tag (!...), which settings do not use; remove it, or quote the value")
        return None

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        self._note_duplicates(node, location)
        self._loader.flatten_mapping(node)
        built = {}
        for key, child in node.value:
            name = str(key.value)
            value = self._value(child, (*location, name))
            # ${NAME:-} with NAME unset is how one says "only if given".
            if value != "" or child.value == "":
                built[name] = value
        return built

    def _note_duplicates(self, node: yaml.MappingNode, location: Location) -> None:
        first_line: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name != "<<" and (first := first_line.setdefault(name, line)) != line:
                self._note((*location, name), key, f"stands on line {first} already; remove one of them")

    def _plain(self, node: yaml.Node, location: Location) -> object:
        try:
            value: object = self._loader.construct_object(node)
        except ValueError:  # a tag given by hand (!!int x), or more digits than Python reads
            self._note(location, node, "is no number that can be read; correct it")
            return None
        return value

    def _text(self, node: yaml.ScalarNode, location: Location) -> str:
        expanded = expand(node.value, self._environ)
        for sentence in expanded.problems:
            self._note(location, node, sentence)
        return expanded.text

    def _note(self, location: Location, node: yaml.Node, sentence: str) -> None:
        line = node.start_mark.line + 1
        self._document.problems.append(Problem(location, sentence, self._document.source, line))
