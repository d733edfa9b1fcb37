"""The worker of one vendor: pull webhooks, get what they name, publish it as received, settle."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from athlete_ally.core.broker import topology
from athlete_ally.core.errors import InvalidMessage, Later, MessageTooLarge, StreamFull
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.messages.trace import about, trace_id
from athlete_ally.core.ports import Inbox, Log, Now, Observer, Publisher, Tracing
from athlete_ally.core.receipts import Rejected
from athlete_ally.core.series import FetchSeries
from athlete_ally.core.vendor.plugin import Vendor
from athlete_ally.core.vendor.webhook import Resource, Unpacked, Webhook
from athlete_ally.core.vendor.webhook_store import FetchReceipt, WebhookReceipt
from athlete_ally.core.verdict import Ack, DeadLetter, Reason, Retry, RetryPolicy, Verdict, decide
from athlete_ally.fetch.dead_letters import dead_letter, fetched
from athlete_ally.fetch.resource import Fetcher, Got, Hopeless, Nothing, Outcome
from athlete_ally.normalize.consumer_loop import FULL_DELAY_S, ConsumerLoop
from athlete_ally.normalize.prepare import identity_of, replay_of
from athlete_ally.normalize.retry import Stopping, UnboundedRetry

# Resources asked for at once: polite to one vendor, and far above what any of them allows in the long run.
_AT_ONCE = 16
# Put off again and again while a vendor is down: soon at first, then every ten minutes until the stream's age ends it.
_LONGEST_DELAY_S = 600.0
_LONGEST_PAUSE_S = 30.0


class AccountLookup(Protocol):
    """Keeps the receipts of webhooks, and the outcomes of replays. See `WebhookStore`."""

    async def remember_fetch(self, receipt: FetchReceipt) -> None:
        """Put on record that fetch is done with a webhook. May be repeated."""
        ...

    async def remember(self, receipt: WebhookReceipt) -> None:
        """Put the outcome of a replay on record. May be repeated."""
        ...


@dataclass(frozen=True, slots=True)
class FetchTools:
    """What a worker works with."""

    inbox: Inbox
    publisher: Publisher
    fetcher: Fetcher
    webhook_store: AccountLookup
    retry: UnboundedRetry
    observer: Observer
    series: FetchSeries
    tracing: Tracing
    log: Log
    now: Now
    jitter: Callable[[], float]


class FetchWorker:
    """Handles the deliveries of one vendor until told to stop; other vendors have workers of their own."""

    def __init__(self, vendor: Vendor, tools: FetchTools, policy: RetryPolicy) -> None:
        """Prepare; `run` does the work."""
        self._vendor = vendor
        self._tools = tools
        self._loop = ConsumerLoop(tools.inbox, tools.publisher, tools.retry)
        self._policy = policy
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is in progress then is finished, or delivered again."""

        async def turn() -> None:
            await self.handle(await self._loop.pull(_AT_ONCE))
            await self._pause(stop)

        await self._loop.work(turn, stop)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Deal with these deliveries, side by side."""
        async with self._loop.keep(deliveries):
            ended = await asyncio.gather(*map(self._handle, deliveries), return_exceptions=True)
        put_off = [verdict for verdict in ended if isinstance(verdict, Retry)]
        # The vendor is down only when it answers for nobody: one person's problem does not stop the others.
        self._failures = self._failures + 1 if deliveries and len(put_off) == len(deliveries) else 0
        for verdict in ended:
            if isinstance(verdict, BaseException):
                raise verdict

    async def _pause(self, stop: asyncio.Event) -> None:
        """Leave a vendor alone that answered nobody, longer each time."""
        self._tools.observer.set(self._tools.series.paused, self._vendor.name, value=float(self._failures > 0))
        if self._failures:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(2.0 ** (self._failures - 2), _LONGEST_PAUSE_S))

    async def _handle(self, delivery: Delivery) -> Verdict:
        tools = self._tools
        try:
            verdict, messages = await self._work(delivery)
        except Later as error:
            verdict, messages = Retry(self._delay_s(delivery, error.delay_s)), []
            self._count("later")
        except Stopping:
            raise
        except Exception as error:  # noqa: BLE001  # the one place where a bug of ours becomes a verdict
            verdict, messages = decide(error, delivery.attempt, self._policy), []
            # Its text may hold a person's data, so that only its type is logged.
            tools.log.error("unforeseen", type=type(error).__name__, **about(delivery))  # noqa: TRY400
            if isinstance(verdict, DeadLetter):
                text = type(error).__name__
                messages = [dead_letter(self._vendor.name, delivery, verdict.reason, text, at=tools.now())]
        # A letter that is replayed is still there, and stands for what failed again.
        letter = replay_of(delivery)
        again = [message for message in messages if letter is not None and message.stream == topology.DLQ]
        try:
            for message in messages:
                if message in again:
                    continue
                await self._loop.publish([message])
                self._count_letter(message)
        except (StreamFull, MessageTooLarge) as error:
            tools.log.warning("given-back", error=str(error), **about(delivery))
            verdict = Retry(FULL_DELAY_S)
        if not isinstance(verdict, Retry):
            await self._remember(delivery, messages, again)
        await self._loop.settle(delivery, verdict)
        tools.log.info("settled", vendor=self._vendor.name, verdict=type(verdict).__name__, **about(delivery))
        return verdict

    async def _remember(
        self, delivery: Delivery, messages: Sequence[OutgoingMessage], again: Sequence[OutgoingMessage]
    ) -> None:
        """Record what was done, and the outcome of a replay."""
        tools, letter = self._tools, replay_of(delivery)
        dead = sum(message.stream == topology.DLQ for message in messages)
        place = (identity_of(delivery), delivery.stream, delivery.sequence)
        done = FetchReceipt(*place, self._vendor.name, len(messages) - dead, dead, delivery.stored_at)
        await tools.retry.until_done(lambda: tools.webhook_store.remember_fetch(done))
        if letter is not None:
            receipt = self._receipt(delivery, letter, fetched=len(messages) - dead, again=again)
            await tools.retry.until_done(lambda: tools.webhook_store.remember(receipt))

    def _receipt(
        self, delivery: Delivery, letter: str, *, fetched: int, again: Sequence[OutgoingMessage]
    ) -> WebhookReceipt:
        """Return the receipt of a replay: the replayer has no other way to learn the outcome."""
        reason: Reason = "non-retryable"
        rejected = [Rejected(index, reason, each.headers[headers.DLQ_ERROR]) for index, each in enumerate(again)]
        return WebhookReceipt(
            message_id=identity_of(delivery),
            stream=delivery.stream,
            sequence=delivery.sequence,
            vendor=self._vendor.name,
            result="dlq" if again else "named",
            readings=0,
            resources=fetched,
            dead_lettered=len(again),
            received_at=delivery.stored_at,
            stored_at=delivery.stored_at,
            trace_id=trace_id(delivery.headers.get(headers.TRACEPARENT)),
            replay_of=letter,
            rejected=tuple(rejected),
        )

    async def _work(self, delivery: Delivery) -> tuple[Verdict, list[OutgoingMessage]]:
        """Return what to do with a delivery, and what has to be in the streams before it is done."""
        try:
            unpacked = self._vendor.unpack(Webhook(delivery.body, delivery.headers, delivery.stored_at))
        except InvalidMessage:
            # The unpacker writes the dead letter; one is enough.
            unpacked = Unpacked()
        for account in unpacked.withdrawn:
            await self._tools.retry.until_done(lambda account=account: self._tools.fetcher.withdraw(account))
            self._count("withdrawn")
        verdict: Verdict = Ack()
        messages: list[OutgoingMessage] = []
        for resource in unpacked.resources:
            with self._tools.tracing.step(f"fetch {self._vendor.name}", delivery.headers):
                outcome = await self._tools.retry.until_done(lambda r=resource: self._tools.fetcher.get(r))
            outcome = _that_fits(outcome)
            messages += self._messages(delivery, resource, outcome)
            if isinstance(outcome, Hopeless):
                verdict = DeadLetter("non-retryable")
        return verdict, messages

    def _messages(self, delivery: Delivery, resource: Resource, outcome: Outcome) -> list[OutgoingMessage]:
        at = self._tools.now()
        match outcome:
            case Got(grant, body):
                self._count("fetched")
                return [fetched(self._vendor.name, grant.id, resource.type, body, at=at, webhook=delivery)]
            case Nothing(result):
                self._count(result)
                return []
            case Hopeless(result, error):
                self._count(result)
                return [dead_letter(self._vendor.name, delivery, "non-retryable", error, at=at)]

    def _delay_s(self, delivery: Delivery, asked_s: float) -> float:
        backoff_s = min(2.0 ** min(delivery.attempt - 1, 16), _LONGEST_DELAY_S)
        return max(asked_s, backoff_s) * (1 + self._tools.jitter() / 2)

    def _count_letter(self, message: OutgoingMessage) -> None:
        if message.stream == topology.DLQ:
            durable, reason = topology.fetch_durable(self._vendor.name), message.headers[headers.DLQ_REASON]
            self._tools.observer.count(self._tools.series.dead_letters, durable, reason, message.subject)

    def _count(self, result: str) -> None:
        self._tools.observer.count(self._tools.series.resources, self._vendor.name, result)


def _that_fits(outcome: Outcome) -> Outcome:
    """Return the outcome, or what follows from an answer that no message can hold: asking again would not help."""
    if isinstance(outcome, Got) and len(outcome.body) > topology.MAX_BODY_BYTES:
        return Hopeless("refused", "the vendor's answer is larger than a message may be")
    return outcome
