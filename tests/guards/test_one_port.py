"""Ingest has one port, and everybody can reach it: no file that people copy from says otherwise.

The rules look for what names a port or an address of ingest; the tables at the end prove that they find it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from athlete_ally.core.broker.topology import API_PORT, CONSOLE_PORT, FETCH_PORT, INGEST_PORT, NORMALIZE_PORT

ROOT = Path(__file__).parents[2]
NAMED = (
    "README.md",
    ".env.example",
    "Dockerfile",
    "deploy/compose.yaml",
    ".github/workflows/ci.yml",
    ".ci/run",
    "monitoring/prometheus.yml",
    "scripts/smoke_ingest.py",
    "scripts/smoke_alpha.py",
)
# The smoke scripts share modules, and one of these has the default.
FOUND = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("scripts/smoke_*.py")]
FILES = sorted({*NAMED, *(path.relative_to(ROOT).as_posix() for path in FOUND)})
MUST_NAME_IT = (
    "README.md",
    ".env.example",
    "Dockerfile",
    "deploy/compose.yaml",
    "monitoring/prometheus.yml",
    "scripts/smoke_options.py",
)

INGEST_ONLY = frozenset({INGEST_PORT})
OURS = INGEST_ONLY | {NORMALIZE_PORT, CONSOLE_PORT, FETCH_PORT, API_PORT}
# What else answers HTTP on one: nats-server (monitoring), Prometheus, Alertmanager, Grafana, receivers of alerts and of
# traces, the page of these, and simulated vendors.
LOCAL_HTTP = OURS | {3000, 4318, 8222, 9090, 9093, 9099, 16686, 4190}
# A line about the setting may give its range.
IN_A_SETTING = OURS | {0, 65535}

LOOPBACK = r"(?:127(?:\.\d+){3}|localhost\b|\[?::1\b\]?)"
HOST = r"(?:\[[^\]\s]*\]|[^\s/:\"'`\[]+)"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `pattern` captures a port, it must be one of `allowed`; where it captures none, it must not match."""

    pattern: str
    allowed: frozenset[int] = frozenset()
    only_on: str = ""

    def broken_by(self, line: str) -> Iterator[str]:
        """Yield what in `line` breaks this rule."""
        if not re.search(self.only_on, line, re.IGNORECASE):
            return
        for match in re.finditer(self.pattern, line, re.IGNORECASE):
            if not match.groups() or int(match[1]) not in self.allowed:
                yield match[0].strip()


RULES = (
    # Ports: by what is asked for ...
    Rule(r":(\d+)/(?:api/v\d+/)?ingest\b", INGEST_ONLY),
    Rule(r":(\d+)/(?:webhooks|openapi\.json)\b", INGEST_ONLY),
    Rule(r":(\d+)/(?:health|metrics)\b", OURS),
    # ... by who is asked ...
    Rule(rf"https?://(?:{LOOPBACK}|0\.0\.0\.0):(\d+)", LOCAL_HTTP),
    Rule(r"\bingest:(\d{2,5})\b(?![.,\w])", INGEST_ONLY),
    # ... by the setting, variable or flag that says it ...
    Rule(r"(?<![\w.:/-])(\d{4,5})(?![\w.])", IN_A_SETTING, only_on=r"\w*INGEST\w*_PORT\b"),
    Rule(r"\w*INGEST\w*_PORT\b[^\w\n]{1,8}(\d+)", IN_A_SETTING),
    Rule(rf"(?:\bINGEST_BASE_URL\b|--base-url)\W{{1,6}}https?://{HOST}:(\d+)", INGEST_ONLY),
    Rule(r"--ingest-port[ =](\d+)", INGEST_ONLY),
    Rule(r"--port[ =](\d+)", OURS, only_on=r"\bingest\b"),
    Rule(r"\bports?\b\W{0,3}(\d{2,5})\b", LOCAL_HTTP | {4222, 5432}, only_on=r"\bingest\b"),
    # ... and by what a container exposes or publishes.
    Rule(r"\b(\d+)(?:/\w+)?", OURS, only_on=r"^\s*EXPOSE\b"),
    Rule(rf"(?<![\d.:])(?:{HOST}:)?(\d{{2,5}}):{INGEST_PORT}\b", INGEST_ONLY),
    Rule(rf"(?<![\d.:]){INGEST_PORT}:(\d{{2,5}})\b", INGEST_ONLY),
    Rule(r"(?:\b0\.0\.0\.0|\[::\]):(\d+)\b(?!:)", OURS),
    # Addresses: loopback alone keeps everybody else out.
    Rule(rf"(?:--(?:ingest-)?host|\w*INGEST\w*_HOST)\b[^\w\n]{{1,8}}{LOOPBACK}"),
    Rule(rf"--(?:bind|listen)[ =]{LOOPBACK}:{INGEST_PORT}\b"),
    Rule(rf"\b(?:binds(?: to)?|listens on)\W{{1,2}}{LOOPBACK}", only_on=r"\bingest\b"),
    Rule(rf"{LOOPBACK}:\d+:{INGEST_PORT}\b"),
)
# Clients of a database have a --host as well, and it binds nothing.
NOT_OURS = re.compile(r"\b(?:psql|pg_\w+|createdb|PG\w+)\b|\b(?:POSTGRES|NATS)\w*_(?:HOST|PORT)\b")


