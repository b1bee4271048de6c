"""The results on one page that needs no network, no script and no other file."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from moodline.recordings.plot import COLOURS
from moodline.recordings.progress import clock

MOST_TRACKS: Final = 200
_WARNING: Final = (
    "A label says what raters see in such a face, not what somebody feels. Sum up many faces over time; do not judge "
    "single people."
)

_STYLE: Final = """
:root{color-scheme:light dark;--page:#f4f5f8;--panel:#fff;--text:#161b22;--soft:#59636f;--line:#e1e5eb}
@media(prefers-color-scheme:dark){:root{--page:#0e1116;--panel:#171a1f;--text:#e8ebef;--soft:#9ba5b1;--line:#2a3038}}
body{margin:0;padding:24px;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}
main{max-width:1020px;margin:0 auto}h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.1rem}
section{background:var(--panel);border:1px solid var(--line);border-radius:14px;padding:14px 18px;margin-top:16px}
.wide{overflow-x:auto}svg{width:100%;height:auto}.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:4px 10px;border-top:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}thead th{border:0;color:var(--soft);font-weight:500}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:0}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.15rem;font-weight:600}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}
"""


def report(
    summary: Mapping[str, Any], emotions: Sequence[Mapping[str, Any]], tracks: Sequence[Mapping[str, Any]], picture: str
) -> str:
    """Return the page. ``picture`` is the plot's SVG; everything else is escaped."""
    video = escape(summary["video"])
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{video} - moodline</title><style>{_STYLE}</style></head><body><main>",
            f"<h1>{video}</h1><p>{escape(_sentence(summary))}</p>",
            f"<section><dl>{''.join(_facts(summary))}</dl></section>",
            f"<section><h2>Emotions over time</h2><p class=soft>Faces in view, on average.</p>{picture}</section>",
            f"<section><h2>Altogether</h2><div class=wide>{_emotion_table(emotions)}</div></section>",
            f"<section><h2>Each face</h2>{_track_table(tracks)}</section>",
            f"<p class=soft>{_WARNING} Model {escape(str(summary['model']))}, {escape(summary['analysed_at'])}.</p>",
            "</main></body></html>\n",
        )
    )


def _sentence(summary: Mapping[str, Any]) -> str:
    parts = [summary["sentence"]]
    if not summary["complete"]:
        parts.append("The analysis was stopped before its end.")
    if not summary["faces"]:
        parts.append("No faces were found.")
    if summary["missing"]:
        parts.append(f"{summary['missing']} events had left the feed before they were collected and are missing here.")
    if summary["dropped"]:
        parts.append(f"{summary['dropped']} of {summary['accepted']} faces could not be judged.")
    return " ".join(parts)


def _facts(summary: Mapping[str, Any]) -> Iterator[str]:
    facts = {
        "Length": clock(summary["duration_s"]),
        "Frames": f"{summary['frames']:,}",
        "Picture": f"{summary['width']} x {summary['height']}",
        "Faces judged": f"{summary['faces']:,}",
        "Tracks": f"{summary['tracks']:,}",
        "Strongest": summary["strongest"] or "none",
        "Analysed in": clock(summary["took_s"]),
    }
    if summary["times_real_time"] is not None:
        facts["Speed"] = f"{summary['times_real_time']:g} times real time"
    return (f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())


def _emotion_table(emotions: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (_dot(row["emotion"]), f"{row['count']:,}", f"{row['share']:.1%}", f"{row['mean_probability']:.1%}")
        for row in sorted(emotions, key=lambda row: -row["count"])
    ]
    return _table(("emotion", "faces", "share", "mean probability"), rows)


def _track_table(tracks: Sequence[Mapping[str, Any]]) -> str:
    if not tracks:
        return "<p>No faces were found.</p>"
    longest = sorted(tracks, key=lambda row: -row["faces"])[:MOST_TRACKS]
    rows = [
        (
            _dot(row["strongest"]),
            f"{row['mean_confidence']:.0%}",
            f"{row['first_s']:.1f} s",
            f"{row['last_s']:.1f} s",
            f"{row['faces']:,}",
            f"{row['changes']}",
            f"{row['largest_px']} px",
            escape(row["track"]),
        )
        for row in sorted(longest, key=lambda row: row["first_s"])
    ]
    more = f"<p class=soft>The {MOST_TRACKS} longest of {len(tracks)}; tracks.csv has all.</p>"
    header = ("strongest", "mean confidence", "from", "to", "faces", "changes", "largest", "track")
    return (more if len(tracks) > MOST_TRACKS else "") + f"<div class=wide>{_table(header, rows)}</div>"


def _dot(emotion: str) -> str:
    colour = next(value for name, value in COLOURS.items() if name == emotion)
    return f'<span class=dot style="background:{colour}"></span>{escape(emotion)}'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{name}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
