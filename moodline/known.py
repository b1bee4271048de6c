"""The streams as the API and ``moodline streams`` show them: those that were read, and those that wait for a reader."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from moodline.broker import Broker
from moodline.declared import Declared, declared_streams
from moodline.errors import StreamConflictError
from moodline.hosts import IngestHost, ingest_hosts
from moodline.settings import StreamSettings
from moodline.streams import Ledger, StreamStatus, StreamView, list_streams, stream_view

_UNREAD: Final = "No ingest host reads it."
_NOTHING = Ledger(accepted=0, events=0, dropped={}, queued=0)


def known_streams(broker: Broker) -> list[StreamView]:
    """Return every stream that was ever read or was added at run time, by id. Raises BrokerError."""
    declared, hosts = declared_streams(broker), ingest_hosts(broker)
    views: dict[str, StreamView | None] = dict.fromkeys(declared)
    views |= {view.id: view for view in list_streams(broker)}
    return [_shown(view, stream, declared, hosts) for stream, view in sorted(views.items())]


def as_read(view: StreamView, hosts: Mapping[str, IngestHost]) -> StreamView:
    """Return ``view``; where the host that said "live" is gone and nobody goes on, as stalled.

    A film whose server is away has no reader between two tries, and a host that wants it.
    """
    status = view.status
    if status is None or view.reader or status.state not in {"live", "connecting"}:
        return view
    if status.state == "connecting" and any(view.id in host.wants for host in hosts.values()):
        return view
    sentence = next((host.refuses[view.id] for host in hosts.values() if view.id in host.refuses), _UNREAD)
    return replace(view, status=replace(status, state="stalled", sentence=sentence))


def known_stream(broker: Broker, stream: str) -> StreamView | None:
    """Return one stream; None where it was neither read nor added. Raises BrokerError."""
    declared, view = declared_streams(broker), stream_view(broker, stream)
    if view is None and stream not in declared:
        return None
    return _shown(view, stream, declared, ingest_hosts(broker))


def check_not_in_file(broker: Broker, stream: str, own: Iterable[StreamSettings] = ()) -> None:
    """Raise StreamConflictError for a stream of a configuration file: of an ingest host, or of the caller's ``own``."""
    hosts = ingest_hosts(broker).values()
    files = (f"{host.file} of the ingest host {_name(host.owner)}" for host in hosts if stream in host.declares)
    file = next(files, None)
    if file is None and any(known.id == stream for known in own):
        file = "the configuration"  # of an ingest host, too, that is not there now
    if file is not None:
        raise StreamConflictError(f"Stream {stream} stands in {file}; change it there.")


def check_not_only_read(broker: Broker, stream: str) -> None:
    """Raise StreamConflictError for a stream that was read, but never added at run time."""
    if stream_view(broker, stream) is not None:
        raise StreamConflictError(
            f"Stream {stream} was not added at run time; `moodline purge --stream {stream}` deletes what is kept of it."
        )


def _name(owner: str) -> str:
    return owner.partition("/")[0]


def _shown(
    view: StreamView | None, stream: str, declared: Mapping[str, Declared], hosts: Mapping[str, IngestHost]
) -> StreamView:
    view = None if view is None else as_read(view, hosts)
    of_file = [host.declares[stream] for host in hosts.values() if stream in host.declares]
    if of_file and view is not None:
        return replace(view, declared="file", enabled=any(of_file))
    if stream in declared:
        added = declared[stream]
        return replace(view or _unread(stream, added, hosts), declared="api", enabled=added.enabled)
    assert view is not None  # noqa: S101 - the caller has one of the two
    return view


def _unread(stream: str, declared: Declared, hosts: Mapping[str, IngestHost]) -> StreamView:
    """Return what is known of a stream that was added and not read so far."""
    refusals = [host.refuses[stream] for host in hosts.values() if stream in host.refuses]
    sentence = declared.broken or next(iter(refusals), "No ingest host has begun to read it yet.")
    state = StreamStatus(
        state="connecting" if declared.enabled else "stopped",
        sentence=sentence if declared.enabled else "It is paused: enabled is false.",
        source=declared.shown_url,
        kind="recorded" if declared.recorded else "live",
        labels={name: str(text) for name, text in dict(declared.values.get("labels") or {}).items()},
    )
    return StreamView(id=stream, token="", status=state, ledger=_NOTHING, open_tracks=0, last_event_ms=None, now_ms=0)
