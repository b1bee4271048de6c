"""Streams that were added at run time: kept in Redis beside those of the configuration file.

What is kept never holds a password: a URL takes it as ``${CAMERA_NAME}`` from the environment of ingest.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from moodline.broker import Broker
from moodline.config.explain import explain
from moodline.config.secrets import with_secrets
from moodline.errors import ConfigError, SourceNotAllowedError, StreamChangedError, StreamConflictError
from moodline.redact import hide, redact_url
from moodline.settings import ApiSettings, StreamSettings, is_recorded
from moodline.settings.allowed import REFERENCE, judge_source

_TRIES = 5
_MOST_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Declared:
    """A stream of run time: ``text`` as it is kept, and the ``values`` that were given, as in the file.

    ``broken``: a sentence where what is kept is no stream; then there are no values.
    """

    text: str
    values: Mapping[str, Any]
    broken: str = ""

    @classmethod
    def of(cls, stream: str, text: str) -> "Declared":
        """Return what was kept of ``stream`` as ``text``; others, too, may write there, and whatever they like."""
        try:
            kept = json.loads(text)
            values = kept["settings"]
            is_right = (
                isinstance(kept["added_at"], str)
                and str(values["id"]) == stream
                and isinstance(values["url"], str | int)
                and isinstance(values.get("labels") or {}, dict)
            )
            json.dumps(values, ensure_ascii=False).encode()  # no half characters
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            is_right = False
        if is_right:
            return cls(text, values)
        return cls(text, {}, "What is kept of it is no stream, and was not written by moodline; remove it.")

    @property
    def enabled(self) -> bool:
        """Whether the stream is to be read."""
        return bool(self.values.get("enabled", True))

    @property
    def shown_url(self) -> str:
        """The URL without what it takes from the environment."""
        return redact_url(str(self.values.get("url", "")))

    @property
    def recorded(self) -> bool:
        """Whether the source is a recording, as far as its URL tells."""
        try:
            return is_recorded(str(self.values.get("url", "")), live=self.values.get("live"))
        except ValueError:
            return False

    def settings(self, rules: Sequence[str], environ: Mapping[str, str] | None = None) -> StreamSettings:
        """Return the stream as it is read, its references replaced.

        Raises SourceNotAllowedError, and ConfigError where a variable is missing or a value is wrong.
        """
        if self.broken:
            raise ConfigError(self.broken)
        url = str(self.values["url"])
        _check_source(url, rules)
        if names := REFERENCE.findall(url):
            known, _ = with_secrets(os.environ if environ is None else environ)
            if missing := [name for name in names if not known.get(name)]:
                raise ConfigError(f"The environment variable {missing[0]} is not set where ingest runs; set it there.")
            url = REFERENCE.sub(lambda match: known[match[1]], url)
            hide(url, (known[name] for name in names))
        return _checked({**self.values, "url": url})


def declared_streams(broker: Broker) -> dict[str, Declared]:
    """Return the streams of run time by their ids. Raises BrokerError."""
    found: dict[str, Declared] = {}
    with broker.errors():
        for keys in broker.all_keys():
            kept = cast("dict[bytes, bytes]", broker.client.hgetall(keys.of_partition("declared")))
            for name, text in kept.items():
                stream = name.decode(errors="replace")
                found[stream] = Declared.of(stream, text.decode(errors="replace"))
    return dict(sorted(found.items()))


def add_stream(broker: Broker, api: ApiSettings, values: Mapping[str, Any]) -> str:
    """Keep a new stream and return its id. ``values``: settings as in the file.

    Raises ConfigError, SourceNotAllowedError, StreamConflictError, BrokerError.
    """
    stream = _check(values, api)
    known = declared_streams(broker)
    if stream in known:
        raise StreamConflictError(f"There is a stream {stream} already; change it, or choose another id.")
    if len(known) >= api.max_streams:
        raise StreamConflictError(
            f"There are {len(known)} streams of run time already, and api.max_streams is {api.max_streams}; remove one."
        )
    try:
        _keep(broker, stream, values, expected=None)
    except StreamChangedError:
        raise StreamConflictError(f"There is a stream {stream} already; change it, or choose another id.") from None
    return stream


def change_stream(broker: Broker, api: ApiSettings, stream: str, changes: Mapping[str, Any]) -> bool:
    """Change settings of a stream of run time; None takes one back to its default. Returns False if there is no such.

    Raises ConfigError, SourceNotAllowedError, StreamChangedError, BrokerError.
    """
    if changes.get("id", stream) != stream:
        raise ConfigError("id: cannot be changed; remove the stream, and add it under another id")
    for tries_left in reversed(range(_TRIES)):
        known = declared_streams(broker).get(stream)
        if known is None:
            return False
        if known.broken:
            raise ConfigError(known.broken)
        values = {name: value for name, value in {**known.values, **changes}.items() if value is not None}
        _check(values, api)
        try:
            _keep(broker, stream, values, expected=known.text)
        except StreamChangedError:
            if not tries_left:
                raise
        else:
            break
    return True


def _keep(broker: Broker, stream: str, values: Mapping[str, Any], *, expected: str | None) -> None:
    """Store a stream in place of the text ``expected``. Raises StreamChangedError where somebody was faster."""
    added_at = json.loads(expected)["added_at"] if expected else datetime.now(UTC).isoformat(timespec="milliseconds")
    text = json.dumps({"settings": dict(values), "added_at": added_at}, sort_keys=True)
    if len(text.encode()) > _MOST_BYTES:
        raise ConfigError(
            f"Stream {stream} has more than {_MOST_BYTES} bytes of settings; simplify its regions and masks."
        )
    if broker.run("declare", broker.keys_of(stream), stream=stream, text=text, expected=expected)[0] != b"done":
        raise StreamChangedError(f"Stream {stream} was changed by somebody else meanwhile; try again.")


def _check(values: Mapping[str, Any], api: ApiSettings) -> str:
    """Check a stream's settings before they are kept; return its id."""
    if isinstance(url := values.get("url"), str | int):
        _check_source(str(url), api.stream_sources)
        values = {**values, "url": REFERENCE.sub("x", str(url))}
    return _checked(values).id


def _check_source(url: str, rules: Sequence[str]) -> None:
    verdict = judge_source(url, rules)
    if verdict.refused:
        sentence = f"{verdict.refused[0].upper()}{verdict.refused[1:]}."
        raise ConfigError(sentence) if verdict.malformed else SourceNotAllowedError(sentence)


def _checked(values: Mapping[str, Any]) -> StreamSettings:
    try:
        return StreamSettings.model_validate(dict(values))
    except ValidationError as error:
        problems = explain(error, StreamSettings)
    # Not chained: pydantic's own text may quote values.
    raise ConfigError("; ".join(str(problem) for problem in problems))
