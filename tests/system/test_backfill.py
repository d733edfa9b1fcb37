"""A person's past at a vendor, from the vendor's lists to rows: real services, simulated vendors."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from support.services import Site
from support.wait import eventually

from athlete_ally.adapters.encryption.tokens import TokenCipher, new_token_key
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.http.vendor_api import Credentials, HttpVendorApi
from athlete_ally.adapters.nats.admin import NatsAdmin
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.config.settings import load_settings
from athlete_ally.core.broker.topology import VENDOR_HOT, fetched_subject
from athlete_ally.core.errors import Unavailable, Withdrawn
from athlete_ally.core.vendor.grant import Granted
from athlete_ally.core.vendor.history import Window
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Resource
from athlete_ally.fetch.backfill import Plan, Tally
from athlete_ally.fetch.resource import Got
from athlete_ally.simulate.api import SimulatedApi
from athlete_ally.simulate.profiles import PROFILES
from athlete_ally.simulate.synthetic_people import night, waking, weight_kg
from athlete_ally.vendors import PLUGINS
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.backfill import Wanted, backfill_session

KEY = new_token_key()
ACCOUNT = "70400000"
VENDORS = {vendor.name: vendor for vendor in PLUGINS if vendor.api is not None and vendor.api.history}


@dataclass
class Clock:
    """Time at the vendor, which passes when a test says so."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now_s

    def pass_a_minute(self) -> None:
        """Let a window of the vendor's limit be over."""
        self.now_s += 60


@dataclass
class Past:
    """A person who is connected at a simulated vendor, and what `athlete-ally backfill` is told."""

    site: Site
    vendor: Vendor
    api: SimulatedApi
    clock: Clock
    env_file: Path
    user: str
    today: date
    waits: list[str] = field(default_factory=list[str])
    on_wait: Callable[[], None] = lambda: None

    @property
    def yesterday(self) -> date:
        """Return the last day that the vendor has."""
        return self.today - timedelta(days=1)

    @property
    def last_over(self) -> date:
        """Return the last day that is over everywhere at any hour: yesterday goes on somewhere until 12:00 UTC."""
        return self.today - timedelta(days=2)

    @property
    def window(self) -> Window:
        """Return the days until yesterday that most tests ask for."""
        return Window(self.today - timedelta(days=35), self.yesterday)

    async def fill(self, window: Window, *, again: bool = False, patience_s: float = 600) -> tuple[Plan, Tally]:
        """Fill in, in this process."""

        def wait(why: str, _delay_s: float) -> None:
            self.waits.append(why)
            self.on_wait()

        wanted = Wanted(self.vendor, [self.user], window, again, patience_s, self.env_file)
        tally = Tally()
        async with backfill_session(load_settings(self.env_file), wanted, wait) as (filler, (plan,)):
            await filler.carry_out(plan, tally, lambda _done, _total: None)
        return plan, tally

    def command(self, window: Window, *options: str) -> list[str]:
        """Return the arguments of the command."""
        days = ("--from", f"{window.first}", "--to", f"{window.last}")
        return ["backfill", self.vendor.name, "--user", self.user, *days, "--env-file", str(self.env_file), *options]

    async def published(self) -> int:
        """Return how many answers of the vendor the stream holds."""
        subject = fetched_subject(self.vendor.name)
        stream = await NatsAdmin(self.site.connection).stream(VENDOR_HOT, subject)
        return stream.by_subject.get(subject, 0) if stream else 0

    async def limit(self, name: str, value: int) -> None:
        """Give the stream of webhooks another limit."""
        live = await NatsAdmin(self.site.connection).stream(VENDOR_HOT)
        assert live is not None
        await self.site.connection.api(f"STREAM.UPDATE.{VENDOR_HOT}", {**live.config, name: value})

    async def is_unpacked(self) -> bool:
        """Tell whether there is a receipt for every answer."""
        query = "SELECT count(*) FROM webhook_receipt WHERE vendor = $1"
        return await self.site.pool.fetchval(query, self.vendor.name) == await self.published()

    async def days(self, window: Window) -> dict[str, int]:
        """Return of how many days of a window there are rows, by table."""
        found: dict[str, int] = {}
        for table in TABLES:
            query = f"SELECT count(DISTINCT day) FROM {table}_data WHERE user_id = $1 AND day BETWEEN $2 AND $3"  # noqa: S608  # ours
            found[table] = await self.site.pool.fetchval(query, self.user, window.first, window.last)
        return {table: count for table, count in found.items() if count}


