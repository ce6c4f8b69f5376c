"""Strategies for your own tests (extra ``testing``)."""

from __future__ import annotations
