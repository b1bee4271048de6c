"""Events as lines for people."""

from moodline.event import Event


def event_line(event: Event) -> str:
    """Return one event as a line: local time, stream, face, and what happened."""
    time = event.captured_at.astimezone().isoformat(sep=" ", timespec="milliseconds")[:23]
    return f"{time}  {event.stream}  {event.track}  {what_happened(event)}"


def capture_to_event_ms(event: Event) -> float | None:
    """Return the milliseconds from capture to the event's commit; None for the kinds that have no stages."""
    return event.latency_ms.get("committed") if event.latency_ms else None


def what_happened(event: Event) -> str:
    """Return what an event says of its face, without time and place."""
    match event.kind:
        case "emotion":
            latency_ms = capture_to_event_ms(event)
            age = "" if latency_ms is None else f", {latency_ms:.0f} ms after capture"
            return f"{event.emotion} {event.confidence:.0%} (steady: {event.smoothed.emotion}{age})"
        case "face_entered":
            return "came into view"
        case "emotion_changed":
            return f"changed from {event.previous} to {event.emotion}"
        case "face_left":
            return f"left after {(event.seen_ms or 0) / 1000:.1f} s and {event.events} events"
