"""Carrying out verdicts, and keeping deliveries in progress meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest
from support.fakes import FakeInbox, dev_topology
from support.wait import eventually

from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.verdict import Ack, DeadLetter, Retry, Verdict
from athlete_ally.normalize.retry import kept_in_progress
from athlete_ally.normalize.settle import settle


def new_inbox(messages: int = 1) -> FakeInbox:
    """Return an inbox with so many messages."""
    inbox = FakeInbox(dev_topology().durable("normalize-hrv-durable"))
    for _ in range(messages):
        inbox.put(b"{}")
    return inbox


def tasks_left() -> int:
    """Return how many tasks run beside the test's own."""
    return len(asyncio.all_tasks()) - 1


async def take(inbox: FakeInbox) -> Sequence[Delivery]:
    """Return all deliveries."""
    return await inbox.fetch(10, 0.0)


@pytest.mark.parametrize(
    ("verdict", "effect"),
    [(Ack(), "ack"), (Retry(3.0), "retry"), (DeadLetter("max-deliver"), "terminate")],
)
async def test_a_verdict_is_carried_out_once(verdict: Verdict, effect: str) -> None:
    """
    Each verdict is one word to the broker, about this delivery.
    """
    inbox = new_inbox()
    (delivery,) = await take(inbox)
    await settle(inbox, delivery, verdict)

    assert [(effect, 1)] == inbox.effects


async def test_delay_and_reason_reach_the_broker() -> None:
    """
    A retry comes back when it should, and a termination says why.
    """
    inbox = new_inbox(2)
    first, second = await take(inbox)
    await settle(inbox, first, Retry(3.0))
    await settle(inbox, second, DeadLetter("schema-invalid"))

    assert (inbox.retried, inbox.terminated) == ([(1, 3.0)], [(2, "schema-invalid")])


async def test_unacknowledged_messages_are_kept_until_the_end() -> None:
    """
    The broker hears of every delivery again and again, and no more once the work is done.
    """
    inbox = new_inbox(2)
    async with kept_in_progress(inbox, await take(inbox), every_s=0.001):

        async def often() -> bool:
            return len(inbox.kept) >= 6

        await eventually(often)

    assert ({1, 2}, 0) == (set(inbox.kept), tasks_left())


async def test_a_broker_that_is_away_does_not_stop_the_work() -> None:
    """
    What can't be kept now is kept as soon as the broker is back; the work goes on meanwhile.
    """
    inbox = new_inbox()
    deliveries = await take(inbox)
    inbox.unavailable = True
    async with kept_in_progress(inbox, deliveries, every_s=0.001):
        await asyncio.sleep(0.005)
        heard_while_away = list(inbox.kept)
        inbox.unavailable = False

        async def again() -> bool:
            return bool(inbox.kept)

        await eventually(again)

    assert ([], {1}) == (heard_while_away, set(inbox.kept))


async def test_an_error_in_the_work_ends_the_keeping() -> None:
    """
    The error comes through, and the delivery is left to be delivered again.
    """
    inbox = new_inbox()
    with pytest.raises(ZeroDivisionError):
        async with kept_in_progress(inbox, await take(inbox), every_s=0.001):
            raise ZeroDivisionError

    assert (inbox.unacknowledged, tasks_left()) == ([1], 0)
