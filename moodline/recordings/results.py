"""The results of an analysis as files: summary, timeline and tracks as JSON and CSV, a plot, a report."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moodline.emotions import EMOTIONS
from moodline.event import rfc3339
from moodline.recordings.collect import EVENTS, read_back
from moodline.recordings.facts import Facts
from moodline.recordings.plot import plot
from moodline.recordings.report import report
from moodline.recordings.tally import Mix, Tally, sum_up

REPORT: Final = "report.html"
PLOT: Final = "timeline.svg"
ANNOTATED: Final = "annotated.mp4"
RESULT_FILES: Final = (
    REPORT,
    "summary.json",
    "summary.csv",
    "timeline.json",
    "timeline.csv",
    PLOT,
    "tracks.json",
    "tracks.csv",
    EVENTS,
    ANNOTATED,
)
"""Every file that an analysis may leave, in the order in which people want them; the annotated video on request."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """The results as rows of plain values, and as one summary."""

    summary: Row
    emotions: Sequence[Row]
    timeline: Sequence[Row]
    tracks: Sequence[Row]


def write_results(folder: Path, facts: Facts) -> Tables:
    """Write every result but the annotated video into ``folder``, from the events that were collected there."""
    tally = sum_up(read_back(folder), facts.started_at, duration_s=facts.duration_s, frames=facts.frames)
    tables = Tables(
        summary=_summary(facts, tally),
        emotions=_emotions(tally.whole),
        timeline=[_step(step, tally.step_s) for step in tally.steps],
        tracks=[_track(track) for track in tally.tracks.values() if track.faces],
    )
    _json(folder / "summary.json", tables.summary)
    _json(folder / "timeline.json", {"step_s": tally.step_s, "steps": tables.timeline})
    _json(folder / "tracks.json", {"tracks": tables.tracks})
    _csv(folder / "summary.csv", tables.emotions)
    _csv(folder / "timeline.csv", [_flat(row) for row in tables.timeline])
    _csv(folder / "tracks.csv", [_flat(row) for row in tables.tracks])
    picture = plot(tally)
    (folder / PLOT).write_text(picture, encoding="utf-8")
    (folder / REPORT).write_text(report(tables.summary, tables.emotions, tables.tracks, picture), encoding="utf-8")
    return tables


def _summary(facts: Facts, tally: Tally) -> Row:
    whole, duration_s = tally.whole, facts.duration_s
    return {
        "video": facts.video,
        "complete": facts.complete,
        "sentence": facts.sentence,
        "frames": facts.frames,
        "duration_s": round(duration_s, 3),
        "width": facts.width,
        "height": facts.height,
        "faces": whole.faces,
        "tracks": sum(track.faces > 0 for track in tally.tracks.values()),
        "strongest": whole.strongest,
        "emotions": {row.pop("emotion"): row for row in map(dict, _emotions(whole))},
        "accepted": facts.accepted,
        "dropped": facts.dropped,
        "missing": facts.missing,
        "model": next(iter(tally.models), None),
        "analysed_at": rfc3339(facts.started_at),
        "took_s": facts.took_s,
        "times_real_time": facts.times_real_time,
    }


def _emotions(mix: Mix) -> list[Row]:
    shares, means = mix.shares(), mix.means()
    return [
        {
            "emotion": emotion,
            "count": mix.counts[emotion],
            "share": round(shares[emotion], 4),
            "mean_probability": round(means[emotion], 4),
        }
        for emotion in EMOTIONS
    ]


def _step(step: Any, step_s: float) -> Row:
    return {
        "at_s": step.at_s,
        "to_s": step.at_s + step_s,
        "faces": step.faces,
        "tracks": len(step.tracks),
        "strongest": step.strongest,
        "emotions": {emotion: step.counts[emotion] for emotion in EMOTIONS},
    }


def _track(track: Any) -> Row:
    return {
        "track": track.id,
        "first_s": round(track.first_s, 3),
        "last_s": round(track.last_s, 3),
        "faces": track.faces,
        "strongest": track.strongest,
        "mean_confidence": round(track.confidence / track.faces, 4),
        "changes": track.changes,
        "largest_px": track.largest_px,
        "emotions": {emotion: round(mean, 4) for emotion, mean in track.means().items()},
    }


def _flat(row: Row) -> Row:
    """Return a row whose emotions are columns."""
    return {**{name: value for name, value in row.items() if name != "emotions"}, **row["emotions"]}


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["nothing"])
        writer.writeheader()
        writer.writerows(rows)
