"""Every setting of moodline, declared once: type, default, unit and reason.

``load_settings`` reads the YAML file and the environment; nothing is read at import.
"""

from moodline.emotions import Emotion
from moodline.settings.api import ApiSettings
from moodline.settings.ingest import IngestSettings
from moodline.settings.jobs import JobSettings
from moodline.settings.load import load_settings
from moodline.settings.log import LogSettings
from moodline.settings.redis import RedisSettings
from moodline.settings.root import Settings
from moodline.settings.source import SourceKind, is_recorded, source_kind, source_path
from moodline.settings.stream import StreamSettings
from moodline.settings.summaries import Resolution, SummarySettings
from moodline.settings.tracing import TracingSettings
from moodline.settings.worker import WorkerSettings

__all__ = [
    "ApiSettings",
    "Emotion",
    "IngestSettings",
    "JobSettings",
    "LogSettings",
    "RedisSettings",
    "Resolution",
    "Settings",
    "SourceKind",
    "StreamSettings",
    "SummarySettings",
    "TracingSettings",
    "WorkerSettings",
    "is_recorded",
    "load_settings",
    "source_kind",
    "source_path",
]
