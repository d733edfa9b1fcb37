"""From a row back: to its message, to the webhook that it came with, and to its trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from athlete_ally.core.broker.topology import VENDOR_HOT
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import StoredMessage
from athlete_ally.core.messages.parent import Parent, parent_of

Row = Mapping[str, Any]
# A row, its message, a fetched document, a webhook: nothing of ours has a longer way.
_MOST_STEPS = 4


class Receipts(Protocol):
    """Reads receipts. See `adapters.postgres.records`."""

    async def receipts(self, message_id: str) -> Sequence[Row]:
        """Return the receipts of a message, with `errors` in words; several where equal content came more than once.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...

    async def webhook_receipt(self, message_id: str, sequence: int) -> Row | None:
        """Return the receipt of a webhook, or of a document that was fetched; None while it is not settled.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...


class Messages(Protocol):
    """Reads single messages of any stream. See `adapters.nats.messages`."""

    async def one(self, stream: str, sequence: int) -> StoredMessage | None:
        """Return a message, or None where it is gone.

        Raises:
            Unavailable: no answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A message in AA_VENDOR_HOT that another was made from. `message` is None once it has aged out of the stream."""

    parent: Parent
    message: StoredMessage | None
    receipt: Row | None

    @property
    def is_webhook(self) -> bool:
        """Tell a webhook from what was fetched after one."""
        return self.next is None

    @property
    def next(self) -> Parent | None:
        """Return what this one was made from in its turn."""
        if self.receipt is not None and self.receipt["parent_id"] is not None:
            return Parent(self.receipt["parent_id"], self.receipt["parent_sequence"])
        return parent_of(self.message.headers) if self.message is not None else None


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a message's records come from; the ancestors begin with the nearest and end with the webhook."""

    message_id: str
    receipts: Sequence[Row]
    message: StoredMessage | None
    ancestors: tuple[Ancestor, ...] = field(default=())

    @property
    def last(self) -> Row:
        """Return the latest receipt."""
        return self.receipts[-1]


async def lineage_of(message_id: str, receipts: Receipts, messages: Messages) -> Lineage | None:
    """Return the way back from the records of a message, or None where it has no receipt.

    Raises:
        Unavailable: the broker or the database can't be reached.
    """
    found = await receipts.receipts(message_id)
    if not found:
        return None
    last = found[-1]
    message = await _one(messages, last["stream"], last["sequence"], message_id)
    ancestors: list[Ancestor] = []
    parent = Parent(last["parent_id"], last["parent_sequence"]) if last["parent_id"] is not None else None
    while parent is not None and len(ancestors) < _MOST_STEPS:
        stored = await _one(messages, VENDOR_HOT, parent.sequence, parent.message_id)
        receipt = await receipts.webhook_receipt(parent.message_id, parent.sequence)
        ancestors.append(Ancestor(parent, stored, receipt))
        parent = ancestors[-1].next
    return Lineage(message_id, found, message, tuple(ancestors))


async def _one(messages: Messages, stream: str, sequence: int, message_id: str) -> StoredMessage | None:
    """Return the message, unless a stream that was made again has another in its place."""
    found = await messages.one(stream, sequence)
    stated = found.headers.get(headers.MSG_ID, message_id) if found is not None else None
    return found if stated == message_id else None
