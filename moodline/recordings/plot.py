"""Stacked emotions over the time of a video, as SVG that needs nothing else and reads in light and in dark."""

from collections.abc import Sequence
from html import escape
from itertools import accumulate
from typing import Final

from moodline.emotions import Emotion
from moodline.recordings.progress import clock
from moodline.recordings.tally import Tally

# From pleasant to unpleasant, in the colours of the dashboard.
ORDER: Final[tuple[Emotion, ...]] = ("happy", "surprise", "neutral", "sad", "fear", "disgust", "angry")
COLOURS: Final[dict[Emotion, str]] = {
    "happy": "#f9b21d",
    "surprise": "#45b0f5",
    "neutral": "#a3a9b0",
    "sad": "#2456d6",
    "fear": "#6b2e8a",
    "disgust": "#1f5b40",
    "angry": "#c44a12",
}
_WIDTH, _HEIGHT = 960, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 14, 64
_TICKS: Final = 6
_STYLE: Final = (
    ".moods text{font:12px system-ui,sans-serif;fill:#59636f}.moods line{stroke:#c9d0d8}"
    "@media(prefers-color-scheme:dark){.moods text{fill:#9ba5b1}.moods line{stroke:#3a424c}}"
)


def plot(tally: Tally) -> str:
    """Return the picture of a tally: for each step how many faces were in view with which emotion."""
    steps = tally.steps
    stacks = [list(accumulate((tally.in_view(step, name) for name in ORDER), initial=0.0)) for step in steps]
    top = _round_up(max(stack[-1] for stack in stacks))
    mix = ", ".join(f"{name} {share:.0%}" for name, share in _largest(tally))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="moods" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="moods-title moods-desc"><style>{_STYLE}</style>'
    )
    words = (
        '<title id="moods-title">Emotions over time</title>'
        f'<desc id="moods-desc">Faces in view by emotion, on average. {escape(mix) or "No faces were found."}</desc>'
    )
    areas = _areas(stacks, top)
    times = _times(len(steps) * tally.step_s)
    return "".join([head, words, *_rules(top), *areas, *times, *_legend(), "</svg>\n"])


def _largest(tally: Tally) -> list[tuple[Emotion, float]]:
    shares = sorted(tally.whole.shares().items(), key=lambda item: -item[1])
    return [(emotion, share) for emotion, share in shares if share >= 0.005]


def _areas(stacks: Sequence[Sequence[float]], top: float) -> list[str]:
    """Draw each step as a level and not as a point: nothing is invented between two of them."""
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    drawn = []
    for index, emotion in enumerate(ORDER):
        if not any(stack[index + 1] > stack[index] for stack in stacks):
            continue
        edges: list[tuple[list[str], int]] = [([], index + 1), ([], index)]
        for number, stack in enumerate(stacks):
            left, right = (_LEFT + width * place / len(stacks) for place in (number, number + 1))
            for points, level in edges:
                y = _TOP + height * (1 - stack[level] / top)
                points += [f"{left:.1f} {y:.1f}", f"{right:.1f} {y:.1f}"]
        outline = "L".join(edges[0][0] + edges[1][0][::-1])
        drawn.append(f'<path fill="{COLOURS[emotion]}" d="M{outline}Z"><title>{emotion}</title></path>')
    return drawn


def _rules(top: float) -> list[str]:
    height = _HEIGHT - _TOP - _BOTTOM
    rules = []
    for part in (0.0, 0.5, 1.0):
        y = _TOP + height * (1 - part)
        rules.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        rules.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{top * part:g}</text>')
    return rules


def _times(duration_s: float) -> list[str]:
    width, y = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM + 18
    ticks = []
    for number in range(_TICKS + 1):
        anchor = {0: "start", _TICKS: "end"}.get(number, "middle")
        x, at_s = _LEFT + width * number / _TICKS, duration_s * number / _TICKS
        label = f"{at_s:.1f} s" if duration_s < 60 else clock(at_s)
        ticks.append(f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{label}</text>')
    return ticks


def _legend() -> list[str]:
    parts = []
    for number, emotion in enumerate(ORDER):
        x, y = _LEFT + number * 110, _HEIGHT - 24
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" rx="3" fill="{COLOURS[emotion]}"/>')
        parts.append(f'<text x="{x + 18}" y="{y + 10}">{emotion}</text>')
    return parts


def _round_up(value: float) -> float:
    power = 1.0
    while power * 10 <= value:
        power *= 10
    return next((factor * power for factor in (1, 2, 4, 6, 8, 10) if factor * power >= value), 1.0)
