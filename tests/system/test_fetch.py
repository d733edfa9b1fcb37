"""From a vendor's notification to what its API answers, in the stream: real services, a simulated vendor."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, cast

import httpx
import pytest
from support.fakes import FakeLog, FakeObserver
from support.otlp import Collector
from support.services import Service, Site
from support.wait import eventually
from support.webhooks import BY_NAME

from athlete_ally.adapters.encryption.tickets import TicketCipher
from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.http.application import build_application
from athlete_ally.adapters.http.health import health_routes
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.core.broker.topology import VENDOR_HOT, fetch_durable, fetched_subject, webhook_letter_subject
from athlete_ally.core.series import every, fetch_series
from athlete_ally.core.vendor.webhook import Webhook
from athlete_ally.fetch.connect import ConnectService, connect_routes, link
from athlete_ally.simulate.api import SimulatedApi
from athlete_ally.simulate.profiles import PROFILES
from athlete_ally.simulate.synthetic_people import Night, night, waking, weight_kg
from athlete_ally.simulate.vendor_profile import ApiProfile, Asked
from athlete_ally.wiring.builders import now

KEY = new_token_key()
FETCH_SERIES = fetch_series(["oura"])
CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "a-webhook-secret-of-ours"  # noqa: S105  # of the simulated vendor
APIS: dict[str, ApiProfile] = {name: profile.api for name, profile in PROFILES.items() if profile.api is not None}
VENDORS = sorted(APIS)
ACCOUNT = "70400000"
DAY = date(2026, 11, 20)


@dataclass
class Chain:
    """A simulated vendor, and our services that think that it is real."""

    site: Site
    vendor: str
    api: SimulatedApi
    environment: dict[str, Any]
    ingest: Service
    fetch: Service

    async def connect(self, user_id: str, *, at: Service | None = None) -> httpx.Response:
        """Follow a link as a person's browser does."""
        service = at or self.fetch
        url = link(TicketCipher(KEY), service.url, self.vendor, user_id, now())
        async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=10) as client:
            return await client.get(url)

    async def notify(self, account: str, number: int) -> int:
        """Deliver the first notification of a day, as the vendor does."""
        profile = PROFILES[self.vendor]
        body = profile.deliveries(account, DAY - timedelta(days=number))[0]
        headers = {"content-type": profile.content_type, "traceparent": CONTEXT}
        headers |= profile.sign(SECRET, body, int(time.time()))
        path = f"/webhooks/{self.vendor}" + (f"/{SECRET}" if profile.secret_in_path else "")
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            return (await client.post(self.ingest.url + path, content=body, headers=headers)).status_code

    async def fetched(self) -> int:
        """Return how many answers of the vendor the stream holds."""
        subject = fetched_subject(self.vendor)
        stream = await NatsAdmin(self.site.connection).stream(VENDOR_HOT, subject)
        return stream.by_subject.get(subject, 0) if stream else 0

    async def is_settled(self) -> bool:
        """Tell whether fetch has nothing left to do."""
        durable = await NatsAdmin(self.site.connection).durable(VENDOR_HOT, fetch_durable(self.vendor))
        return durable is not None and (durable.pending, durable.ack_pending) == (0, 0)

    async def result(self, name: str) -> float:
        """Return how many resources ended this way."""
        text = f'fetch_resources_total{{result="{name}",vendor="{self.vendor}"}} '
        return float((await self.fetch.metrics()).split(text)[1].split("\n")[0])


@pytest.fixture
def chain(site: Site) -> Callable[..., Any]:
    """Set a chain up."""

    @asynccontextmanager
    async def set_up(vendor: str, accounts: int = 3, **options: Any) -> AsyncGenerator[Chain]:
        numbers = [str(70_400_000 + number) for number in range(accounts)]
        api = SimulatedApi(APIS[vendor], numbers, time.monotonic, last_day=DAY, **options)
        server = HttpServer(api.app(), host="127.0.0.1", port=0, drain_s=1)
        await server.open(option="none")
        upper = vendor.upper()
        environment: dict[str, Any] = {
            "AA_TOKEN_KEY": KEY,
            f"AA_{upper}_CLIENT_ID": "our-application",
            f"AA_{upper}_CLIENT_SECRET": "its-secret",
            f"AA_{upper}_API_URL": f"http://127.0.0.1:{server.port}",
            f"AA_{upper}_WEBHOOK_SECRETS": SECRET,
        }
        fetch = site.service("fetch", **environment)
        environment["AA_CONNECT_URL"] = fetch.url
        fetch = site.service("fetch", port=fetch.port, **environment)
        ingest = site.service("ingest", **environment)
        ingest.start()
        await fetch.start().ready()
        await ingest.ready()
        yield Chain(site, vendor, api, environment, ingest, fetch)
        await server.close()

    return set_up


