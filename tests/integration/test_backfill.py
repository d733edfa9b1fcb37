"""What a back-fill has on record, and what it leaves to others."""

from datetime import date
from typing import Any

from athlete_ally.adapters.postgres.backfill_store import PostgresBackfillStore
from athlete_ally.adapters.postgres.person_data import PostgresPersonData
from athlete_ally.adapters.postgres.request_budget import PostgresRequestBudget
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.history import Listing, Portion, Window
from athlete_ally.fetch.backfill import sparing
from athlete_ally.measurements import MEASUREMENTS
from athlete_ally.vendors import PLUGINS

NIGHTS = Listing("nights", lambda _window: Call("/"), longest_days=30, docs="https://example.org")
MARCH = Portion(NIGHTS, Window(date(2026, 3, 1), date(2026, 3, 30)))
_GRANT = (
    "INSERT INTO vendor_grant (vendor, account, user_id, sealed, expires_at, scopes) "
    "VALUES ('oura', $1, $2, '', now(), '{}') RETURNING id"
)


async def test_a_window_is_on_record_once(pool: Any) -> None:
    """
    Remembered twice it is one row, of its person only; it covers itself once it was over.
    """
    backfill_store = PostgresBackfillStore(pool)
    ada, eve = [await pool.fetchval(_GRANT, f"account-{user}", user) for user in ("ada", "eve")]
    await backfill_store.remember(ada, MARCH, 1)
    await backfill_store.remember(ada, MARCH, 2)
    (had,) = await backfill_store.had(ada)

    assert (had.type, had.window, had.covers(MARCH), list(await backfill_store.had(eve))) == (
        "nights",
        MARCH.window,
        True,
        [],
    )
    assert await pool.fetchval("SELECT answers FROM backfill_window") == 2


async def test_it_goes_with_its_person(pool: Any) -> None:
    """
    Erasing a person removes the windows of their back-fill.
    """
    backfill_store = PostgresBackfillStore(pool)
    ada, eve = [await pool.fetchval(_GRANT, f"account-{user}", user) for user in ("ada", "eve")]
    for grant in (ada, eve):
        await backfill_store.remember(grant, MARCH, 1)
    await PostgresPersonData(pool, MEASUREMENTS).erase("ada", lambda _what, _done, _total: None)

    assert [row["grant_id"] for row in await pool.fetch("SELECT grant_id FROM backfill_window")] == [eve]


async def test_live_requests_have_the_last_quarter(pool: Any) -> None:
    """
    A back-fill that asks as often as it may stops at three quarters of each limit; live requests go on to the end.
    """
    budget = PostgresRequestBudget(pool)
    for vendor in PLUGINS:
        if vendor.api is None or min(rate.requests for rate in vendor.api.rates) > 150:
            continue
        allowed = min(rate.requests for rate in vendor.api.rates)
        spared = 0
        while await budget.take(vendor.name, sparing(vendor.api).rates) == 0:
            spared += 1
        live = 0
        while await budget.take(vendor.name, vendor.api.rates) == 0:
            live += 1

        assert (spared, live) == (allowed * 3 // 4, allowed - allowed * 3 // 4), vendor.name
