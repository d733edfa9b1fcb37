"""What a client sees of ingest: the real process, over real sockets."""

import asyncio
import gzip
import json
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics import parser
from support.fakes import dev_topology
from support.samples import hrv_reading
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.adapters.files.key_file import KeyFile, write_key_file
from athlete_ally.adapters.http.server import EVERY_ADDRESS
from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.core.series import (
    broker_series,
    every,
    ingest_series,
    normalize_series,
    unpack_series,
    webhook_series,
)
from athlete_ally.ingest.decode_body import zstd
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

ROOT = Path(__file__).parents[2]
_families: Any = parser.text_string_to_metric_families  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # untyped
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def ingest(site: Site) -> Service:
    """Run ingest with small limits, so that they can be reached."""
    limits: dict[str, Any] = {"AA_INGEST_MAX_BODY_BYTES": "3000000", "AA_INGEST_MAX_READINGS": "20000"}
    return await site.service("ingest", **limits).start().ready()


async def post(ingest: Service, body: Any, kind: str = "hrv", **headers: str) -> httpx.Response:
    """Post bytes, or JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.post(f"{ingest.url}/api/v1/ingest/{kind}", content=content, headers={**JSON, **headers})


def _own_addresses() -> list[str]:
    """Return the addresses of this machine that are not loopback, and IPv6's loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: the system only chooses the address that it would send from.
            probe.connect(("192.0.2.1", 9))
            outside = [probe.getsockname()[0]]
        except OSError:
            outside = []
    return ["127.0.0.1", *(address for address in outside if not address.startswith("127.")), "[::1]"]


@pytest.mark.parametrize("address", _own_addresses())
async def test_it_is_reached_over_every_address(ingest: Service, address: str) -> None:
    """
    Loopback, the machine's own address, and IPv6 where there is any: ingest answers on all of them.
    """
    if address == "[::1]" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.get(f"http://{address}:{ingest.port}/health")).json()

    assert ("ok", "ingest", EVERY_ADDRESS, ingest.port) == tuple(
        answer[name] for name in ("status", "service", "host", "port")
    )  # what is bound


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{", {}, 400, "not JSON"),
        (b"\xff", {}, 400, "not UTF-8"),
        (b"[" * 50_000, {}, 400, "nested too deeply"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "gzip"),
        (b"{}", {"Content-Encoding": "br"}, 415, "use gzip, zstd"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "application/json"),
        (b"x" * 3_000_001, {}, 413, "several requests"),
        (gzip.compress(bytes(30_000_000)), {"Content-Encoding": "gzip"}, 413, "several requests"),
        (b"[" + b"1," * 20_000 + b"1]", {}, 413, "20001 readings"),
        (b"[]", {}, 422, "at least one"),
        (b"[1, 2]", {}, 422, "2 of 2 readings are invalid"),
        ([hrv_reading(), hrv_reading(rmssd="x")], {}, 422, "1 of 2 readings are invalid; nothing was accepted"),
        (hrv_reading(rrIntervals=[800.123456789] * 150_000), {}, 413, "shorter rrIntervals"),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, int | str) else "",
)
async def test_a_refusal_says_what_and_why(
    ingest: Service, site: Site, body: Any, headers: dict[str, str], status: int, words: str
) -> None:
    """
    Every refusal is a problem document with its status and a remedy, and nothing of the request is stored.
    """
    answer = await post(ingest, body, **headers)
    document = answer.json()

    assert (status, status, "application/problem+json") == (
        answer.status_code,
        document["status"],
        answer.headers["content-type"],
    )
    assert words in document["detail"]
    assert await site.is_settled()


async def test_problems_are_located_up_to_a_hundred(ingest: Service) -> None:
    """
    Each has the index and field of the sender's own document.
    """
    answer = await post(ingest, [hrv_reading()] * 50 + [hrv_reading(rmssd=None)] * 150)
    errors = answer.json()["errors"]

    assert (
        len(errors),
        (errors[0]["index"], errors[0]["field"]),
        (errors[-1]["index"], errors[-1]["field"]),
    ) == (100, (50, "rmssd"), (149, "rmssd"))


