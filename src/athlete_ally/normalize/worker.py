"""The worker of one durable: pull, prepare, store, dead-letter, announce, settle; then pull again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from athlete_ally.core.circuit_breaker import Outcome
from athlete_ally.core.errors import MessageTooLarge, StreamFull
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.messages.sender import sender_of
from athlete_ally.core.ports import Inbox, Now, Publisher, Store
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.receipts import Receipt, StoreRequest
from athlete_ally.core.verdict import Ack, DeadLetter, Retry, RetryPolicy, Verdict, decide, is_exhausted
from athlete_ally.normalize.announce import announcements
from athlete_ally.normalize.consumer_loop import FULL_DELAY_S, ConsumerLoop
from athlete_ally.normalize.dead_letters import dead_letters
from athlete_ally.normalize.lane_breaker import LaneBreaker
from athlete_ally.normalize.prepare import dead_lettered_whole, identity_of, prepare
from athlete_ally.normalize.report import Reporter
from athlete_ally.normalize.retry import UnboundedRetry


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker works with."""

    inbox: Inbox
    store: Store
    publisher: Publisher
    retry: UnboundedRetry
    reporter: Reporter
    now: Now


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker works at, and by which rules."""

    measurement: Measurement
    rules: Rules
    policy: RetryPolicy
    batch: int


class Worker:
    """Handles the deliveries of one durable, batch by batch, until told to stop."""

    def __init__(self, work: Work, tools: Tools, breaker: LaneBreaker) -> None:
        """Prepare; `run` does the work."""
        self._work = work
        self._tools = tools
        self._loop = ConsumerLoop(tools.inbox, tools.publisher, tools.retry)
        self._breaker = breaker

    @property
    def stopped(self) -> str:
        """Return since when and why the circuit breaker keeps this worker from storing; empty while it runs."""
        return self._breaker.problem

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is in progress then is finished, or left to be delivered again."""
        await self._loop.work(self._take_turn, stop, self._breaker)

    async def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Deal with these deliveries: the fresh ones together, and each that failed repeatedly by itself."""
        latest = list({delivery.sequence: delivery for delivery in deliveries}.values())
        together = [delivery for delivery in latest if delivery.attempt < self._work.policy.alone_from]
        async with self._loop.keep(latest):
            await self._handle_batch([(delivery, self._prepare(delivery)) for delivery in together])
            for delivery in latest:
                if delivery.attempt >= self._work.policy.alone_from and not self._breaker.is_tripped:
                    await self._handle_alone(delivery)

    async def _take_turn(self) -> None:
        await self.handle(await self._loop.pull(self._breaker.pull_limit(self._work.batch)))

    def _prepare(self, delivery: Delivery) -> StoreRequest | Retry:
        """Decode and normalise. An error that nobody foresaw concerns this message only."""
        try:
            return prepare(self._work.measurement, delivery, self._work.rules)
        except Exception as error:  # noqa: BLE001  # the one place where a bug of ours becomes a verdict
            verdict = decide(error, delivery.attempt, self._work.policy)
            self._tools.reporter.unforeseen(delivery, error)
            if isinstance(verdict, DeadLetter):
                return dead_lettered_whole(delivery, verdict.reason, type(error).__name__)
            return verdict if isinstance(verdict, Retry) else Retry(self._work.policy.backoff_s[0])

    async def _handle_alone(self, delivery: Delivery) -> None:
        """Handle a message that may kill the process, with a note in the database that outlives us."""
        started = await self._tools.retry.until_done(
            lambda: self._tools.store.start_alone(identity_of(delivery), delivery.stream, delivery.sequence)
        )
        if is_exhausted(delivery.attempt, started, self._work.policy):
            request = dead_lettered_whole(delivery, "max-deliver", f"handled {started} times and never came to an end")
            await self._handle_batch([(delivery, request)])
        else:
            await self._handle_batch([(delivery, self._prepare(delivery))])

    async def _handle_batch(self, prepared: Sequence[tuple[Delivery, StoreRequest | Retry]]) -> None:
        for delivery, outcome in prepared:
            if isinstance(outcome, Retry):
                await self._settle(delivery, outcome)
        requests = [(delivery, request) for delivery, request in prepared if isinstance(request, StoreRequest)]
        # The others stay unacknowledged and without a receipt, so that a fixed worker processes them again.
        requests = requests[: self._breaker.room_for([_expected(*each) for each in requests])]
        if not requests:
            return
        receipts = await self._tools.retry.until_done(
            lambda: self._tools.store.store(self._work.measurement, [request for _, request in requests])
        )
        for (delivery, request), receipt in zip(requests, receipts, strict=True):
            self._count_for_breaker(delivery, request, receipt)
        finished = await asyncio.gather(
            *(
                self._finish(delivery, request, receipt)
                for (delivery, request), receipt in zip(requests, receipts, strict=True)
            ),
            return_exceptions=True,
        )
        for outcome in finished:
            if outcome is not None:
                raise outcome

    def _count_for_breaker(self, delivery: Delivery, request: StoreRequest, receipt: Receipt) -> None:
        """Count a message once: what is redelivered because AA_DLQ is full is no further bad message.

        A failed replay says nothing about new messages, and a replay run has a limit of its own.
        """
        if receipt.is_redelivery or request.replay_of is not None:
            return
        failed = len(receipt.rejected)
        self._breaker.record(Outcome(sender_of(delivery.headers), request.readings - failed, failed))

    async def _finish(self, delivery: Delivery, request: StoreRequest, receipt: Receipt) -> None:
        """Carry out what follows from a receipt, in the safe order: dead letters, announcement, settlement."""
        at = self._tools.now()
        kind = self._work.measurement.kind
        # The letter that is replayed is still there, and the receipt says what failed again: no second one is made.
        letters = [] if request.replay_of else dead_letters(kind, delivery, request, receipt.rejected, at=at)
        told = announcements(self._work.measurement, delivery, request, receipt.stored, receipt.removed, at=at)
        try:
            await self._loop.publish((*letters, *told))
        except (StreamFull, MessageTooLarge) as error:
            self._tools.reporter.given_back(delivery, str(error))
            await self._settle(delivery, Retry(FULL_DELAY_S))
            return
        await self._settle(delivery, self._verdict(request, receipt))
        self._tools.reporter.settled(delivery, request, receipt, letters, at)

    async def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        await self._loop.settle(delivery, verdict)
        if isinstance(verdict, Retry):
            self._tools.reporter.retried(delivery)

    def _verdict(self, request: StoreRequest, receipt: Receipt) -> Verdict:
        """A message of which nothing was of use is terminated, all others are acknowledged."""
        if receipt.rejected and len(receipt.rejected) == request.readings:
            return DeadLetter(receipt.rejected[0].reason)
        return Ack()


def _expected(delivery: Delivery, request: StoreRequest) -> Outcome:
    """Return what the breaker is to count of a message if the database takes all its records."""
    failed = 0 if request.replay_of else len(request.rejected)
    used = 0 if request.replay_of else request.readings - failed
    return Outcome(sender_of(delivery.headers), used, failed)
