"""A small HTTP service on bankcrm; `create_app` makes the application."""

from bankcrm_service.app import create_app

__all__ = ["create_app"]