TABLES = (
    "hrv",
    "sleep",
    "resting_heart_rate",
    "respiratory_rate",
    "spo2",
    "skin_temperature",
    "activity",
    "workout",
    "body",
)
NIGHTLY: dict[str, int] = dict.fromkeys(("sleep", "hrv", "resting_heart_rate", "respiratory_rate", "spo2"), 35)
DAYS: dict[str, dict[str, int]] = {
    "oura": {**NIGHTLY, "skin_temperature": 35, "activity": 35, "workout": 35},
    "whoop": NIGHTLY,
    "withings": {"sleep": 35, "respiratory_rate": 35, "activity": 35, "body": 35},
    # Of the nights the last 28 days, of the exercises the last 30; today is one of the former.
    "polar": {"sleep": 27, "hrv": 27, "respiratory_rate": 27, "activity": 35, "workout": 30},
    "strava": {"workout": 35},
    "fitbit": {**NIGHTLY, "skin_temperature": 35, "activity": 35, "body": 35},
    "google_health": {**NIGHTLY, "skin_temperature": 35, "workout": 35, "body": 35},
}


@pytest.fixture
def past(site: Site, tmp_path: Path) -> Callable[..., Any]:
    """Connect a person at a simulated vendor, without a browser."""

    @asynccontextmanager
    async def connect(vendor: str, **options: Any) -> AsyncGenerator[Past]:
        profile = PROFILES[vendor].api
        assert profile is not None
        clock = Clock()
        # As the test begins, and not as its module is imported: midnight may pass between the two.
        today = datetime.now(UTC).date()
        api = SimulatedApi(profile, [ACCOUNT], clock, last_day=today - timedelta(days=1), serial=len(vendor), **options)
        server = HttpServer(api.app(), host="127.0.0.1", port=0, drain_s=1)
        await server.open(option="none")
        url, upper = f"http://127.0.0.1:{server.port}", vendor.upper()
        env_file = tmp_path / f"{vendor}.env"
        lines = {
            **site.environment,
            "AA_TOKEN_KEY": KEY,
            f"AA_{upper}_CLIENT_ID": "our-application",
            f"AA_{upper}_CLIENT_SECRET": "its-secret",
            f"AA_{upper}_API_URL": url,
        }
        env_file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
        try:
            await _grant(site, VENDORS[vendor], url)
            yield Past(site, VENDORS[vendor], api, clock, env_file, f"ada-{vendor}", today)
        finally:
            await server.close()

    return connect


async def _grant(site: Site, vendor: Vendor, url: str) -> None:
    """Give a permission as a person's browser does, and keep it."""
    assert vendor.api is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        client = HttpVendorApi(vendor.api, Credentials("our-application", "its-secret", url), http, now=now)
        there = "http://127.0.0.1/back"
        answer = await http.get(client.authorize_url(state="s", redirect_url=there, verifier="v" * 43))
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        account, tokens, scopes = await client.redeem(code, redirect_url=there, verifier="v" * 43)
    token_store = PostgresTokenStore(site.pool, TokenCipher(KEY))
    await token_store.keep(Granted(vendor.name, account, f"ada-{vendor.name}", tokens, scopes))


@pytest.mark.parametrize("vendor", sorted(VENDORS))
async def test_a_past_becomes_rows(past: Callable[..., Any], vendor: str) -> None:
    """
    Every day that was asked for has its rows; nothing is dead-lettered, the ledger is 0; asked again nothing is asked.
    """
    async with past(vendor) as it:
        normalize = await it.site.service("normalize").start().ready()
        over = it.yesterday if Window(it.yesterday, it.yesterday).instants[1] <= datetime.now(UTC) else it.last_over
        plan, tally = await it.fill(it.window)
        again, _ = await it.fill(it.window)
        await eventually(it.is_unpacked, within_s=40)
        await eventually(it.site.is_settled, within_s=40)

        assert [letter.error for letter in await it.site.letters()] == []
        assert DAYS[vendor] == await it.days(it.window)
        assert (tally.windows, tally.lacking) == (len(plan.portions), [])
        # Days that were not over everywhere when they were had are asked for again, and no others.
        expected = [portion for portion in plan.portions if portion.window.last > over]
        assert expected == list(again.portions)
        totals = await it.site.totals()
        await it.site.balance(totals["stored"] + totals["superseded"], normalize)


