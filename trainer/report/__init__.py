"""A run's report: one HTML file that opens offline."""

from trainer.report.gather import Gathered, gather
from trainer.report.page import REPORT_NAME, write_report

__all__ = ["REPORT_NAME", "Gathered", "gather", "write_report"]
