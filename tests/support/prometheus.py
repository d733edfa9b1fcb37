"""Prometheus and Alertmanager as real processes, and the receiver that Alertmanager calls."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import yaml

from athlete_ally.adapters.servers.ports import free_port
from support.wait import eventually


class Program:
    """A third-party server, on a port of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        """Choose a port."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._name = name
        self._process: Any = None

    def _start(self, *argv: str) -> None:
        log = (self.folder / f"{self._name}.log").open("ab")
        self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)
        log.close()

    async def ready(self) -> None:
        """Return when it serves."""
        await eventually(self._is_ready)

    async def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self.folder / f"{self._name}.log").read_text(encoding="utf-8")
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            try:
                return (await client.get(f"{self.url}/-/ready")).is_success
            except httpx.TransportError:
                return False

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Prometheus(Program):
    """Scrapes these jobs every second, and follows these rules."""

    def __init__(
        self,
        path: str,
        folder: Path,
        jobs: Mapping[str, str],
        rules: Mapping[str, Any],
        alertmanager: str | None = None,
    ) -> None:
        """Write its configuration; `jobs` are addresses by name, `path` is the program."""
        super().__init__("prometheus", folder)
        self._path = path
        targets = {name: url.removeprefix("http://") for name, url in jobs.items()}
        config: dict[str, Any] = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [target]}]} for name, target in targets.items()
            ],
        }
        if alertmanager is not None:
            address = alertmanager.removeprefix("http://")
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [address]}]}]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        (folder / "rules.yml").write_text(yaml.safe_dump(dict(rules)), encoding="utf-8")

    def start(self) -> None:
        """Start it."""
        self._start(
            self._path,
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--enable-feature=exemplar-storage",
            # The default waits a minute before the first resend, and an hour before it takes an alert for known.
            "--rules.alert.resend-delay=1s",
        )

    async def query(self, expr: str) -> list[dict[str, Any]]:
        """Return what a query finds now."""
        return (await self._ask("query", query=expr))["result"]

    async def query_range(self, expr: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """Return what a query finds over time."""
        return (await self._ask("query_range", query=expr, start=start, end=end, step=step_s))["result"]

    async def exemplars(self, expr: str, start: float, end: float) -> list[dict[str, Any]]:
        """Return the examples in what a query selects."""
        found: Any = await self._ask("query_exemplars", query=expr, start=start, end=end)
        return found

    async def _ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = (await client.post(f"{self.url}/api/v1/{path}", data=parameters)).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]


class Alertmanager(Program):
    """Calls a receiver with every alert, without waiting for company."""

    def __init__(self, path: str, folder: Path, receiver: str) -> None:
        """Write its configuration."""
        super().__init__("alertmanager", folder)
        self._path = path
        config = {
            "route": {
                "receiver": "webhook",
                "group_by": ["..."],
                "group_wait": "0s",
                "group_interval": "1s",
                "repeat_interval": "1h",
            },
            "receivers": [{"name": "webhook", "webhook_configs": [{"url": receiver, "send_resolved": True}]}],
        }
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def start(self) -> None:
        """Start it."""
        self._start(
            self._path,
            "--config.file=alertmanager.yml",
            "--storage.path=alerts",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        )


@dataclass(frozen=True, slots=True)
class Call:
    """What Alertmanager told: one alert, firing or resolved."""

    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    at: datetime


@dataclass(slots=True)
class Receiver:
    """Somebody on call: a webhook that remembers what it was told."""

    calls: list[Call] = field(default_factory=list[Call])
    _server: Any = None

    @property
    def url(self) -> str:
        """Return where to call."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def start(self) -> "Receiver":
        """Listen."""
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    calls.append(Call(alert["status"], alert["labels"], alert["annotations"], datetime.now(UTC)))
                self.send_response(200)
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def heard(self, alert: str, status: str, **labels: str) -> Call | None:
        """Return the latest call about an alert, where it has this status."""
        about = [
            call for call in self.calls if call.labels["alertname"] == alert and labels.items() <= call.labels.items()
        ]
        return about[-1] if about and about[-1].status == status else None

    def close(self) -> None:
        """Hang up."""
        self._server.shutdown()
        self._server.server_close()
