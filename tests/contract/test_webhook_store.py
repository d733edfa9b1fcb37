"""What the `WebhookStore` port promises, kept by PostgreSQL and by the fake alike."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import pytest
from support.fake_webhook_store import FakeWebhookStore
from support.samples import NOON

from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.parent import Parent
from athlete_ally.core.receipts import Rejected
from athlete_ally.core.vendor.webhook import Renamed
from athlete_ally.core.vendor.webhook_store import Account, WebhookReceipt, WebhookStore

RECEIPT = WebhookReceipt(
    message_id="w1",
    stream="AA_VENDOR_HOT",
    sequence=1,
    vendor="garmin",
    result="unpacked",
    readings=3,
    resources=1,
    dead_lettered=0,
    received_at=NOON,
    stored_at=NOON,
    trace_id=None,
)
PLACE = ("w1", "AA_VENDOR_HOT", 1, NOON)
_RECEIPTS = """
SELECT message_id, stream, sequence, vendor, result, readings, resources, dead_lettered, received_at, stored_at,
    trace_id, parent_id, parent_sequence, replay_of, rejected
FROM webhook_receipt ORDER BY sequence
"""
_GRANT = """
INSERT INTO vendor_grant (vendor, account, user_id, sealed, expires_at, scopes, state)
VALUES ($1, $2, $3, '', now(), '{}', 'withdrawn') RETURNING id
"""


class Bench(Protocol):
    """A store, and what is in it."""

    webhook_store: WebhookStore

    async def link(self, *accounts: Account) -> None:
        """Say whose these accounts are."""
        ...

    async def grant(self, account: Account) -> int:
        """Keep a permission that was withdrawn meanwhile, and return its number."""
        ...

    async def withdrawn(self) -> set[tuple[str, str]]:
        """Return vendor and account of those who withdrew."""
        ...

    async def receipts(self) -> list[WebhookReceipt]:
        """Return what is on record, by sequence."""
        ...

    async def take_away(self) -> None:
        """Make the database unreachable."""
        ...


class FakeBench:
    """The fake."""

    def __init__(self) -> None:
        """Start empty."""
        self._fake = FakeWebhookStore()
        self.webhook_store: WebhookStore = self._fake

    async def link(self, *accounts: Account) -> None:
        """See the bench."""
        self._fake.accounts |= {(each.vendor, each.account): each.user_id for each in accounts}

    async def grant(self, account: Account) -> int:
        """See the bench."""
        number = len(self._fake.owners) + 1
        self._fake.owners[account.vendor, number] = account
        return number

    async def withdrawn(self) -> set[tuple[str, str]]:
        """See the bench."""
        return self._fake.withdrawn

    async def receipts(self) -> list[WebhookReceipt]:
        """See the bench."""
        return sorted(self._fake.receipts.values(), key=lambda each: each.sequence)

    async def take_away(self) -> None:
        """See the bench."""
        self._fake.unavailable = True


class RealBench:
    """A real PostgreSQL."""

    def __init__(self, pool: Any) -> None:
        """Use this pool."""
        self._pool = pool
        self._real = PostgresWebhookStore(pool)
        self.webhook_store: WebhookStore = self._real

    async def link(self, *accounts: Account) -> None:
        """See the bench."""
        await self._real.link(accounts)

    async def grant(self, account: Account) -> int:
        """See the bench."""
        return await self._pool.fetchval(_GRANT, account.vendor, account.account, account.user_id)

    async def withdrawn(self) -> set[tuple[str, str]]:
        """See the bench."""
        rows = await self._pool.fetch("SELECT vendor, account FROM vendor_account WHERE withdrawn_at IS NOT NULL")
        return {(row["vendor"], row["account"]) for row in rows}

    async def receipts(self) -> list[WebhookReceipt]:
        """See the bench."""
        return [_receipt(dict(row)) for row in await self._pool.fetch(_RECEIPTS)]

    async def take_away(self) -> None:
        """See the bench."""
        await self._pool.close()


def _receipt(row: dict[str, Any]) -> WebhookReceipt:
    parent_id, parent_sequence = row.pop("parent_id"), row.pop("parent_sequence")
    parent = None if parent_id is None else Parent(parent_id, parent_sequence)
    rejected = tuple(Rejected(**each) for each in json.loads(row.pop("rejected")))
    return WebhookReceipt(**row, parent=parent, rejected=rejected)


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Run each test over the fake and over the real database."""
    return FakeBench() if request.param == "fake" else RealBench(request.getfixturevalue("pool"))


async def test_people_are_known_by_vendor_and_account(bench: Bench) -> None:
    """
    Those who are linked at this vendor, and nobody else: the same account at another vendor is another person's.
    """
    await bench.link(Account("garmin", "1", "anna"), Account("terra", "1", "bert"), Account("garmin", "2", "carla"))

    assert await bench.webhook_store.people("garmin", ["1", "2", "3"]) == {"1": "anna", "2": "carla"}
    assert await bench.webhook_store.people("terra", ["1", "2"]) == {"1": "bert"}
    assert await bench.webhook_store.people("terra", []) == {}


async def test_an_account_may_be_any_text(bench: Bench) -> None:
    """
    What a vendor sends as an account comes from outside: quotes, other scripts and a NUL are people whom nobody knows.
    """
    strange = ["'; --", "ключ", "a\0b", "\0", ""]
    await bench.link(Account("garmin", "ключ", "anna"))

    assert await bench.webhook_store.people("garmin", strange) == {"ключ": "anna"}
    await bench.webhook_store.withdraw("garmin", strange)
    assert await bench.withdrawn() == {("garmin", "ключ")}


