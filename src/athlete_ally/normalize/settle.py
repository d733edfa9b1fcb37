"""Carrying a verdict out. By now the stream holds whatever had to be published first."""

from typing import assert_never

from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.ports import Inbox
from athlete_ally.core.verdict import Ack, DeadLetter, Retry, Verdict


async def settle(inbox: Inbox, delivery: Delivery, verdict: Verdict) -> None:
    """Settle one delivery.

    Raises:
        Unavailable: the broker can't be reached; settling again is harmless.
    """
    match verdict:
        case Ack():
            await inbox.ack(delivery)
        case Retry(delay_s):
            await inbox.retry(delivery, delay_s)
        case DeadLetter(reason):
            await inbox.terminate(delivery, reason)
        case _:
            assert_never(verdict)