async def test_what_a_past_holds_is_what_the_vendor_has(past: Callable[..., Any]) -> None:
    """
    Values, units and local days of a night, a day and a weighing, weeks back.
    """
    async with past("google_health") as it:
        day = it.today - timedelta(days=20)
        await it.site.service("normalize").start().ready()
        await it.fill(it.window)
        await eventually(it.is_unpacked, within_s=40)
        await eventually(it.site.is_settled, within_s=40)

        slept, moved = night(ACCOUNT, day), waking(ACCOUNT, day)
        expected = {
            "hrv_data": ("rmssd_ms", slept.rmssd_ms),
            "spo2_data": ("spo2_percent", slept.spo2_percent),
            "workout_data": ("energy_kcal", moved.active_kcal),
            "body_data": ("mass_kg", weight_kg(ACCOUNT, day)),
        }
        for table, (column, value) in expected.items():
            query = f"SELECT {column} FROM {table} WHERE user_id = $1 AND day = $2"  # noqa: S608  # names of ours
            assert [value] == [row[0] for row in await it.site.pool.fetch(query, it.user, day)], table


@pytest.mark.parametrize(("vendor", "days", "answered"), [("oura", 70, 9), ("strava", 45, 20), ("whoop", 100, 5)])
async def test_killed_in_the_middle(past: Callable[..., Any], vendor: str, days: int, answered: int) -> None:
    """
    Killed while it waits for a limit, and started again, it goes on from the last window that the stream held.
    """
    async with past(vendor, per_window=answered, window_s=1) as it:
        window = Window(it.last_over - timedelta(days=days - 1), it.last_over)
        dying = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "athlete_ally", *it.command(window), stderr=asyncio.subprocess.DEVNULL
        )

        async def is_refused() -> bool:
            return it.api.refused > 0

        await eventually(is_refused)
        dying.kill()
        await dying.wait()
        it.api.per_window = 100_000
        normalize = await it.site.service("normalize").start().ready()
        second = await it.site.run(*it.command(window, "--json"))
        await eventually(it.is_unpacked, within_s=40)
        await eventually(it.site.is_settled, within_s=40)

        (person,) = second.document["people"]
        assert (second.code, person["had_before"] > 0, person["could_not_be_had"]) == (0, True, []), second
        assert person["windows"] == len(person["planned"]) > 0
        tables = dict.fromkeys(DAYS[vendor], days)
        assert (tables, []) == (await it.days(window), await it.site.letters())
        private = (ACCOUNT, "access-", "refresh-", "its-secret", KEY)
        assert not any(each in second.out + second.err for each in private)
        totals = await it.site.totals()
        await it.site.balance(totals["stored"] + totals["superseded"], normalize)


async def test_a_limit_is_waited_for(past: Callable[..., Any]) -> None:
    """
    429 in the middle: it waits as long as the vendor says, and then has everything; that is not an outage.
    """
    async with past("oura", per_window=12, window_s=1) as it:
        it.on_wait = it.clock.pass_a_minute
        plan, tally = await it.fill(it.window, patience_s=0)

        assert it.api.refused > 0
        assert set(it.waits) <= {"the vendor's limit is reached", "the vendor's budget is spent"}
        # The empty lists of sessions of two windows are one message.
        assert (tally.windows, tally.answers - 1) == (len(plan.portions), await it.published())


async def test_revoked_in_the_middle(past: Callable[..., Any]) -> None:
    """
    It ends with exit code 3 and says what the person has to do; fetched windows stay recorded.
    """
    async with past("whoop", per_window=3, window_s=1) as it:

        def revoke() -> None:
            it.api.revoke(ACCOUNT)
            it.clock.pass_a_minute()

        it.on_wait = revoke
        with pytest.raises(Withdrawn, match="connect again"):
            await it.fill(it.window)
        had = await it.site.pool.fetchval("SELECT count(*) FROM backfill_window")
        outcome = await it.site.run(*it.command(it.window))

        assert (outcome.code, had > 0, await it.published()) == (3, True, had)
        assert "athlete-ally: withdrawn: --user ada-whoop: the permission at whoop is withdrawn" in outcome.err
        assert ACCOUNT not in outcome.err + outcome.out


async def test_a_vendor_that_is_down(past: Callable[..., Any]) -> None:
    """
    It is retried for `patience_s`, and then the run ends; nothing is lost, and the next run fetches it all.
    """
    async with past("withings") as it:
        it.api.is_down = True
        with pytest.raises(Unavailable, match="the vendor can't answer now, for longer than 1 s"):
            await it.fill(it.window, patience_s=1)
        assert (await it.published(), await it.site.letters()) == (0, [])
        it.api.is_down = False
        plan, tally = await it.fill(it.window)

        assert tally.windows == len(plan.portions) > 0


