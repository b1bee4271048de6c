"""What a look found."""

from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``advice`` says what to do; it is empty where all is well."""

    subject: str
    grade: Grade
    sentence: str
    advice: str = ""
