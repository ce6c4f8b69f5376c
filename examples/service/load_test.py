"""How long a decision takes on the server: ``python load_test.py [--requests N]``.

Starts the service with uvicorn in its own process, asks it over one kept-open connection, and
reads the server's own time from its log. The client's time has the network and Python's client in
it as well.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import re
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import uvicorn
from bankcrm_service import create_app

STAGE = {
    "kind": "person",
    "has_contract": True,
    "closed": False,
    "contacted": True,
    "inquired": True,
    "quiet_product": False,
    "days_since_contract": 900,
    "days_idle": 400,
    "activity_ratio": 0.0,
}
TIER = {"contribution": 60_000, "credit_standing": "good"}
ROUTE = {
    "complaint_id": "C1",
    "received_at": "2024-09-27T10:00:00+08:00",
    "kind": "complaint",
    "text": "the cash machine kept my card",
}
ASKED = {"/stage": {"facts": STAGE}, "/tier": TIER, "/route": ROUTE}


def serve(port: int, log: str) -> None:
    """The server's process; its log holds the time of each request."""
    logging.basicConfig(filename=log, level=logging.INFO, format="%(name)s %(message)s")
    uvicorn.run(create_app(), host="127.0.0.1", port=port, log_level="warning", log_config=None)


def main() -> None:
    """Print the median and the 99th percentile of each endpoint."""
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=1_000)
    wanted = options.parse_args().requests
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(port, str(log)))
        server.start()
        seconds: dict[str, list[float]] = {path: [] for path in ASKED}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_for(client)
            for path, body in ASKED.items():
                for _ in range(wanted):
                    start = time.perf_counter()
                    client.post(path, json=body).raise_for_status()
                    seconds[path].append((time.perf_counter() - start) * 1e3)
        server.terminate()
        server.join()
        logged = re.findall(r"bankcrm_service POST (\S+) 200 ([\d.]+) ms", log.read_text())
    for path in ASKED:
        inside = [float(ms) for name, ms in logged if name == path]
        line = f"{path:<8} server {spread(inside)}   client {spread(seconds[path])}\n"
        sys.stdout.write(line)


def wait_for(client: httpx.Client) -> None:
    """Until the server answers."""
    while True:
        try:
            client.get("/policies")
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return


def spread(milliseconds: list[float]) -> str:
    """Median and 99th percentile."""
    last = statistics.quantiles(milliseconds, n=100)[-1]
    return f"median {statistics.median(milliseconds):6.2f} ms  p99 {last:6.2f} ms"


if __name__ == "__main__":
    main()