@pytest.fixture
async def connect_page() -> AsyncGenerator[httpx.AsyncClient]:
    """Return a client of the pages of connecting, whose vendor is never asked."""
    service = ConnectService(
        apis={"oura": cast("Any", None)},
        token_store=cast("Any", None),
        cipher=TicketCipher(KEY),
        base_url="http://127.0.0.1",
        nonce=lambda: "nonce",
        observer=FakeObserver(list(every(FETCH_SERIES))),
        series=FETCH_SERIES,
        log=FakeLog(),
    )
    routes = [*connect_routes(service), *health_routes(dict, _no_reasons, PrometheusObserver([]))]
    transport = httpx.ASGITransport(build_application(routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://fetch") as client:
        yield client


async def _no_reasons() -> list[str]:
    return []


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_a_webhook_names_arrives(chain: Callable[..., Any], vendor: str) -> None:
    """
    People connect, their vendor notifies, and each answer of its API is in the stream, once; nothing is dead-lettered;
    the log names the trace.
    """
    async with chain(vendor) as it:
        pages = [await it.connect(f"person-{number}") for number in range(3)]
        assert [(p.status_code, p.text) for p in pages] == [(200, "Connected. You can close this page.\n")] * 3
        sent = [await it.notify(account, n) for account in it.api.accounts for n in (1, 2, 2)]
        assert set(sent) <= {200, 204}
        await eventually(it.is_settled, within_s=60)

        assert (await it.fetched(), await it.site.letters()) == (len(it.api.accounts) * 2 * _named(vendor), [])
        private = ("access-", "refresh-", "its-secret", KEY, *it.api.accounts)
        assert not any(each in it.fetch.log for each in private), it.fetch.log
        assert CONTEXT.split("-")[1] in it.fetch.log


# By vendor: what one notification leads to, as table, column, and the simulated night's value.
ROWS: dict[str, list[tuple[str, str, Callable[[Night], float]]]] = {
    "oura": [
        ("sleep_data", "asleep_min", lambda night: night.asleep_s / 60),
        ("hrv_data", "rmssd_ms", lambda night: round(night.rmssd_ms)),
        ("resting_heart_rate_data", "resting_bpm", lambda night: night.resting_bpm),
        ("respiratory_rate_data", "breaths_per_min", lambda night: night.breaths_per_minute),
    ],
    "withings": [("body_data", "mass_kg", lambda _night: weight_kg("70400000", DAY))],
    "whoop": [
        ("hrv_data", "rmssd_ms", lambda night: night.rmssd_ms),
        ("resting_heart_rate_data", "resting_bpm", lambda night: night.resting_bpm),
        ("spo2_data", "spo2_percent", lambda night: night.spo2_percent),
    ],
    "fitbit": [
        ("sleep_data", "asleep_min", lambda night: round(night.asleep_s / 60)),
        ("hrv_data", "rmssd_ms", lambda night: night.rmssd_ms),
        ("respiratory_rate_data", "breaths_per_min", lambda night: night.breaths_per_minute),
        ("spo2_data", "spo2_percent", lambda night: night.spo2_percent),
        ("skin_temperature_data", "deviation_celsius", lambda _night: -0.4),
    ],
    "google_health": [("sleep_data", "asleep_min", lambda night: round(night.asleep_s / 60))],
    "polar": [
        ("sleep_data", "asleep_min", lambda night: night.asleep_s / 60),
        ("hrv_data", "rmssd_ms", lambda night: round(night.rmssd_ms)),
        ("respiratory_rate_data", "breaths_per_min", lambda night: night.breaths_per_minute),
    ],
    "strava": [("workout_data", "distance_m", lambda _night: waking(ACCOUNT, DAY).distance_m)],
}
# Readings beside them: Fitbit's rMSSD of deep sleep, which has its own source, and Polar's heart rates of the night.
BESIDE = {"fitbit": 1, "polar": 1}


@pytest.mark.parametrize("vendor", sorted(ROWS))
async def test_what_is_fetched_becomes_rows(chain: Callable[..., Any], vendor: str) -> None:
    """
    From a vendor's notification to its person's rows: values, units and local day; nothing dead-lettered, ledger 0.
    """
    async with chain(vendor, accounts=1) as it:
        normalize = await it.site.service("normalize").start().ready()
        connected, taken = await it.connect("ada"), await it.notify(ACCOUNT, 0)
        assert (connected.status_code, taken in {200, 204}) == (200, True), connected.text

        async def is_unpacked() -> bool:
            # The webhook, and each of its documents.
            return await it.site.pool.fetchval("SELECT count(*) FROM webhook_receipt") == 1 + _named(vendor)

        await eventually(is_unpacked, within_s=60)
        results = await it.site.pool.fetch("SELECT result FROM webhook_receipt ORDER BY result")
        assert [row["result"] for row in results] == ["named", *["unpacked"] * _named(vendor)]
        await it.site.balance(len(ROWS[vendor]) + BESIDE.get(vendor, 0), normalize)

        source, slept = vendor.replace("_", "-"), night(ACCOUNT, DAY)
        for table, column, expected in ROWS[vendor]:
            query = f"SELECT user_id, day, {column} FROM {table} WHERE source = $1"  # noqa: S608  # names of ours
            rows = await it.site.pool.fetch(query, source)
            assert [("ada", DAY, expected(slept))] == [tuple(row) for row in rows]
        assert await it.site.letters() == []


@pytest.mark.broker_clock
async def test_a_fetch_is_part_of_the_trace(
    chain: Callable[..., Any], collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Request, webhook, what was fetched, in one trace: no account, no token, no address with a code in it.
    """
    for name, value in collector.environment.items():
        monkeypatch.setenv(name, value)
    async with chain("oura", accounts=1) as it:
        await it.connect("ada")
        assert await it.notify("70400000", 1) in {200, 204}
        tree = await collector.whole_tree(CONTEXT.split("-")[1], 5)

        assert tree == [
            "ingest serves POST /webhooks/{vendor}",
            "  ingest sends publish vendor.oura.webhook.received",
            "    fetch takes process vendor.oura.webhook.received",
            "      fetch does fetch oura",
            "      fetch sends publish vendor.oura.resource.fetched",
        ]
        private = ("access-", "refresh-", "its-secret", KEY, SECRET, "70400000", "code=")
        told = str([(span.name, span.attributes) for span in collector.spans])
        assert not any(each in told for each in private)


def _named(vendor: str) -> int:
    """Return how many resources the first notification of a day names."""
    body = PROFILES[vendor].deliveries("70400000", DAY)[0]
    return len(BY_NAME[vendor].unpack(Webhook(body, {}, now())).resources)


@pytest.mark.parametrize("step", ["before-publish", "after-publish", "before-ack"])
async def test_fetch_dies(chain: Callable[..., Any], step: str) -> None:
    """
    Killed at the worst moments, with messages in progress, fetch loses nothing: another one gets them again.

    Fitbit's notification of a night names five resources: many messages are in progress.
    """
    vendor = "fitbit"
    async with chain(vendor, accounts=1) as it:
        await it.connect("ada")
        it.fetch.kill()
        dying = it.site.service("fetch", dies=step, **it.environment).start()
        await it.site.retrying_with(fetch_durable(vendor), 1.0, stream=VENDOR_HOT)
        assert await it.notify("70400000", 1) in {200, 204}
        assert await dying.exit_code() != 0
        assert not await it.is_settled()
        await it.fetch.start().ready()
        await eventually(it.is_settled, within_s=60)

        assert (await it.fetched(), await it.site.letters()) == (_named(vendor), [])


async def test_tokens_that_ended_are_refreshed(chain: Callable[..., Any]) -> None:
    """
    An access token that the vendor takes no more is replaced once, and the data arrives.
    """
    async with chain("oura", accounts=1) as it:
        await it.connect("ada")
        it.api.expire_all()
        for number in range(5):
            await it.notify("70400000", number)
        await eventually(it.is_settled, within_s=60)

        assert await it.fetched() == 5
        assert 'fetch_refreshes_total{vendor="oura"}' in await it.fetch.metrics()


async def test_a_person_who_withdrew_affects_nobody_else(chain: Callable[..., Any]) -> None:
    """
    What can't be fetched without permission is a dead letter that says so, without ids; others' data arrives.

    An account that nobody connected is told apart.
    """
    async with chain("whoop", accounts=2) as it:
        await it.connect("ada")
        await it.connect("eve")
        it.api.revoke("70400000")
        for account in ("70400000", "70400001", "999"):
            await it.notify(account, 1)
        await eventually(it.is_settled, within_s=60)

        assert await it.fetched() == 1
        letters = await it.site.letters()
        assert sorted(letter.error.partition(":")[0] for letter in letters) == [
            "no person connected this account",
            "the vendor no longer accepts the permission",
        ]
        assert {letter.headers["AA-Original-Consumer"] for letter in letters} == {"fetch-whoop-durable"}
        assert not [value for letter in letters for value in letter.headers.values() if "70400000" in value]
        state = await it.site.pool.fetchval("SELECT state FROM vendor_grant WHERE account = '70400000'")
        assert state == "withdrawn"
        subject = webhook_letter_subject("whoop", "non-retryable")
        labels = f'consumer="fetch-whoop-durable",reason="non-retryable",subject="{subject}"'
        assert f"dlq_messages_total{{{labels}}} 2.0" in await it.fetch.metrics()


async def test_an_answer_that_no_message_can_hold_is_a_letter(chain: Callable[..., Any]) -> None:
    """
    It is not asked for again and again: a dead letter says so, and what is asked for after it arrives.
    """
    async with chain("oura", accounts=1) as it:
        await it.connect("ada")
        profile = it.api.profile
        it.api.profile = replace(profile, document=_too_large)
        await it.notify(ACCOUNT, 1)
        await eventually(it.is_settled, within_s=60)
        it.api.profile = profile
        await it.notify(ACCOUNT, 2)
        await eventually(it.is_settled, within_s=60)

        assert [letter.error for letter in await it.site.letters()] == [
            "the vendor's answer is larger than a message may be"
        ]
        assert await it.fetched() == 1


async def test_a_replay_of_what_could_not_be_fetched_has_an_outcome(chain: Callable[..., Any]) -> None:
    """
    Replayed before the person connects it fails again and stays one letter; afterwards it is fetched, and the letter
    goes.
    """
    async with chain("whoop", accounts=1) as it:
        await it.notify("70400000", 1)
        await eventually(it.site.letters)
        too_early = await it.site.run("dlq", "replay", "--all", "--yes", "--json")
        (listed,) = (await it.site.run("dlq", "list", "--json")).document["letters"]
        assert (too_early.code, listed["replays"], too_early.document["plan"]["prediction"]["failing"]) == (2, 1, 1)

        await it.connect("ada")
        replayed = await it.site.run("dlq", "replay", "--all", "--yes", "--json")
        assert "without asking it" in replayed.document["plan"]["prediction"]["unknowns"][0]["why"]
        assert (replayed.code, await it.fetched(), await it.site.letters()) == (0, 1, [])


async def test_a_vendor_that_is_down_costs_nothing(chain: Callable[..., Any]) -> None:
    """
    While the vendor answers 503 everything waits, is counted and not dead-lettered; then it arrives.
    """
    async with chain("withings", accounts=1) as it:
        await it.connect("ada")
        it.api.is_down = True
        await it.notify("70400000", 1)

        async def put_off() -> bool:
            return await it.result("later") >= 2

        await eventually(put_off, within_s=60)
        assert (await it.fetched(), await it.site.letters()) == (0, [])
        it.api.is_down = False
        await eventually(it.is_settled, within_s=60)

        assert (await it.fetched(), await it.site.letters()) == (1, [])


async def test_a_database_that_was_read_only_is_used_again(chain: Callable[..., Any]) -> None:
    """
    Sessions that began while the database was read-only bind nobody: fetch and normalize finish by themselves what
    came in meanwhile.
    """
    async with chain("oura", accounts=1) as it:
        await it.connect("ada")
        normalize = await it.site.service("normalize").start().ready()
        database = it.site.database_url.rpartition("/")[2]
        await it.site.pool.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        await it.site.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert await it.notify(ACCOUNT, 0) in {200, 204}

        async def both_wait() -> bool:
            return all("is read-only" in service.log for service in (it.fetch, normalize))

        await eventually(both_wait, within_s=60)
        await it.site.say(f"ALTER DATABASE {database} RESET default_transaction_read_only")

        async def is_unpacked() -> bool:
            return await it.site.pool.fetchval("SELECT count(*) FROM webhook_receipt") == 1 + _named("oura")

        await eventually(is_unpacked, within_s=60)
        await it.site.balance(len(ROWS["oura"]), normalize)

        assert await it.site.letters() == []


async def test_a_limit_holds_for_all_workers_together(chain: Callable[..., Any]) -> None:
    """
    A vendor that asked to wait is left alone by every worker until then; nothing is lost by it.
    """
    async with chain("oura", accounts=1, per_window=3, window_s=3) as it:
        await it.connect("ada")
        other = await it.site.service("fetch", **it.environment).start().ready()
        await asyncio.gather(*(it.notify("70400000", number) for number in range(8)))
        await eventually(it.is_settled, within_s=60)

        assert (await it.fetched(), await it.site.letters(), other.is_running) == (8, [], True)
        # Some were under way when the first was refused; without a common rest there would be a storm.
        assert it.api.refused <= 8 * 3


async def test_a_link_works_once_and_only_where_it_was_opened(chain: Callable[..., Any]) -> None:
    """
    A used link, one for another vendor, a forged one and a callback in another browser connect nothing.
    """
    async with chain("oura", accounts=1) as it:
        url = link(TicketCipher(KEY), it.fetch.url, "oura", "ada", now())
        forged = link(TicketCipher(new_token_key()), it.fetch.url, "oura", "ada", now())
        other = link(TicketCipher(KEY), it.fetch.url, "whoop", "ada", now()).replace("/whoop?", "/oura?")
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            gone_to_vendor = await client.get(url)
            back = await client.get(gone_to_vendor.headers["location"])
        async with httpx.AsyncClient(trust_env=False, timeout=10) as stranger:
            elsewhere = await stranger.get(back.headers["location"])
            refused = [(await stranger.get(each)).status_code for each in (forged, other)]
        async with httpx.AsyncClient(trust_env=False, timeout=10, follow_redirects=True) as client:
            first, again = await client.get(url), await client.get(url)

        assert (elsewhere.status_code, refused, first.status_code, again.status_code) == (403, [403, 403], 200, 403)
        assert await it.site.pool.fetchval("SELECT count(*) FROM vendor_grant") == 1


async def test_a_link_opened_in_many_browsers_at_once_connects_one_account(chain: Callable[..., Any]) -> None:
    """
    Four browsers come back from the vendor at the same moment, each with an account of its own: one is connected.
    """
    async with chain("oura", accounts=4) as it:
        url = link(TicketCipher(KEY), it.fetch.url, "oura", "ada", now())

        async def consent(client: httpx.AsyncClient) -> str:
            at_vendor = await client.get((await client.get(url)).headers["location"])
            return at_vendor.headers["location"]

        async with AsyncExitStack() as stack:
            browsers = [
                await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=10)) for _ in range(4)
            ]
            callbacks = [await consent(browser) for browser in browsers]
            pages = await asyncio.gather(*(b.get(back) for b, back in zip(browsers, callbacks, strict=True)))

        assert sorted(page.status_code for page in pages) == [200, 403, 403, 403]
        assert await it.site.pool.fetchval("SELECT count(*) FROM vendor_grant") == 1


@pytest.mark.parametrize("text", ["%C3%A4", "%00", "%FF", "%F0%9F%A7%AA" * 50, "a" * 5000, ""])
async def test_a_ticket_that_is_not_ours_is_refused(connect_page: httpx.AsyncClient, text: str) -> None:
    """
    Whatever stands where a ticket or a state is expected: 403, and never a defect of ours.
    """
    paths = [f"/connect/oura?ticket={text}", f"/connect/oura/callback?state={text}&code=1"]

    assert [(await connect_page.get(path)).status_code for path in paths] == [403, 403]


@pytest.mark.parametrize("path", ["/connect/oura/", "/connect/oura/callback/", "/health/", "/metrics/", "/connect//"])
async def test_fetch_redirects_nobody_for_a_slash(connect_page: httpx.AsyncClient, path: str) -> None:
    """
    A path with a slash at its end is not found: no redirect leads to the address that the Host header names.
    """
    answer = await connect_page.get(path, headers={"Host": "evil.example"})

    assert (answer.status_code, answer.headers.get("location")) == (404, None)
    assert answer.headers["content-type"] == "application/problem+json"


def _too_large(_asked: Asked) -> dict[str, Any]:
    return {"padding": "x" * 1_100_000}
