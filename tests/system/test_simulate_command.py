"""The command that plays a vendor, in front of real ingest and fetch: its options, what it prints, how it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest
from support.commands import Outcome, in_process
from support.contract import channel_of, differences
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.cli.exits import Exit

SECRET = "a-secret-for-simulations"  # noqa: S105  # of the simulated vendors
IS_WINDOWS = sys.platform == "win32"
TALLY = {
    "people",
    "handshake",
    "deliveries",
    "repeats",
    "forged",
    "attempts",
    "taken",
    "given_up",
    "refused",
    "unanswered",
    "answers",
    "api",
}


class Front:
    """Ingest and fetch on a site, and what a simulator has to know."""

    def __init__(self, site: Site) -> None:
        """Describe the services; `start` starts them."""
        fetch_port = free_port()
        self.site = site
        self.environment = {
            "AA_TERRA_WEBHOOK_SECRETS": SECRET,
            "AA_OURA_WEBHOOK_SECRETS": SECRET,
            "AA_OURA_WEBHOOK_TOKEN": "a-token-for-simulations",
            "AA_OURA_CLIENT_ID": "our-application",
            "AA_OURA_CLIENT_SECRET": "its-secret",
            "AA_OURA_API_URL": f"http://127.0.0.1:{free_port()}",
            "AA_TOKEN_KEY": new_token_key(),
            "AA_CONNECT_URL": f"http://127.0.0.1:{fetch_port}",
        }
        given: dict[str, Any] = self.environment
        self.ingest = site.service("ingest", **given)
        self.fetch = site.service("fetch", port=fetch_port, **given)
        self.environment |= {"DATABASE_URL": site.database_url, "AA_INGEST_URL": self.ingest.url}

    def start(self, *services: Service) -> None:
        """Start services, and return when they are ready."""
        for service in services:
            service.start()

        async def ready() -> None:
            await asyncio.gather(*(service.ready() for service in services))

        asyncio.run(ready())

    def simulate(self, *arguments: str, **environment: str) -> Outcome:
        """Run the command to its end, in this process: that it handles signals asks for the main thread."""
        return in_process({**self.environment, **environment}, "simulate", *arguments)


@pytest.fixture
def front(site: Site) -> Front:
    """Give the test a front."""
    return Front(site)


@pytest.fixture
def endless(front: Front) -> Generator[Callable[..., "subprocess.Popen[str]"]]:
    """Start simulators that go on until they are told to stop."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "athlete_ally", "simulate", *arguments, "--rate", "20", "--json"],
                env={**os.environ, **front.environment, **environment},
                stdout=subprocess.PIPE,
                text=True,
                # Windows sends a signal to a group of processes, and ours must not be in it.
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_one_with_data_in_its_webhooks(front: Front) -> None:
    """
    All that is to be sent is sent, in a share of its own twice and forged; what is printed for people and for machines
    says so, and `--for` ends what has no count.
    """
    front.start(front.ingest)
    shares = ("--duplicates", "0.2", "--disorder", "0.2", "--forged", "0.2", "--seed", "8")
    counted = front.simulate("terra", "--users", "2", "--rate", "200", "--count", "14", *shares, "--json")
    timed = front.simulate("terra", "--users", "1", "--rate", "50", "--for", "0.3")

    told = counted.document
    sent, repeats, forged = told["deliveries"], told["repeats"], told["forged"]
    assert (counted.code, set(told), told["people"], told["api"]) == (Exit.AS_DESIRED, TALLY, 2, None), counted.err
    assert (sent + repeats + forged, min(sent, repeats, forged) > 0) == (14, True)
    assert (told["taken"], told["refused"], told["answers"]) == (
        sent + repeats,
        forged,
        {"200": sent + repeats, "401": forged},
    )
    printed = dict(line.split(maxsplit=1) for line in timed.out.splitlines() if not line.startswith("given"))
    assert (timed.code, printed["people"], int(printed["taken"]) > 1) == (Exit.AS_DESIRED, "1", True)
    assert printed["answers"] == f"200 x {printed['attempts']}"


def test_a_delivery_that_is_never_taken_is_a_finding(front: Front) -> None:
    """
    Signed with a secret that ingest does not know, everything is refused until the vendor stops retrying: exit code 2.
    """
    front.start(front.ingest)
    outcome = front.simulate(
        "terra", "--count", "2", "--hasten", "100000", AA_TERRA_WEBHOOK_SECRETS="another-secret-than-ingest"
    )

    assert (outcome.code, "given up    2\n" in outcome.out) == (Exit.FINDINGS, True), outcome.out


def test_one_whose_api_is_asked(front: Front) -> None:
    """
    The API serves what was named, after an outage too; beyond its limit it answers 429; a handshake that is answered
    wrongly is a finding that is printed.
    """
    front.start(front.ingest, front.fetch)
    outage = front.simulate(
        "oura", "--users", "2", "--rate", "2", "--count", "6", "--down", "1", "--quiet", "1", "--json"
    )
    limited = front.simulate(
        "oura", "--users", "1", "--count", "3", "--per-minute", "2", "--quiet", "0.5", "--seed", "1"
    )
    wrong = front.simulate("oura", "--count", "1", "--quiet", "0.1", AA_OURA_WEBHOOK_TOKEN="another")  # noqa: S106  # of the simulated vendor

    assert (outage.code, outage.document["api"]["served"]) == (Exit.AS_DESIRED, 6), (outage.document, outage.err)
    assert outage.document["api"]["requests"] > 6
    assert (limited.code, "refused by the limit" in limited.out) == (Exit.AS_DESIRED, True)
    assert (wrong.code, "handshake   GET of the handshake: 200 is wanted, 401 answered" in wrong.out) == (2, True)


