"""The deployment files can't be run by this suite, so they are linted, and what matters most in them is asserted."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
import yaml

from athlete_ally.config.settings import Settings
from athlete_ally.core.broker.topology import API_PORT, CONSOLE_PORT, FETCH_PORT, INGEST_PORT, NORMALIZE_PORT

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"
NATS_CONF = ROOT / "deploy" / "nats" / "compose.conf"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
PROMETHEUS = ROOT / "monitoring" / "prometheus.yml"
ALERTMANAGER = ROOT / "monitoring" / "alertmanager.yml"


def run(*command: str | Path) -> None:
    """Fail with the tool's own words unless it is content."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def read_yaml(path: Path) -> dict[str, Any]:
    """Parse a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services() -> dict[str, dict[str, Any]]:
    """Return the services of the Compose file."""
    return read_yaml(COMPOSE)["services"]


def instructions(name: str) -> list[str]:
    """Return the arguments of every `name` instruction of the Dockerfile, in order."""
    joined = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"(?m)^{name}\s+(.*)$", joined)


def test_hadolint_is_content_with_the_dockerfile(require_tool: Callable[[str], str]) -> None:
    """
    Hadolint finds nothing in the Dockerfile, not even a matter of style.
    """
    run(require_tool("hadolint"), "--failure-threshold", "style", DOCKERFILE)


def test_the_image_does_not_run_as_root() -> None:
    """
    The last word on the image's user is a number other than 0, which an orchestrator can check.
    """
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions("USER")[-1])


def test_the_image_runs_ingest_unless_told_otherwise() -> None:
    """
    The image is the command-line tool, and its default command is ingest.
    """
    assert instructions("ENTRYPOINT") == ['["athlete-ally"]']
    assert instructions("CMD") == ['["ingest"]']


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_the_health_checks_tell_alive_from_dead(status: int | None, *, healthy: bool) -> None:
    """
    The health check of each service succeeds on 200 alone, neither on an error nor without an answer.
    """
    image_check = json.loads(instructions("HEALTHCHECK")[0].partition("CMD")[2])[-1]
    ports = {"normalize": NORMALIZE_PORT, "api": API_PORT, "fetch": FETCH_PORT, "console": CONSOLE_PORT}
    checks = {port: services()[name]["healthcheck"]["test"][-1] for name, port in ports.items()}
    with answering(status) as port:
        for port_in_file, check in {INGEST_PORT: image_check, **checks}.items():
            assert f":{port_in_file}/health" in check
            code = check.replace(str(port_in_file), str(port))
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=30)

            assert healthy == (done.returncode == 0), done.stderr


@contextmanager
def answering(status: int | None) -> Generator[int]:
    """Give a port that answers every GET with `status`; None: one where nobody listens."""
    if status is None:
        with socket.socket() as silent:  # bound, so that nobody else gets the port
            silent.bind(("127.0.0.1", 0))
            yield silent.getsockname()[1]
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing: the test says what went wrong."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_compose_file_follows_the_compose_specification() -> None:
    """
    The Compose file is valid under the JSON Schema of the Compose specification.
    """
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


@pytest.mark.parametrize("name", services())
def test_every_container_is_confined(name: str) -> None:
    """
    A service can't gain privileges, has none to begin with, and writes only to its volumes and temporary files.
    """
    service = services()[name]

    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True


@pytest.mark.parametrize("name", services())
def test_every_container_says_when_it_may_be_used_and_what_happens_when_it_ends(name: str) -> None:
    """
    A service has a pinned image and a restart policy, and waits for healthy or finished ones, never for started ones.
    """
    service = services()[name]
    conditions = {dependency["condition"] for dependency in service.get("depends_on", {}).values()}

    assert re.search(r":(?!latest$)[\w.-]+$", service["image"])
    assert service["restart"] in {"unless-stopped", "no"}
    assert conditions <= {"service_healthy", "service_completed_successfully"}


def test_compose_file_holds_no_password() -> None:
    """
    Every password comes from the environment, and its absence is an error instead of a default.
    """
    text = COMPOSE.read_text(encoding="utf-8")
    passwords = re.findall(r"PASSWORD: (.*)|//\w+:(.*?)@", text)

    assert passwords
    assert all(re.fullmatch(r"\$\{\w+:\?.+\}", "".join(found)) for found in passwords)


def test_servers_are_not_published() -> None:
    """
    Neither NATS nor PostgreSQL can be reached from outside, since only their network protects them.
    """
    for name in ("nats", "postgres"):
        assert "ports" not in services()[name]
        assert services()[name]["networks"] == ["private"]
    assert read_yaml(COMPOSE)["networks"]["private"]["internal"] is True


def test_nats_flushes_before_it_acknowledges(require_tool: Callable[[str], str]) -> None:
    """
    The configuration of nats-server is valid and says `sync_interval: always`, without which a 202 may be lost.
    """
    run(require_tool("nats-server"), "-t", "-c", NATS_CONF)

    assert re.search(r"(?m)^\s*sync_interval: always$", NATS_CONF.read_text(encoding="utf-8"))


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflow_follows_the_schema(schema: str) -> None:
    """
    The workflow is valid, and each of its jobs ends after a stated time.
    """
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, WORKFLOW)


def test_workflow_has_least_privilege() -> None:
    """
    Jobs may only read, leave no token behind, and use actions by commit, which nobody can move.
    """
    workflow = read_yaml(WORKFLOW)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]

    assert workflow["permissions"] == {}
    assert all(job["permissions"] == {"contents": "read"} for job in workflow["jobs"].values())
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]) for step in steps)
    checkouts = [step for step in steps if step["uses"].startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_alertmanager_accepts_its_configuration(require_tool: Callable[[str], str]) -> None:
    """
    Amtool finds the example valid; pages, tickets and the watchdog go to receivers of their own.
    """
    run(require_tool("amtool"), "check-config", ALERTMANAGER)
    routes = {"page": "pages", "ticket": "tickets", "none": "dead-mans-switch"}
    for severity, receiver in routes.items():
        command = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}")
        run(require_tool("amtool"), *command, f"severity={severity}")


def test_prometheus_accepts_its_configuration(require_tool: Callable[[str], str]) -> None:
    """
    Promtool finds the configuration of Prometheus valid, with everything that it refers to.
    """
    run(require_tool("promtool"), "check", "config", PROMETHEUS)


def test_the_proxys_configuration_is_valid(require_tool: Callable[[str], str], tmp_path: Path) -> None:
    """
    Nginx itself reads deploy/proxy/nginx.conf, with certificates beside it, and finds nothing wrong.
    """
    nginx = require_tool("nginx")
    for folder in ("tls", "run"):
        (tmp_path / folder).mkdir()
    certificate = trustme.CA().issue_cert("ingest.example")
    certificate.private_key_pem.write_to_path(tmp_path / "tls" / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "tls" / "fullchain.pem", append=True)
    configuration = shutil.copy(ROOT / "deploy" / "proxy" / "nginx.conf", tmp_path)

    run(nginx, "-t", "-q", "-p", tmp_path, "-c", configuration)


def test_the_proxy_names_the_ports_and_limits_of_the_services() -> None:
    """
    The ports are those of ingest and fetch, and the largest body and header are those of the settings' defaults.
    """
    text = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    sizes = re.search(r"large_client_header_buffers (\d+) (\d+)k;", text)
    body = re.search(r"client_max_body_size (\d+)m;", text)
    defaults = Settings.model_fields

    assert [str(INGEST_PORT), str(FETCH_PORT)] == re.findall(r"server 127\.0\.0\.1:(\d+);", text)
    assert sizes is not None
    assert body is not None
    assert defaults["http_max_header_bytes"].default == int(sizes[1]) * int(sizes[2]) * 1024
    assert defaults["ingest_max_body_bytes"].default == int(body[1]) * 1024 * 1024