def problems(text: str) -> list[str]:
    """Return a line for each thing that names another port of ingest, or binds it to loopback."""
    return [
        f"line {number}: {found}"
        for number, line in enumerate(text.splitlines(), 1)
        if not NOT_OURS.search(line)
        for rule in RULES
        for found in rule.broken_by(line)
    ]


def read(name: str) -> str:
    """Return a file's text; a file that is missing is a failure."""
    path = ROOT / name
    assert path.is_file(), f"{name} is missing: this guard must read it"
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_every_file_names_the_same_port_and_no_loopback_bind(name: str) -> None:
    """
    No file that people copy from names another ingest port, or tells them to bind to loopback only.
    """
    assert not problems(read(name)), f"{name}: the ingest port is {INGEST_PORT} (topology.py), on all addresses"


@pytest.mark.parametrize("name", MUST_NAME_IT)
def test_files_that_must_name_the_port_do(name: str) -> None:
    """
    The files that a client or an operator learns the port from do say it.
    """
    assert re.search(rf"\b{INGEST_PORT}\b", read(name))


def test_compose_publishes_ingest_on_its_port_and_on_all_addresses() -> None:
    """
    Compose publishes the port of ingest under the same number, on every address of the host.
    """
    compose: dict[str, Any] = yaml.safe_load(read("deploy/compose.yaml"))

    assert [f"{INGEST_PORT}:{INGEST_PORT}"] == compose["services"]["ingest"]["ports"]


def test_prometheus_scrapes_the_ports_that_the_services_bind() -> None:
    """
    Prometheus asks each service at the port that it binds.
    """
    scrape: dict[str, Any] = yaml.safe_load(read("monitoring/prometheus.yml"))
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in scrape["scrape_configs"]}

    ports = {"ingest": INGEST_PORT, "normalize": NORMALIZE_PORT, "api": API_PORT}

    assert {name: [f"{name}:{port}"] for name, port in ports.items()} == targets