async def test_somebody_who_comes_with_a_link_has_deliveries_too(
    front: Front, endless: Callable[..., "subprocess.Popen[str]"], pool: Any
) -> None:
    """
    While a vendor is played, a link connects one more person at it, once; from then on it delivers for them, too.
    Every message on the way is as the contract describes it.
    """
    for service in (front.ingest, front.fetch):
        await service.start().ready()
    client: Any = front.site.connection.client
    messages: Any = await client.subscribe("vendor.oura.>")
    endless("oura", "--users", "1")

    async def connected() -> list[str]:
        return [row["user_id"] for row in await pool.fetch("SELECT user_id FROM vendor_grant ORDER BY id")]

    await eventually(connected)
    made = await asyncio.to_thread(in_process, front.environment, "connect", "link", "oura", "--user", "ada")
    pages: list[str] = []
    for _ in range(2):
        async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=10) as browser:
            pages.append((await browser.get(made.out.strip())).text)

    assert await connected() == ["simulated-oura-7000001", "ada"]
    assert pages == [
        "Connected. You can close this page.\n",
        "Not connected: this link was used already: ask for a new one.\n",
    ]
    seen: set[str] = set()
    async with asyncio.timeout(20):
        while not seen >= {"vendor-webhook-received", "vendor-resource-fetched", "of ada"}:
            message = await messages.next_msg(timeout=20)
            assert differences(message.subject, message.headers, message.data) == []
            seen.add(channel_of(message.subject))
            seen |= {"of ada"} if b'"user_id":"7000002"' in message.data else set()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["nobody"], {}, 1, "nobody: unknown vendor; expected"),
        (["terra"], {"AA_TERRA_WEBHOOK_SECRETS": ""}, 1, "AA_TERRA_WEBHOOK_SECRETS: set it"),
        (["oura"], {"AA_OURA_API_URL": ""}, 1, "AA_OURA_API_URL: set them, here as for fetch"),
        (["oura"], {"AA_CONNECT_URL": "http://127.0.0.1:1"}, 1, "cannot connect to fetch at http://127.0.0.1:1"),
        (["terra"], {"DATABASE_URL": "postgresql://postgres@127.0.0.1:1/none"}, 1, "PostgreSQL can't be reached"),
        (["terra", "--down", "3"], {}, 1, "terra: its webhooks carry data, so there is no API"),
        (["terra", "--per-minute", "3"], {}, 1, "terra: its webhooks carry data, so there is no API"),
        (["terra", "--env-file", "missing.env"], {}, 1, "missing.env: the settings file does not exist"),
        (["terra", "--rate", "0"], {}, 2, "--rate"),
        (["terra", "--count", "0"], {}, 2, "--count"),
        (["terra", "--users", "0"], {}, 2, "--users"),
        (["terra", "--for", "0"], {}, 2, "--for"),
        (["terra", "--duplicates", "1.1"], {}, 2, "--duplicates"),
        (["terra", "--disorder", "-0.1"], {}, 2, "--disorder"),
        (["terra", "--forged", "2"], {}, 2, "--forged"),
        (["terra", "--hasten", "0"], {}, 2, "--hasten"),
        (["oura", "--down", "-1"], {}, 2, "--down"),
        (["oura", "--per-minute", "0"], {}, 2, "--per-minute"),
        (["oura", "--quiet", "0"], {}, 2, "--quiet"),
    ],
)
def test_what_can_not_be_played_is_said(
    front: Front, arguments: list[str], environment: dict[str, str], code: int, says: str
) -> None:
    """
    One error that names the vendor, variable or option, and nothing is sent; no secret is in it.
    """
    outcome = front.simulate(*arguments, **environment)

    assert (outcome.code, outcome.out, says in outcome.err) == (code, "", True), outcome.err
    assert not any(secret in outcome.err for secret in (SECRET, "its-secret", front.environment["AA_TOKEN_KEY"]))


def test_ctrl_c_ends_it_with_the_tally(front: Front, endless: Callable[..., "subprocess.Popen[str]"]) -> None:
    """
    Where all was taken the exit code is 0; where deliveries still wait to be sent again they are unanswered, and it is
    2. Either way the tally is printed.
    """
    front.start(front.ingest)
    well, ill = endless("terra"), endless("terra", AA_TERRA_WEBHOOK_SECRETS="another-secret-than-ingest")

    async def both_have_sent() -> bool:
        text = await front.ingest.metrics()
        refused = 'webhook_verification_failures_total{cause="mismatch",vendor="terra"} 0.0'
        return 'webhook_accepted_total{vendor="terra"} 0.0' not in text and refused not in text

    asyncio.run(eventually(both_have_sent))
    for process in (well, ill):
        process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
    tallies = [json.loads(process.communicate(timeout=30)[0]) for process in (well, ill)]

    assert (well.returncode, tallies[0]["unanswered"]) == (Exit.AS_DESIRED, 0), tallies[0]
    assert tallies[0]["taken"] == tallies[0]["deliveries"] > 0
    assert (ill.returncode, tallies[1]["taken"]) == (Exit.FINDINGS, 0), tallies[1]
    assert tallies[1]["unanswered"] == tallies[1]["deliveries"] > 0
