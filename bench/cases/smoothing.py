"""How much less a smoothed emotion flickers than the raw one, and how much later it tells a real change."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.case import Case, Context, Result, Table
from bench.samples import number, percentiles
from bench.stills import SHOWN_S, clear_stills, write_film
from bench.system import System, running_system, wait_for
from moodline.event import Event
from moodline.settings import WorkerSettings

_CLIPS = {
    "hamilton": "short_hamilton_clip.mp4",
    "smile": "fer_test.mp4",
    "turning": "intel_head-pose-face-detection-female-and-male.gif",
    "walking": "intel_face-demographics-walking-and-pause.gif",
}
_FILM = "stills"
_RATES: Mapping[str, float | None] = {"every": None, "five": 5.0}
_STILLS, _STILLS_QUICK = 24, 4
_START = datetime(2024, 1, 1, tzinfo=UTC)
_CLEAR = 0.7
_LEAST_CROPS = 5
_ENDED_WITHIN_S = 400.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """One crop: its track, seconds from the beginning of its film, what the model said and what came out."""

    track: str
    at_s: float
    raw: str
    smoothed: str


def _play(system: System, clips: Mapping[str, Path]) -> dict[str, list[_Seen]]:
    """Send all clips through the system, at each rate; return what was seen by ``clip-rate``."""
    streams = [
        {"id": f"{name}-{rate}", "url": str(path), "fps": fps, "start_at": _START.isoformat(), "min_face": 12}
        for name, path in clips.items()
        for rate, fps in _RATES.items()
    ]
    names = [str(stream["id"]) for stream in streams]
    with system.reading(streams, until_ended=True) as ingest:
        wait_for(ingest.ended_well, within_s=_ENDED_WITHIN_S, what="the clips have been read")
    wait_for(lambda: _all_done(system, names), within_s=_ENDED_WITHIN_S, what="all crops have their event")
    return {name: [_seen(event) for _, event in system.server.events(name)] for name in names}


def _all_done(system: System, names: Sequence[str]) -> bool:
    ledgers = [system.ledger(name) for name in names]
    return all(ledger is not None and ledger.queued == 0 for ledger in ledgers)


def _seen(event: Event) -> _Seen:
    return _Seen(event.track, (event.captured_at - _START).total_seconds(), event.emotion, event.smoothed.emotion)


def _flips(films: Iterable[Sequence[_Seen]]) -> tuple[float, float]:
    """Return flips a minute and face, raw and smoothed."""
    raw, smoothed, seconds = 0, 0, 0.0
    for film in films:
        last: dict[str, _Seen] = {}
        for seen in film:
            if before := last.get(seen.track):
                raw += before.raw != seen.raw
                smoothed += before.smoothed != seen.smoothed
                seconds += seen.at_s - before.at_s
            last[seen.track] = seen
    return raw * 60 / seconds, smoothed * 60 / seconds


def _delays_ms(film: Sequence[_Seen]) -> list[float | None]:
    """Return for each real change by how much later it was told than the model saw it; None where it never was.

    A change is real where a still begins of whose crops the model calls most the same, and not as the still before.
    """
    stills: dict[int, list[_Seen]] = {}
    for seen in film:
        stills.setdefault(int(seen.at_s / SHOWN_S), []).append(seen)
    clear = {still: emotion for still, crops in stills.items() if (emotion := _clear_emotion(crops))}
    found: list[float | None] = []
    for still, emotion in clear.items():
        if clear.get(still - 1, emotion) == emotion:
            continue
        raw = next(seen.at_s for seen in stills[still] if seen.raw == emotion)
        told = next((seen.at_s for seen in stills[still] if seen.smoothed == emotion), None)
        found.append(None if told is None else max(0.0, told - raw) * 1000)
    return found


def _clear_emotion(crops: Sequence[_Seen]) -> str | None:
    emotion, count = Counter(seen.raw for seen in crops).most_common(1)[0]
    return emotion if len(crops) >= _LEAST_CROPS and count >= _CLEAR * len(crops) else None


def _row(seen: Mapping[str, Sequence[_Seen]], rate: str) -> list[str]:
    fps = _RATES[rate]
    raw, smoothed = _flips(seen[f"{name}-{rate}"] for name in _CLIPS)
    delays = _delays_ms(seen[f"{_FILM}-{rate}"])
    told = [delay for delay in delays if delay is not None]
    median, most = percentiles(told, 50, 90) if told else (0.0, 0.0)
    return [
        f"{fps:g} a second" if fps else "every frame",
        number(raw),
        number(smoothed),
        f"{len(told)} of {len(delays)}",
        number(median),
        number(most),
    ]


def _run(context: Context) -> Result:
    clips = {name: context.require(f"data/media/{file}") for name, file in _CLIPS.items()}
    stills = clear_stills(context.require("data/fer2013"), _STILLS_QUICK if context.quick else _STILLS)
    with tempfile.TemporaryDirectory() as folder, running_system(context) as system:
        film = Path(folder) / "stills.avi"
        write_film(film, stills)
        context.say(f"  {len(clips)} clips and a film of {len(stills)} stills")
        seen = _play(system, {**clips, _FILM: film})
    columns = ("looked at", "flips, raw", "flips, smoothed", "changes told", "later by, ms", "at most, 9 of 10")
    settings = WorkerSettings()
    tau_ms = settings.smoothing_tau.total_seconds() * 1000
    title = f"Flips a minute and face on four clips, and real changes, with tau {tau_ms:g} ms and hysteresis "
    return Result([Table(f"{title}{settings.hysteresis:g}", columns, [_row(seen, rate) for rate in _RATES])])


CASE = Case(
    "smoothing",
    50,
    "Smoothing: flicker against delay",
    "The four clips with real faces, and a film in which one head shows stills of FER2013's validation set, "
    f"{SHOWN_S:g} s each, moving, with a camera's noise. Flips are changes of a face's label between crops. "
    "A change is real where the model itself calls most crops of a still the same, and not as the still before; how "
    "much later it is told is counted from the first crop that the model called so. One run: nothing here depends "
    "on the machine's speed.",
    _run,
)
