"""Examples for the OpenAPI document: one moment at an entrance."""

from typing import Any, Final

STREAM: Final[dict[str, Any]] = {
    "id": "entrance",
    "state": "live",
    "sentence": "Frames arrive.",
    "kind": "live",
    "source": "rtsp://***@camera.local/stream1",
    "labels": {"floor": "0"},
    "declared": "api",
    "enabled": True,
    "reader": "ingest-0",
    "width": 1280,
    "height": 720,
    "fps": 5.0,
    "frames": 18042,
    "faces": 2310,
    "faces_now": 2,
    "reconnects": 1,
    "last_frame_at": "2026-11-22T08:32:07.040Z",
    "last_frame_age_s": 0.2,
    "last_event_at": "2026-11-22T08:32:06.840Z",
    "preview": "off",
    "skipped": {"rate": 0, "budget": 12},
    "ledger": {
        "accepted": 2298,
        "events": 2290,
        "dropped": {"stale": 6, "overflow": 0, "poison": 0, "unreadable": 0, "removed": 0},
        "queued": 2,
    },
}

PERIOD: Final[dict[str, Any]] = {
    "streams": ["entrance"],
    "window_s": 900.0,
    "start": "2026-11-22T08:17:10Z",
    "end": "2026-11-22T08:32:10Z",
    "faces": 412,
    "tracks": 9,
    "emotions": {
        "happy": {"count": 250, "share": 0.6068, "mean_probability": 0.5712},
        "neutral": {"count": 162, "share": 0.3932, "mean_probability": 0.3601},
    },
    "first_seen": "2026-11-22T08:18:44.2Z",
    "last_seen": "2026-11-22T08:32:06.84Z",
}

TIMELINE: Final[dict[str, Any]] = {
    "streams": ["entrance"],
    "window_s": 120.0,
    "step_s": 60.0,
    "buckets": [
        {"at": "2026-11-22T08:30:00.000Z", "faces": 31, "tracks": 2, "emotions": {"happy": 20, "neutral": 11}},
        {"at": "2026-11-22T08:31:00.000Z", "faces": 0, "tracks": 0, "emotions": {}},
    ],
}

DIARY: Final[dict[str, Any]] = {
    "stream": "entrance",
    "days": [
        {
            "date": "2026-11-22",
            "faces": 412,
            "tracks": 9,
            "strongest": "happy",
            "emotions": PERIOD["emotions"],
            "first_seen": "2026-11-22T08:18:44.200Z",
            "last_seen": "2026-11-22T17:32:06.840Z",
        }
    ],
}

EVENT: Final[dict[str, Any]] = {
    "schema": 1,
    "id": "entrance/k3v9w2/18042-0",
    "kind": "emotion",
    "stream": "entrance",
    "frame": 18042,
    "captured_at": "2026-11-22T08:32:06.840Z",
    "track": "k3v9w2-17",
    "box": {"x": 412, "y": 96, "width": 88, "height": 88, "frame_width": 1280, "frame_height": 720},
    "model": {"name": "vgg11-ferplus", "version": 1},
    "emotion": "happy",
    "confidence": 0.91,
    "smoothed": {"emotion": "happy", "confidence": 0.88},
    "probabilities": {
        "angry": 0.0,
        "disgust": 0.0,
        "fear": 0.0,
        "happy": 0.91,
        "neutral": 0.07,
        "sad": 0.01,
        "surprise": 0.01,
    },
    "latency_ms": {"detect": 14.2, "queue": 21.0, "infer": 38.5, "commit": 40.1},
    "sequence": 52110,
    "epoch": "5f0c7e9a",
}
