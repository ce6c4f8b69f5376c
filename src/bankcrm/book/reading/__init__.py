"""The reading of a book's frames by a mapping: files, or frames in memory."""

from __future__ import annotations

from bankcrm.book.reading.frames import mapped_frames, read_frames, tried_frames, write_parts

__all__ = ["mapped_frames", "read_frames", "tried_frames", "write_parts"]