async def test_every_form_of_a_batch_is_the_same_batch(ingest: Service) -> None:
    """
    Array or lines, plain, gzip or zstd: the second to arrive is recognised as a duplicate of the first.
    """
    readings = [hrv_reading(f"u{number}") for number in range(30)]
    array, lines = json.dumps(readings).encode(), "\n".join(map(json.dumps, readings)).encode()
    answers = [
        await post(ingest, array),
        await post(ingest, lines, **{"Content-Type": "application/x-ndjson"}),
        await post(ingest, gzip.compress(array), **{"Content-Encoding": "gzip"}),
        await post(
            ingest, zstd.compress(lines), **{"Content-Encoding": "zstd", "Content-Type": "application/x-ndjson"}
        ),
    ]

    assert [(202, 30, False), *[(202, 30, True)] * 3] == [
        (each.status_code, each.json()["accepted"], each.json()["duplicate"]) for each in answers
    ]
    assert len({each.json()["id"] for each in answers}) == 1


async def test_a_large_batch_is_split_and_accounted_for(site: Site, ingest: Service) -> None:
    """
    More than one message takes: several parts, one answer; every reading is stored, and again it is a duplicate.
    """
    normalize = await site.service("normalize").start().ready()
    readings = [hrv_reading(f"u{number}", rmssd=20 + number % 100) for number in range(15_000)]
    first, again = await post(ingest, readings), await post(ingest, readings)

    assert (
        first.status_code,
        first.json()["accepted"],
        first.json()["duplicate"],
        again.json()["duplicate"],
    ) == (202, 15_000, False, True)
    assert (True, first.json()["id"]) == (len(first.json()["parts"]) > 1, again.json()["id"])
    await site.balance(15_000, normalize)
    assert len(await site.stored()) == 15_000


async def test_too_many_at_once_are_told_to_wait(site: Site) -> None:
    """
    One request is in progress and slow: the next gets 429 with Retry-After, and the slow one is answered.
    """
    ingest = await site.service("ingest", AA_INGEST_MAX_IN_FLIGHT="1").start().ready()
    body = json.dumps(hrv_reading()).encode()
    may_end = asyncio.Event()

    async def slowly() -> AsyncGenerator[bytes]:
        yield body[:10]
        await may_end.wait()
        yield body[10:]

    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        slow = asyncio.create_task(client.post(f"{ingest.url}/ingest/hrv", content=slowly(), headers=JSON))

        async def in_progress() -> bool:
            return "ingest_requests_in_flight 1.0" in await ingest.metrics()

        await eventually(in_progress)
        answer = await post(ingest, hrv_reading("b"))
        may_end.set()

        assert (answer.status_code, answer.headers["retry-after"], (await slow).status_code) == (429, "1", 202)


async def test_keys_are_checked_and_revoked_without_a_restart(site: Site, tmp_path: Path) -> None:
    """
    No key 401, a key for another kind 403, the right one 202; revoked, it stops working.
    """
    path = tmp_path / "keys.json"
    key = ClientKey(name="app", sha256=digest("aak_k"), created="2026-11-20", kinds=("hrv",))
    write_key_file(path, KeyFile(keys=(key,)))
    ingest = await site.service("ingest", AA_INGEST_KEYS_FILE=str(path), AA_ENVIRONMENT="dev").start().ready()
    bearer = {"Authorization": "Bearer aak_k"}
    statuses = [
        (await post(ingest, hrv_reading())).status_code,
        (await post(ingest, hrv_reading(), kind="sleep", **bearer)).status_code,
        (await post(ingest, hrv_reading(), **bearer)).status_code,
    ]
    write_key_file(path, KeyFile())

    async def revoked() -> bool:
        return (await post(ingest, hrv_reading(), **bearer)).status_code == 401

    assert statuses == [401, 403, 202]
    assert await eventually(revoked)
    assert "aak_k" not in ingest.log


async def test_unknown_places_and_methods_are_problems_too(ingest: Service) -> None:
    """
    An unknown kind names the known ones; a wrong path or method points to the docs.
    """
    async with httpx.AsyncClient(trust_env=False, base_url=ingest.url) as client:
        answers = [await client.post("/ingest/mood"), await client.get("/nothing"), await client.get("/ingest/hrv")]

    assert [each.status_code for each in answers] == [404, 404, 405]
    assert {"application/problem+json"} == {each.headers["content-type"] for each in answers}
    assert ("hrv, sleep" in answers[0].json()["detail"], "POST") == (True, answers[2].headers["allow"])


