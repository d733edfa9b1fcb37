"""The worker of one vendor: pull webhooks, open them, publish what is in them, dead-letter the rest, settle."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from athlete_ally.core.broker import topology
from athlete_ally.core.circuit_breaker import Outcome
from athlete_ally.core.errors import MessageTooLarge, StreamFull
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.messages.parent import parent_of
from athlete_ally.core.messages.trace import about, trace_id
from athlete_ally.core.ports import Inbox, Log, Now, Observer, Publisher
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.receipts import Rejected
from athlete_ally.core.series import NormalizeSeries, UnpackSeries
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Unpacked, UnpackResult
from athlete_ally.core.vendor.webhook_store import Account, Place, WebhookReceipt, WebhookStore
from athlete_ally.core.verdict import Ack, DeadLetter, Retry, RetryPolicy, decide, is_exhausted
from athlete_ally.normalize.consumer_loop import FULL_DELAY_S, ConsumerLoop
from athlete_ally.normalize.dead_letters import printable
from athlete_ally.normalize.lane_breaker import LaneBreaker
from athlete_ally.normalize.prepare import identity_of, received_at, replay_of
from athlete_ally.normalize.retry import Stopping, UnboundedRetry
from athlete_ally.normalize.unpack import (
    Parcel,
    dead_lettered,
    grant_of,
    open_document,
    open_webhook,
    sort_out,
    webhook_letters,
)


@dataclass(frozen=True, slots=True)
class UnpackTools:
    """What an unpacker works with."""

    inbox: Inbox
    webhook_store: WebhookStore
    publisher: Publisher
    retry: UnboundedRetry
    observer: Observer
    series: UnpackSeries
    work_series: NormalizeSeries
    log: Log
    now: Now


class Unpacker:
    """Handles the webhooks of one vendor, until told to stop. The promises are those of `normalize.worker`."""

    def __init__(
        self,
        vendor: Vendor,
        kinds: Mapping[str, Measurement],
        tools: UnpackTools,
        breaker: LaneBreaker,
        *,
        policy: RetryPolicy,
        batch: int,
    ) -> None:
        """Prepare; `run` does the work."""
        self._vendor = vendor
        self._kinds = kinds
        self._tools = tools
        self._loop = ConsumerLoop(tools.inbox, tools.publisher, tools.retry)
        self._breaker = breaker
        self._policy = policy
        self._batch = batch
        self._durable = topology.unpack_durable(vendor.name)

    @property
    def stopped(self) -> str:
        """Return since when and why the circuit breaker keeps this worker from unpacking; empty while it runs."""
        return self._breaker.problem

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is in progress then is finished, or left to be delivered again."""
        await self._loop.work(self._take_turn, stop, self._breaker)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Deal with these webhooks one after the other: what fails or kills concerns one of them only."""
        latest = list({delivery.sequence: delivery for delivery in deliveries}.values())
        async with self._loop.keep(latest):
            asked = [_place(delivery) for delivery in latest]
            known = await self._tools.retry.until_done(lambda: self._tools.webhook_store.known(asked))
            # Those that failed repeatedly come last, each with a note in the database that outlives us.
            for delivery in sorted(latest, key=lambda each: each.attempt >= self._policy.alone_from):
                if self._breaker.is_tripped:
                    return
                if _place(delivery) in known:
                    await self._loop.settle(delivery, Ack())
                    self._count("duplicate")
                else:
                    await self._handle_one(delivery)

    async def _take_turn(self) -> None:
        await self.handle(await self._loop.pull(self._breaker.pull_limit(self._batch)))

    async def _handle_one(self, delivery: Delivery) -> None:
        if delivery.attempt >= self._policy.alone_from:
            started = await self._tools.retry.until_done(lambda: self._tools.webhook_store.start_alone(*_key(delivery)))
            if is_exhausted(delivery.attempt, started, self._policy):
                await self._finish(
                    delivery, dead_lettered("max-deliver", f"handled {started} times and never came to an end")
                )
                return
        outcome = await self._open(delivery)
        if isinstance(outcome, Retry):
            await self._loop.settle(delivery, outcome)
            self._count("retry")
        else:
            await self._finish(delivery, outcome)

    async def _open(self, delivery: Delivery) -> Parcel | Retry:
        """Open a webhook and sort its readings by person. An error that nobody foresaw concerns this webhook only."""
        at = received_at(delivery)
        try:
            grant = grant_of(delivery)
            if grant is None:
                unpacked = open_webhook(self._vendor, delivery, at)
                people = await self._people(unpacked)
            else:
                owner = await self._owner(grant)
                unpacked = open_document(self._vendor, delivery, owner, at)
                people = {owner.account: owner.user_id} if owner else {}
            if isinstance(unpacked, Parcel):
                return unpacked
            return sort_out(unpacked, people, self._kinds, delivery, at)
        except Stopping:
            raise
        except Exception as error:  # noqa: BLE001  # the one place where a bug of ours becomes a verdict
            self._unforeseen(delivery, error)
            verdict = decide(error, delivery.attempt, self._policy)
            if isinstance(verdict, DeadLetter):
                return dead_lettered("max-deliver", type(error).__name__)
            return verdict if isinstance(verdict, Retry) else Retry(self._policy.backoff_s[0])

    def _unforeseen(self, delivery: Delivery, error: Exception) -> None:
        # Its text may hold a reading: only its type is told.
        kind = type(error).__name__
        self._tools.log.error("unforeseen", durable=self._durable, type=kind, **about(delivery))

    async def _owner(self, grant: int) -> Account | None:
        name = self._vendor.name
        return await self._tools.retry.until_done(lambda: self._tools.webhook_store.owner(name, grant))

    async def _people(self, unpacked: Unpacked | Parcel) -> Mapping[str, str]:
        found = () if isinstance(unpacked, Parcel) else (*unpacked.found, *unpacked.deleted)
        accounts = sorted({each.account for each in found})
        if not accounts:
            return {}
        name = self._vendor.name
        return await self._tools.retry.until_done(lambda: self._tools.webhook_store.people(name, accounts))

    async def _finish(self, delivery: Delivery, parcel: Parcel) -> None:
        """Carry out what follows, in the safe order: readings, dead letters, receipt, settlement."""
        # A letter that is replayed is still there, and stands for what failed again.
        failed = () if replay_of(delivery) else parcel.failed
        letters = webhook_letters(self._vendor.name, delivery, _key(delivery)[0], failed, at=self._tools.now())
        try:
            await self._loop.publish((*parcel.messages, *letters))
        except (StreamFull, MessageTooLarge) as error:
            self._tools.log.warning("given-back", error=str(error), **about(delivery))
            # No room is no fault of the webhook: it did not kill us, however often it has to come back.
            await self._tools.retry.until_done(lambda: self._tools.webhook_store.end_alone(_key(delivery)[0]))
            await self._loop.settle(delivery, Retry(FULL_DELAY_S))
            return
        if parcel.renamed:
            await self._tools.retry.until_done(
                lambda: self._tools.webhook_store.rename(self._vendor.name, parcel.renamed)
            )
        if parcel.withdrawn:
            await self._tools.retry.until_done(
                lambda: self._tools.webhook_store.withdraw(self._vendor.name, parcel.withdrawn)
            )
        receipt = self._receipt(delivery, parcel)
        await self._tools.retry.until_done(lambda: self._tools.webhook_store.remember(receipt))
        is_dead = bool(parcel.failed) and not parcel.messages
        await self._loop.settle(delivery, DeadLetter(parcel.failed[0].reason) if is_dead else Ack())
        self._report(delivery, parcel, letters)

    def _receipt(self, delivery: Delivery, parcel: Parcel) -> WebhookReceipt:
        identity, stream, sequence = _key(delivery)
        return WebhookReceipt(
            message_id=identity,
            stream=stream,
            sequence=sequence,
            vendor=self._vendor.name,
            result=parcel.result,
            readings=parcel.readings,
            resources=parcel.resources,
            dead_lettered=len(parcel.failed),
            received_at=received_at(delivery),
            stored_at=delivery.stored_at,
            trace_id=trace_id(delivery.headers.get(headers.TRACEPARENT)),
            parent=parent_of(delivery.headers),
            replay_of=replay_of(delivery),
            rejected=_rejected(delivery, parcel),
        )

    def _report(self, delivery: Delivery, parcel: Parcel, letters: Sequence[OutgoingMessage]) -> None:
        self._count(parcel.result)
        series, name = self._tools.series, self._vendor.name
        self._tools.observer.count(series.readings, name, by=parcel.readings)
        self._tools.observer.count(series.resources, name, by=parcel.resources)
        for letter in letters:
            reason = letter.headers[headers.DLQ_REASON]
            self._tools.observer.count(self._tools.work_series.dead_letters, self._durable, reason, letter.subject)
        if replay_of(delivery) is None:
            self._breaker.record(_outcome(delivery, parcel))
        log = self._tools.log.warning if letters else self._tools.log.debug
        log("unpacked", vendor=name, result=parcel.result, readings=parcel.readings, **about(delivery))

    def _count(self, result: UnpackResult) -> None:
        self._tools.observer.count(self._tools.series.webhooks, self._vendor.name, result)


def _rejected(delivery: Delivery, parcel: Parcel) -> tuple[Rejected, ...]:
    if replay_of(delivery) is None:
        return ()
    return tuple(Rejected(each.index, each.reason, printable(each.error)) for each in parcel.failed)


def _outcome(delivery: Delivery, parcel: Parcel) -> Outcome:
    """Return what the circuit breaker counts.

    A webhook that can't be read does not say whose it is, and only a deploy of ours can fix that: each counts as a
    sender. An account that nobody linked yet says nothing about our code, and must not stop the others.
    """
    failed = not parcel.readings and any(each.reason != "unknown-account" for each in parcel.failed)
    return Outcome(_key(delivery)[0], used=int(not failed), failed=int(failed))


def _key(delivery: Delivery) -> tuple[str, str, int]:
    return identity_of(delivery), delivery.stream, delivery.sequence


def _place(delivery: Delivery) -> Place:
    return (*_key(delivery), delivery.stored_at)