@pytest.mark.parametrize(
    "line",
    [
        "curl -d @reading.json http://127.0.0.1:3000/api/v1/ingest/hrv",
        "curl -d @reading.json localhost:8080/ingest/sleep",
        "POST https://health.example.org:4100/api/v1/ingest/hrv",
        "Send webhooks to https://health.example.org:8443/webhooks/oura.",
        "curl http://[::1]:8000/health",
        "curl localhost:4105/health/ready",
        'the default is "http://127.0.0.1:4000"',
        "open http://0.0.0.0:8000",
        '      - targets: ["ingest:8080"]',
        "        target: athlete-ally-ingest:4100",
        "AA_INGEST_PORT=4100",
        'AA_INGEST_PORT: "8080"',
        "AA_INGEST_PORT: ${AA_INGEST_PORT:-8080}",
        "| `AA_INGEST_PORT` | integer, 0 to 65535 | `4110` |",
        "DEFAULT_INGEST_PORT = 3000",
        "export INGEST_BASE_URL=http://ingest.example.org:8080",
        'os.environ.get("INGEST_BASE_URL", "http://10.0.0.5:8080")',
        "uv run scripts/smoke_ingest.py --base-url http://10.0.0.5:8080",
        "athlete-ally up --ingest-port 8080",
        "athlete-ally ingest --port=8080",
        "Ingest listens on port 8080.",
        "Ingest binds 0.0.0.0:8080 by default.",
        "Ingest binds `[::]:3000`.",
        "ingest (port: 3001) takes readings",
        "EXPOSE 8080",
        "EXPOSE 4101/tcp 9000/tcp",
        "docker run -p 8080:4101 athlete-ally",
        '    ports: ["4101:8080"]',
        '      - "0.0.0.0:80:4101"',
        "athlete-ally ingest --host 127.0.0.1",
        "athlete-ally ingest --host=localhost --port 4101",
        "athlete-ally ingest --host ::1",
        "athlete-ally up --ingest-host 127.0.0.1",
        "AA_INGEST_HOST=127.0.0.1",
        "AA_INGEST_HOST=localhost",
        'AA_INGEST_HOST: "127.0.0.1"',
        "AA_INGEST_HOST: ${AA_INGEST_HOST:-127.0.0.1}",
        "| `AA_INGEST_HOST` | `127.0.0.1` | address that ingest binds |",
        '    ports: ["127.0.0.1:4101:4101"]',
        "docker run -p localhost:4101:4101 athlete-ally",
        "docker run -p [::1]:4101:4101 athlete-ally",
        "uvicorn app --bind 127.0.0.1:4101",
        "Ingest listens on `127.0.0.1` only.",
    ],
)
def test_another_port_or_a_loopback_bind_is_found(line: str) -> None:
    """
    The guard itself finds every way of naming another port or of keeping others out.
    """
    assert problems(line)


@pytest.mark.parametrize(
    "line",
    [
        "curl -d @reading.json http://127.0.0.1:4101/api/v1/ingest/hrv",
        "curl http://[::1]:4101/health",
        "curl http://127.0.0.1:4102/health/ready",
        "curl -s http://127.0.0.1:4102/metrics",
        '"http://127.0.0.1:8222/healthz"',
        "http://127.0.0.1:9090/-/ready",
        "Ingest binds 0.0.0.0:4101 by default.",
        "Ingest listens on port 4101, normalize on port 4102.",
        "ingest publishes to nats (port 4222)",
        "`curl: (7) Failed to connect to 127.0.0.1 port 4101` means that ingest is not there",
        "AA_INGEST_PORT=4101",
        "AA_INGEST_PORT: ${AA_INGEST_PORT:-4101}",
        "| `AA_INGEST_PORT` | integer, 0 to 65535 | `4101` |",
        "AA_INGEST_MAX_READINGS=10000",
        "AA_INGEST_HOST=0.0.0.0",
        "| `AA_INGEST_HOST` | `0.0.0.0` | address that ingest binds |",
        "NATS_URL=nats://127.0.0.1:4222",
        "DATABASE_URL=postgresql://postgres@127.0.0.1:5432/athlete_ally",
        "psql --host localhost --port 5432",
        'test: ["CMD", "pg_isready", "--host", "127.0.0.1"]',
        '    ports: ["127.0.0.1:4102:4102"]',
        '    ports: ["4101:4101"]',
        "docker run -p 0.0.0.0:4101:4101 athlete-ally",
        "EXPOSE 4101 4102 4180",
        "open http://127.0.0.1:4180/",
        'targets: ["ingest:4101"]',
        "image: athlete-ally-ingest:1.0",
        "Readings accepted by ingest: 274,000 a second.",
        "`up` starts nats-server, which listens on 127.0.0.1.",
        "athlete-ally ingest --port PORT",
        "python:3.11-slim-trixie",
        "2026-11-24T06:30:00+01:00 ingest started",
    ],
)
def test_the_port_itself_and_other_services_are_not_complained_about(line: str) -> None:
    """
    The guard itself is silent about the right port, all addresses, and the ports of others.
    """
    assert not problems(line)