async def test_live_notifications_are_not_starved(past: Callable[..., Any]) -> None:
    """
    While a back-fill waits because its share of Strava's quarter of an hour is spent, named documents are fetched.
    """
    async with past("strava") as it:
        is_waiting = asyncio.Event()
        wanted = Wanted(
            it.vendor, [it.user], Window(it.today - timedelta(days=120), it.yesterday), env_file=it.env_file
        )
        async with backfill_session(load_settings(it.env_file), wanted, lambda _why, _delay_s: is_waiting.set()) as (
            filler,
            (plan,),
        ):
            filling = asyncio.create_task(filler.carry_out(plan, Tally(), lambda _done, _total: None))
            await asyncio.wait_for(is_waiting.wait(), 60)
            live = replace(filler.fetcher, api=VENDORS["strava"].api)
            outcomes = [await live.get(Resource(ACCOUNT, "activity", f"{it.yesterday:%Y%m%d}")) for _ in range(25)]
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)

        assert [Got] * 25 == [type(outcome) for outcome in outcomes]


async def test_everybody_who_is_connected(past: Callable[..., Any]) -> None:
    """
    One after the other; who took the permission back is none of them.
    """
    async with past("polar") as it:
        await it.site.pool.execute(
            "INSERT INTO vendor_grant (vendor, account, user_id, sealed, expires_at, scopes, state) "
            "VALUES ('polar', 'another', 'eve', '', now(), '{}', 'withdrawn')"
        )
        days = ("--from", f"{it.yesterday}", "--to", f"{it.yesterday}", "--env-file", str(it.env_file))
        outcome = await it.site.run("backfill", "polar", "--all-connected", *days, "--json")

        assert (outcome.code, [person["user"] for person in outcome.document["people"]]) == (0, [it.user])
        assert await it.published() == 4


async def test_an_answer_that_is_larger_than_a_message_is_asked_for_in_halves(past: Callable[..., Any]) -> None:
    """
    Windows are halved until their answers fit; a day that does not fit by itself is named, and takes no other with it.
    """
    async with past("oura") as it:
        week = Window(it.today - timedelta(days=7), it.yesterday)
        await it.limit("max_msg_size", 3_500)
        plan, tally = await it.fill(week)
        assert (tally.lacking, tally.windows > len(plan.portions)) == ([], True)
        await it.limit("max_msg_size", 1_200)
        _, too_small = await it.fill(week, again=True)

        errors = {lacking.error for lacking in too_small.lacking}
        assert errors == {"the answer of this day is larger than a message may be"}
        assert {lacking.portion.window.days for lacking in too_small.lacking} == {1}
        assert too_small.windows > 0


async def test_a_full_stream_is_waited_for(past: Callable[..., Any]) -> None:
    """
    What the stream does not take is neither lost nor on record; there is room again, and it goes on.
    """
    async with past("withings") as it:
        await it.limit("max_bytes", 1)
        with pytest.raises(Unavailable, match="AA_VENDOR_HOT takes no more messages"):
            await it.fill(it.window, patience_s=1)
        assert await it.site.pool.fetchval("SELECT count(*) FROM backfill_window") == 0
        await it.limit("max_bytes", 1_000_000)
        plan, tally = await it.fill(it.window)

        assert (tally.windows, await it.published()) == (len(plan.portions), len(plan.portions))


async def test_a_dry_run_asks_for_nothing(past: Callable[..., Any]) -> None:
    """
    It lists every window, and what the vendor does not have any more with its documentation; exit code 2 says so.
    """
    async with past("polar") as it:
        before = it.api.requests
        outcome = await it.site.run(
            *it.command(Window(it.today - timedelta(days=400), it.yesterday), "--dry-run", "--json")
        )
        (person,) = outcome.document["people"]

        assert (outcome.code, it.api.requests, await it.published()) == (2, before, 0)
        listings = [each["listing"] for each in person["planned"]]
        assert {name: listings.count(name) for name in set(listings)} == {
            "SLEEP": 27,
            "NIGHTLY_RECHARGE": 27,
            "ACTIVITY_SUMMARY_LIST": 13,
            "EXERCISE_LIST": 1,
        }
        beyond = {each["listing"]: (each["from"], each["docs"]) for each in person["not_at_the_vendor"]}
        first = f"{date.fromordinal(it.today.toordinal() - 400)}"
        assert beyond["SLEEP"] == (first, "https://www.polar.com/accesslink-api/#list-nights")
        assert set(beyond) == {"SLEEP", "NIGHTLY_RECHARGE", "ACTIVITY_SUMMARY_LIST", "EXERCISE_LIST"}


async def test_who_is_not_connected_is_named_before_anything_is_asked(past: Callable[..., Any]) -> None:
    """
    One of two people never connected: exit code 3 with the remedy, and the vendor is asked for neither.
    """
    async with past("oura") as it:
        before = it.api.requests
        outcome = await it.site.run(*it.command(it.window, "--user", "bob"))

        assert (outcome.code, it.api.requests) == (3, before)
        assert "--user bob: did not connect an account at oura" in outcome.err
        assert "athlete-ally connect link oura --user bob" in outcome.err