async def test_docs_load_nothing_from_elsewhere(ingest: Service) -> None:
    """
    The pages and all that they name come from ingest itself.
    """
    async with httpx.AsyncClient(trust_env=False, base_url=ingest.url) as client:
        page = await client.get("/docs")
        parts = ["/openapi.json", "/docs/start.js", "/docs/assets/swagger-ui.css", "/docs/assets/swagger-ui-bundle.js"]
        statuses = [(await client.get(part)).status_code for part in parts]

    assert (statuses, "http" in page.text.replace("http-equiv", "")) == ([200] * 4, False)
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_every_declared_series_is_there_from_the_start(site: Site, ingest: Service) -> None:
    """
    Both services export every series and label set of the catalogue before anything has happened.
    """
    normalize = await site.service("normalize").start().ready()
    of_work = normalize_series(KINDS, VENDORS)
    of_broker = broker_series(dev_topology(), [subject for *_, subject in of_work.dead_letters.values])
    of_ingest = every(ingest_series(KINDS), webhook_series(VENDORS))
    for service, declared in (
        (ingest, of_ingest),
        (normalize, every(of_work, of_broker, unpack_series(VENDORS, FETCHED))),
    ):
        families = {family.name: family for family in _families(await service.metrics())}
        for series in declared:
            family = families[series.name.removesuffix("_total")]
            found = {tuple(sample.labels[label] for label in series.labels) for sample in family.samples}
            assert set(series.values) <= found, series.name


async def test_without_a_broker_it_starts_and_says_so(site: Site) -> None:
    """
    Alive, not ready with the reason, and 503 with Retry-After in bounded time; it does not end.
    """
    ingest = site.service("ingest", NATS_URL="nats://127.0.0.1:1", AA_PUBLISH_TIMEOUT_S="0.3").start()

    async def alive() -> bool:
        return await ingest.status("/health") == 200

    await eventually(alive)
    answer = await post(ingest, hrv_reading())

    assert (await ingest.status("/health/ready"), answer.status_code, "retry-after" in answer.headers) == (
        503,
        503,
        True,
    )


async def test_a_scrape_asks_neither_broker_nor_database(site: Site) -> None:
    """
    While both are away, `/metrics` answers with all series: a scrape reads what is kept ready, and asks nobody.
    """
    away: dict[str, Any] = {"NATS_URL": "nats://127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    normalize = site.service("normalize", **away).start()

    async def alive() -> bool:
        return await normalize.status("/health") == 200

    await eventually(alive)
    series = {family.name for family in _families(await normalize.metrics())}

    assert (await normalize.status("/health/ready"), "ledger_hrv_unaccounted_messages" in series) == (503, True)


async def test_a_taken_port_is_said_in_one_line(site: Site, ingest: Service) -> None:
    """
    Exit code 1, and a line that names the port and how to choose another.
    """
    second = site.service("ingest", port=ingest.port)

    assert await second.start().exit_code() == 1
    assert f"athlete-ally: port {ingest.port} is taken, or not allowed: choose another with --port" in second.log


async def test_missing_streams_stop_a_service_with_the_remedy(site: Site) -> None:
    """
    Services bind and never create: what is missing is named, with the command that makes it.
    """
    await site.connection.api("STREAM.DELETE.AA_CORE_HOT")
    ingest, normalize = site.service("ingest").start(), site.service("normalize").start()

    assert [await ingest.exit_code(), await normalize.exit_code()] == [1, 1]
    for service in (ingest, normalize):
        assert "stream AA_CORE_HOT is missing: run `athlete-ally streams apply`" in service.log


async def _script(name: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "scripts" / name), *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 40)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_smoke_scripts_are_green_on_a_healthy_system(site: Site, ingest: Service) -> None:
    """
    Both pass against running services, and tell machines so in one document.
    """
    normalize = await site.service("normalize").start().ready()
    results = [
        await _script("smoke_ingest.py", "--base-url", ingest.url, "--json"),
        await _script("smoke_alpha.py", "--base-url", ingest.url, "--normalize-url", normalize.url, "--json"),
    ]

    assert [code for code, _, _ in results] == [0, 0], results
    assert all(json.loads(out) for _, out, _ in results)


@pytest.mark.parametrize("script", ["smoke_ingest.py", "smoke_alpha.py"])
async def test_the_smoke_scripts_are_red_where_nothing_runs(script: str) -> None:
    """
    Nobody there: exit code 1, and one line with the URL that was tried and what to start.
    """
    code, _, err = await _script(script, "--base-url", "http://127.0.0.1:1")

    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert ("http://127.0.0.1:1" in err, "athlete-ally up" in err) == (True, True)
