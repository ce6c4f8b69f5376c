"""The report of a review: an HTML page, CSV and Excel files."""

from __future__ import annotations

from bankcrm.report.html import ReportContent, render_html
from bankcrm.report.tables import write_csv, write_excel

__all__ = [
    "ReportContent",
    "render_html",
    "write_csv",
    "write_excel",
]
