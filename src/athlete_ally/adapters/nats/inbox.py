"""Pulling the deliveries of one durable.

Pulls are sent by hand: the client library's `fetch` waits for a full batch once the first message is there, and its
`pull_subscribe` creates what it does not find.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from athlete_ally.adapters.nats.connection import UNREACHABLE, Connection, unavailable
from athlete_ally.core.broker.topology import Durable
from athlete_ally.core.errors import Unavailable
from athlete_ally.core.messages.message import Delivery

# 409 among them: the batch is complete, the next message would pass max_bytes, or the leader changed.
_NOTHING_MORE = {"404", "408", "409"}
# About 14,000 plain readings: a batch that is normalised and stored in well under a second.
_MAX_PULL_BYTES = 2 * 1024 * 1024
# The server answers a pull that waits no longer than this after it expired.
_GRACE_S = 1.0


class NatsInbox:
    """The `Inbox` port on a durable that exists already."""

    def __init__(self, connection: Connection, durable: Durable) -> None:
        """Bind to the durable; `open` subscribes."""
        self._connection = connection
        self._durable = durable
        self._pull = f"$JS.API.CONSUMER.MSG.NEXT.{durable.stream}.{durable.name}"
        self._inbox = ""
        self._pulls = 0
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Subscribe to an inbox of our own.

        Raises:
            Unavailable: the connection is closed.
        """
        client: Any = self._connection.client
        self._inbox = client.new_inbox()
        with self._reaching():
            self._subscription = await client.subscribe(f"{self._inbox}.*", cb=self._arrived.put)

    async def close(self) -> None:
        """Stop receiving; what was fetched and not settled is delivered again."""
        if self._subscription is not None and self._connection.client.is_connected:
            with suppress(*UNREACHABLE):
                await self._subscription.unsubscribe()

    async def fetch(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """See the port."""
        # Nobody waits for what these two publish, so that a denial would look like an idle stream, or like messages
        # that return again and again.
        self._connection.denials.raise_if_below(self._pull)
        self._connection.denials.raise_if_below("$JS.ACK.")
        deliveries = await self._pull_available(limit)
        if deliveries:
            return deliveries
        return await self._collect({"batch": 1, "expires": int(wait_s * 1e9)}, limit=1, wait_s=wait_s)

    async def ack(self, delivery: Delivery) -> None:
        """See the port."""
        await self._settle(delivery, b"+ACK")

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        """See the port."""
        await self._settle(delivery, b"-NAK " + json.dumps({"delay": int(delay_s * 1e9)}).encode())

    async def terminate(self, delivery: Delivery, reason: str) -> None:
        """See the port."""
        await self._settle(delivery, f"+TERM {reason}".encode())

    async def keep(self, delivery: Delivery) -> None:
        """See the port."""
        await self._settle(delivery, b"+WPI")

    async def _pull_available(self, limit: int) -> list[Delivery]:
        return await self._collect(
            {"batch": limit, "max_bytes": _MAX_PULL_BYTES, "no_wait": True}, limit=limit, wait_s=_GRACE_S
        )

    async def _collect(self, pull: dict[str, Any], *, limit: int, wait_s: float) -> list[Delivery]:
        """Send one pull and collect until it is fulfilled or the server says that there is no more."""
        self._pulls += 1
        reply = f"{self._inbox}.{self._pulls}"
        await self._send(self._pull, json.dumps(pull).encode(), reply=reply)
        deliveries: list[Delivery] = []
        try:
            async with asyncio.timeout(wait_s + _GRACE_S):
                while len(deliveries) < limit:
                    message = await self._arrived.get()
                    # Only a delivery has somewhere to be settled; a header of its sender's may be called Status too.
                    status = None if message.reply else (message.headers or {}).get("Status")
                    if status is None:
                        deliveries.append(self._delivery(message))
                    elif message.subject != reply:
                        # The end of an earlier pull, come late; this one goes on.
                        continue
                    elif status in _NOTHING_MORE or deliveries:
                        break
                    else:
                        raise Unavailable(f"{self._durable.name} can't be pulled: {_reason(message, status)}")
        except TimeoutError:
            # The connection was lost meanwhile, or the server is slow; the next pull will tell.
            pass
        return deliveries

    def _delivery(self, message: Msg) -> Delivery:
        metadata = message.metadata
        return Delivery(
            stream=metadata.stream,
            sequence=metadata.sequence.stream,
            subject=message.subject,
            consumer=metadata.consumer,
            body=message.data,
            headers=message.headers or {},
            attempt=metadata.num_delivered,
            stored_at=metadata.timestamp,
            token=message.reply,
        )

    async def _settle(self, delivery: Delivery, word: bytes) -> None:
        await self._send(str(delivery.token), word)

    async def _send(self, subject: str, payload: bytes, reply: str = "") -> None:
        with self._reaching():
            await self._connection.client.publish(subject, payload, reply=reply)

    def _reaching(self) -> AbstractContextManager[None]:
        return unavailable(f"can't reach {self._durable.name}")


def _reason(message: Msg, status: str) -> str:
    if status == "503":
        return "nobody answers (503): JetStream is down, or the durable is missing"
    return f"{(message.headers or {}).get('Description', 'unknown')} ({status})"
