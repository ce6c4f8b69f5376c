"""The service behind a real server, and an HTTP client."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from bankcrm_service import create_app

TOKEN = "a token of the tests"
TODAY = dt.date(2026, 6, 30)


class Server(uvicorn.Server):
    """A server in a thread; it must not take over the process's signals."""

    def install_signal_handlers(self) -> None:
        pass


@pytest.fixture
def lines() -> list[str]:
    """The audit log of the service."""
    return []


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed on this machine does not decide here."""
    monkeypatch.setenv("BANKCRM_DISABLE_PLUGINS", "*")


@pytest.fixture
def client(tmp_path: Path, lines: list[str]) -> Iterator[httpx.Client]:
    """A client of a running service whose policies are files in ``tmp_path``."""
    app = create_app(
        tmp_path, max_bytes=50_000, body_seconds=0.5, reload_token=TOKEN, today=lambda: TODAY,
        audit=lines.append,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=url, timeout=20, headers=headers) as found:
        yield found
    server.should_exit = True
    thread.join()
