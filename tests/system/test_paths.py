"""Paths that no client of ours sends: slashes, hosts of strangers, and numbers beyond any sequence."""

import httpx
import pytest
from support.here import Here
from support.letters import Bench
from support.services import Site
from support.wait import eventually

from athlete_ally.core.broker.topology import MAX_SEQUENCE

SERVICES = ("ingest", "normalize", "console")
WITH_SLASH = (
    *(
        "/health/",
        "/health/ready/",
        "/metrics/",
        "/docs/",
        "/api/v1/ingest/hrv/",
        "/webhooks/oura/",
        "/webhooks/oura/s/",
    ),
    *("/letters/", "/letters/1/", "/records/", "/streams/", "/log-in/", "/assets/"),
)
BEYOND = (0, MAX_SEQUENCE, MAX_SEQUENCE + 1, 2**64, 10**20, "9" * 5000, "0" * 30, "-1", "1e3", "\u0661")


async def test_no_host_header_decides_where_somebody_is_sent(here: Here) -> None:
    """
    No path with a slash at its end leads anywhere else, whatever the Host header; each refusal of ingest and normalize
    is a problem document.
    """
    for name, url in zip(SERVICES, await here.start(*SERVICES), strict=True):
        host = {} if name == "console" else {"Host": "evil.example"}
        async with httpx.AsyncClient(trust_env=False, base_url=url) as client:
            for path in WITH_SLASH:
                for method in ("GET", "POST"):
                    answer = await client.request(method, path, headers={"Origin": url, **host})

                    assert (path, False, None) == (path, answer.is_redirect, answer.headers.get("location"))
                    assert answer.status_code in {404, 405}, (name, path, answer.status_code)
                    assert name == "console" or answer.headers["content-type"] == "application/problem+json"


async def test_a_number_beyond_every_sequence_is_not_found(here: Here, site: Site) -> None:
    """
    The console answers 404 and the commands exit with 2, whatever the digits: nothing is asked, nothing fails.
    """
    bench = Bench(site.connection, site.pool, site.environment)
    (console,) = await here.start("console")
    async with httpx.AsyncClient(trust_env=False, base_url=console) as client:

        async def is_connected() -> bool:
            return (await client.get("/letters/1")).status_code != 503

        await eventually(is_connected)
        statuses = {str(number)[:30]: (await client.get(f"/letters/{number}")).status_code for number in BEYOND}
    codes = {
        (command, str(number)[:30]): (await bench.run(command, "--", str(number))).code
        for command in ("show", "diff")
        for number in BEYOND
    }

    assert dict.fromkeys(statuses, 404) == statuses
    assert dict.fromkeys(codes, 2) == codes


@pytest.mark.parametrize("limit", [10**20, 10**9 + 1])
async def test_a_limit_beyond_every_journal_is_a_wrong_option(site: Site, limit: int) -> None:
    """
    A number that the database could not even be told is refused by name.
    """
    outcome = await Bench(site.connection, site.pool, site.environment).run("journal", "--limit", str(limit))

    assert (outcome.code, "--limit" in outcome.err) == (2, True)
