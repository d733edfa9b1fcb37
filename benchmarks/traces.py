"""Measure what traces cost: processor time of ingest and normalize for a message, with traces off and on.

Runs `athlete-ally up` in throw-away directories, one after the other, in turns: traces off, on with a collector that
answers (also with one trace in a hundred), on with one that is not there, and off once more (the noise of the
measurement). Run it from the project:

    uv run --with psutil benchmarks/traces.py

Processor time is less noisy than seconds on a machine that does other things too, and what disturbs only adds to it:
the least of all rounds is taken. Nothing is asserted here.
"""

import argparse
import asyncio
import json
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
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
    least: dict[str, float] = {}
    with collector() as url:
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        sampled = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
        ways: dict[str, dict[str, str]] = {
            "off": {},
            "on": on,
            "on, one in a hundred": {**on, **sampled},
            "on, collector gone": {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{PORT_OF_NOBODY}"},
            "off, once more": {},
        }
        for name, environment in [*ways.items()] * rounds:
            with _up(environment) as up:
                await up.wait()
                # The first load warms up.
                spent_ms = [await load(up, number * messages, messages) for number in range(2)][-1]
            least[name] = min(spent_ms, least.get(name, spent_ms))
    return {name: (each, each / least["off"]) for name, each in least.items()}


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
def _up(environment: Mapping[str, str]) -> Generator[Up]:
    with tempfile.TemporaryDirectory(prefix="athlete-ally-benchmark-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with Up(Path(folder) / "data", environment) as up:
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
