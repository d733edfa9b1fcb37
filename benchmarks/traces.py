"""Measure what traces cost: processor time of ingest and normalize for a message, with traces off and on.

Four times `athlete-ally up` in throw-away directories, side by side and loaded in turns: traces off, off once more (the
noise of the measurement), on with a collector that answers, on with one that is not there. Run it from the project:

    uv run --with psutil benchmarks/traces.py

Processor time is less noisy than seconds on a machine that does other things too; the ratios are what counts. Nothing
is asserted here.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from pipeline import Up, reading

SENDERS = 8
PORT_OF_NOBODY = 9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1500, help="messages of one reading a round (default 1500)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.messages, options.rounds))
    if options.json:
        print(json.dumps(figures))
        return
    for name, (ms, ratio) in figures.items():
        print(f"{name:<24} {ms:.2f} ms of processor time a message   ratio {ratio:.2f}")


async def measure(messages: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Return for each way of tracing the milliseconds for a message, and their ratio to those without traces."""
    with collector() as url, ExitStack() as stack:
        gone = f"http://127.0.0.1:{PORT_OF_NOBODY}"
        addresses = {"off": "", "off, once more": "", "on": url, "on, collector gone": gone}
        ups = {name: stack.enter_context(_up(address)) for name, address in addresses.items()}
        spent: dict[str, list[float]] = {name: [] for name in ups}
        for up in ups.values():
            await up.wait()
        for number in range(rounds + 1):
            for name, up in ups.items():
                used_ms = await load(up, number * messages, messages)
                # The first round warms up.
                spent[name] += [used_ms] if number else []
    middle = {name: statistics.median(each) for name, each in spent.items()}
    return {name: (each, each / middle["off"]) for name, each in middle.items()}


async def load(up: Up, first: int, messages: int) -> float:
    """Send messages of one reading, and return the processor time for each, in milliseconds."""
    before_s = sum(up.cpu_s().values())
    numbers = iter(range(first, first + messages))
    async with httpx.AsyncClient(base_url=up.url, timeout=30, trust_env=False) as client:

        async def sender() -> None:
            for number in numbers:
                answer = await client.post("/api/v1/ingest/hrv", json=reading("traced", number))
                answer.raise_for_status()

        await asyncio.gather(*(sender() for _ in range(SENDERS)))
    await up.settled(first + messages)
    return (sum(up.cpu_s().values()) - before_s) / messages * 1000


@contextmanager
def _up(address: str) -> Generator[Up]:
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with Up(Path(folder) / "data", {"OTEL_EXPORTER_OTLP_ENDPOINT": address}) as up:
            yield up


@contextmanager
def collector() -> Generator[str]:
    """Take whatever is sent, and keep nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


if __name__ == "__main__":
    main()