async def test_a_withdrawal_concerns_one_vendor_and_may_be_repeated(bench: Bench) -> None:
    """
    The person is on record as having withdrawn there; what was sent before and comes late is still theirs.
    """
    await bench.link(Account("garmin", "1", "anna"), Account("terra", "1", "anna"))
    for _ in range(2):
        await bench.webhook_store.withdraw("garmin", ["1", "unknown"])

    assert await bench.withdrawn() == {("garmin", "1")}
    assert await bench.webhook_store.people("garmin", ["1"]) == {"1": "anna"}


async def test_a_new_account_is_the_person_of_the_old_one(bench: Bench) -> None:
    """
    At one vendor, repeated or not; an account that is linked already keeps its person, and nobody's stays nobody's.
    """
    await bench.link(Account("terra", "t-1", "anna"), Account("terra", "t-3", "bert"), Account("oura", "t-1", "carl"))
    renamed = [Renamed("t-1", "t-2"), Renamed("t-1", "t-3"), Renamed("t-8", "t-9"), Renamed("\0", "t-7")]
    await bench.webhook_store.rename("terra", renamed)
    await bench.webhook_store.rename("terra", renamed)

    assert await bench.webhook_store.people("terra", ["t-1", "t-2", "t-3", "t-7", "t-8", "t-9"]) == {
        "t-1": "anna",
        "t-2": "anna",
        "t-3": "bert",
    }


async def test_a_grant_has_an_owner_in_every_state(bench: Bench) -> None:
    """
    What was fetched with a permission belongs to its person, even if it was withdrawn since; at another vendor, or
    under a number that was never given, it is nobody's.
    """
    anna = Account("whoop", "4000", "anna")
    number = await bench.grant(anna)

    assert await bench.webhook_store.owner("whoop", number) == anna
    assert [await bench.webhook_store.owner("oura", number), await bench.webhook_store.owner("whoop", 0)] == [
        None,
        None,
    ]
    assert await bench.webhook_store.owner("whoop", 999_999_999) is None


async def test_what_is_remembered_is_known_by_its_whole_place(bench: Bench) -> None:
    """
    Id, stream, sequence and time: elsewhere, or in another life of the stream, the same id is another message.
    """
    await bench.webhook_store.remember(RECEIPT)
    later = NOON + timedelta(hours=1)
    others = [("w2", *PLACE[1:]), ("w1", "AA_CORE_HOT", 1, NOON), ("w1", "AA_VENDOR_HOT", 2, NOON), (*PLACE[:3], later)]

    assert await bench.webhook_store.known([PLACE, *others]) == {PLACE}
    assert await bench.webhook_store.known([]) == frozenset()


async def test_the_first_receipt_stays(bench: Bench) -> None:
    """
    Remembered again with another result: the first is on record, whole, and the second changes nothing.
    """
    whole = replace(
        RECEIPT,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        parent=Parent("p1", 7),
        replay_of="letter-1",
        rejected=(Rejected(2, "unknown-account", "no person is linked"),),
        dead_lettered=1,
    )
    await bench.webhook_store.remember(whole)
    await bench.webhook_store.remember(replace(RECEIPT, result="dlq", readings=0))
    await bench.webhook_store.remember(replace(RECEIPT, sequence=2))

    assert await bench.receipts() == [whole, replace(RECEIPT, sequence=2)]


async def test_starts_alone_are_counted_until_there_is_a_receipt(bench: Bench) -> None:
    """
    Each message has a count of its own, which counts earlier starts only and is forgotten once it is remembered.
    """
    starts = [await bench.webhook_store.start_alone(*PLACE[:3]) for _ in range(3)]
    other = await bench.webhook_store.start_alone("w2", "AA_VENDOR_HOT", 2)
    await bench.webhook_store.remember(RECEIPT)
    after = [await bench.webhook_store.start_alone(*place) for place in (PLACE[:3], ("w2", "AA_VENDOR_HOT", 2))]

    assert (starts, other, after) == ([0, 1, 2], 0, [0, 1])


async def test_a_webhook_that_was_only_put_off_has_no_starts(bench: Bench) -> None:
    """
    Its count begins anew, those of others stay, and it has no receipt.
    """
    for place in (PLACE[:3], ("w2", "AA_VENDOR_HOT", 2)):
        await bench.webhook_store.start_alone(*place)
    await bench.webhook_store.end_alone("w1")
    after = [await bench.webhook_store.start_alone(*place) for place in (PLACE[:3], ("w2", "AA_VENDOR_HOT", 2))]

    assert (after, await bench.receipts()) == ([0, 1], [])


async def test_an_absent_database_is_unavailable(bench: Bench) -> None:
    """
    Every call raises the error of an outage, which dead-letters no webhook.
    """
    await bench.take_away()
    webhook_store = bench.webhook_store
    calls = (
        lambda: webhook_store.people("garmin", ["1"]),
        lambda: webhook_store.owner("garmin", 1),
        lambda: webhook_store.withdraw("garmin", ["1"]),
        lambda: webhook_store.known([PLACE]),
        lambda: webhook_store.remember(RECEIPT),
        lambda: webhook_store.start_alone(*PLACE[:3]),
        lambda: webhook_store.end_alone("w1"),
    )
    for call in calls:
        with pytest.raises(Unavailable):
            await call()
