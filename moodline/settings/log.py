"""The settings of the log."""

from typing import Literal

from pydantic import Field

from moodline.settings.section import Section


class LogSettings(Section):
    """Log lines of every service."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least severity that is written; debug adds a line for every batch and reconnect.",
    )
    format: Literal["auto", "text", "json"] = Field(
        default="auto",
        description="text for people, json for collectors; auto writes JSON only inside a container.",
    )
