"""Dry runs of normalising and unpacking: what the workers would do with deliveries, without any effect."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from athlete_ally.core.broker.topology import normalize_durable, raw_subject
from athlete_ally.core.dry_run import DryRun, DryRunResult
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.record import Record
from athlete_ally.core.receipts import Rejected
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Unpacked
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.normalize.dead_letters import printable
from athlete_ally.normalize.prepare import dead_lettered_whole, prepare, received_at
from athlete_ally.normalize.unpack import Parcel, dead_lettered, grant_of, open_document, open_webhook, sort_out

# What is published comes after everything that the stream holds.
_LAST = 2**62
_Opened = TypeVar("_Opened")
_STAND_IN = "somebody"
_NOT_TOLD = "whose account it is can't be told without the database; nothing else is wrong with it"


class AccountLookup(Protocol):
    """Looks at what unpacking needs to know, without changing it. All of it raises `Unavailable`."""

    async def people(self, vendor: str, accounts: Sequence[str]) -> Mapping[str, str]:
        """Return our user id by account, for those that are known."""
        ...

    async def owner(self, vendor: str, grant: int) -> Account | None:
        """Return whose data was fetched with a grant."""
        ...

    async def on_record(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these messages of readings were dealt with before."""
        ...


def normaliser(measurement: Measurement, rules: Rules) -> DryRun:
    """Return the dry run of a kind's durable."""

    async def dry_run(deliveries: Sequence[Delivery]) -> list[DryRunResult]:
        return [_normalised(measurement, rules, each) for each in deliveries]

    return dry_run


def _normalised(measurement: Measurement, rules: Rules, delivery: Delivery) -> DryRunResult:
    try:
        request = prepare(measurement, delivery, rules)
    except Exception as error:  # noqa: BLE001  # a bug of today's code is an answer: it would fail again
        request = dead_lettered_whole(delivery, "max-deliver", type(error).__name__)
    return DryRunResult({measurement.kind: request.records}, rejected=request.rejected)


@dataclass(frozen=True, slots=True)
class UnpackDryRun:
    """The dry run of a vendor's durable: unpacks, then normalises what would be published.

    Without `webhook_store` it does as if every account was somebody's, and says of what passes that it can't be told.
    """

    vendor: Vendor
    kinds: Mapping[str, Measurement]
    rules: Rules
    webhook_store: AccountLookup | None

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[DryRunResult]:
        """Return the predicted outcome of each. See `DryRun`."""
        owners = await self._owners(deliveries)
        opened = [_or_crash(lambda each=each: self._open(each, owners)) for each in deliveries]
        people = await self._people(opened)
        pairs = zip(deliveries, opened, strict=True)
        parcels = [_or_crash(lambda each=each, it=it: self._sorted(each, it, owners, people)) for each, it in pairs]
        on_record = await self._on_record(parcels)
        return [
            self._result(each, it, parcel, on_record)
            for each, it, parcel in zip(deliveries, opened, parcels, strict=True)
        ]

    def _open(self, delivery: Delivery, owners: Mapping[int, Account]) -> Unpacked | Parcel:
        grant, at = grant_of(delivery), received_at(delivery)
        if grant is None:
            return open_webhook(self.vendor, delivery, at)
        return open_document(self.vendor, delivery, owners.get(grant), at)

    def _sorted(
        self,
        delivery: Delivery,
        opened: Unpacked | Parcel,
        owners: Mapping[int, Account],
        people: Mapping[str, str],
    ) -> Parcel:
        if isinstance(opened, Parcel):
            return opened
        owner = owners.get(grant_of(delivery) or 0)
        known = {owner.account: owner.user_id} if owner else people
        return sort_out(opened, known, self.kinds, delivery, received_at(delivery))

    async def _owners(self, deliveries: Sequence[Delivery]) -> dict[int, Account]:
        grants = {grant for each in deliveries if (grant := grant_of(each))}
        if self.webhook_store is None:
            return {grant: Account(self.vendor.name, _STAND_IN, _STAND_IN) for grant in grants}
        found = {grant: await self.webhook_store.owner(self.vendor.name, grant) for grant in sorted(grants)}
        return {grant: owner for grant, owner in found.items() if owner}

    async def _people(self, opened: Iterable[Unpacked | Parcel]) -> Mapping[str, str]:
        unpacked = [each for each in opened if isinstance(each, Unpacked)]
        accounts = sorted({found.account for each in unpacked for found in (*each.found, *each.deleted)})
        if self.webhook_store is None:
            return dict.fromkeys(accounts, _STAND_IN)
        return await self.webhook_store.people(self.vendor.name, accounts) if accounts else {}

    async def _on_record(self, parcels: Iterable[Parcel]) -> frozenset[str]:
        identities = [message.message_id for parcel in parcels for message in parcel.messages]
        return await self.webhook_store.on_record(identities) if self.webhook_store and identities else frozenset()

    def _result(
        self, delivery: Delivery, opened: Unpacked | Parcel, parcel: Parcel, on_record: frozenset[str]
    ) -> DryRunResult:
        """Return what follows from a webhook; what fails to be normalised would be a letter of its own."""
        fresh = [message for message in parcel.messages if message.message_id not in on_record]
        each = [self._followed(message, delivery) for message in fresh]
        records: dict[str, tuple[Record, ...]] = {}
        for one in each:
            for kind, some in one.records.items():
                records[kind] = (*records.get(kind, ()), *some)
        rejected = [Rejected(it.index, it.reason, printable(it.error)) for it in parcel.failed]
        whole = DryRunResult(
            records,
            duplicate=parcel.readings - sum(one.passed + len(one.rejected) for one in each),
            ignored=_ignored(opened, parcel),
            rejected=(*rejected, *(it for one in each for it in one.rejected)),
        )
        if self.webhook_store is None and parcel.readings and not whole.rejected:
            return replace(whole, records={}, unknown=_NOT_TOLD)
        return whole

    def _followed(self, message: OutgoingMessage, webhook: Delivery) -> DryRunResult:
        """Return the predicted outcome of a message that the webhook leads to."""
        measurement = next(each for kind, each in self.kinds.items() if raw_subject(kind) == message.subject)
        delivery = replace(
            webhook,
            stream=message.stream,
            sequence=_LAST,
            subject=message.subject,
            consumer=normalize_durable(measurement.kind),
            body=message.body,
            headers={**message.headers, headers.MSG_ID: message.message_id},
        )
        done = _normalised(measurement, self.rules, delivery)
        named = [replace(it, error=f"{measurement.kind}: {it.error} (in a letter of its own)") for it in done.rejected]
        return replace(done, rejected=tuple(named))


def _ignored(opened: Unpacked | Parcel, parcel: Parcel) -> int:
    """Count items that nothing follows from: of no type or kind of ours, or that only name something."""
    if isinstance(opened, Parcel):
        return 0
    lost = len(opened.found) + len(opened.deleted) + len(opened.unusable) - parcel.readings - len(parcel.failed)
    return opened.ignored + len(opened.resources) + lost


def _or_crash(work: Callable[[], _Opened]) -> _Opened | Parcel:
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # a bug of today's code is an answer: it would fail again
        return dead_lettered("max-deliver", type(error).__name__)
