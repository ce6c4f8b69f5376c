"""What a review writes for people: a self-contained HTML page and safe CSV."""

from __future__ import annotations

from bankcrm.report.html import render_html, write_html
from bankcrm.report.tables import write_csv, write_excel

__all__ = ["render_html", "write_csv", "write_excel", "write_html"]
