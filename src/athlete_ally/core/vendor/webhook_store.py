"""The ports of unpacking: whose an account is, and what is on record of a webhook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core.messages.parent import Parent
from athlete_ally.core.receipts import Rejected
from athlete_ally.core.vendor.webhook import Renamed, UnpackResult

Place = tuple[str, str, int, datetime]
"""Which message: its id, its stream, its sequence, and when the stream stored it."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a vendor, and the person of ours whose it is. Personal: never in a log, a series or a header."""

    vendor: str
    account: str
    user_id: str


@dataclass(frozen=True, slots=True)
class WebhookReceipt:
    """What became of one webhook: readings published, resources named, and items or readings dead-lettered.

    `stored_at` is when the stream stored it.
    `parent` is the webhook that named it, where it is a document that was fetched. `replay_of` is the dead letter that
    it replays, if it does, and `rejected` what of it failed again: that letter stands for it still.
    """

    message_id: str
    stream: str
    sequence: int
    vendor: str
    result: UnpackResult
    readings: int
    resources: int
    dead_lettered: int
    received_at: datetime
    stored_at: datetime
    trace_id: str | None
    parent: Parent | None = None
    replay_of: str | None = None
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchReceipt:
    """What fetch did with one webhook: answers kept, and resources dead-lettered."""

    message_id: str
    stream: str
    sequence: int
    vendor: str
    fetched: int
    dead_lettered: int
    stored_at: datetime


class WebhookStore(Protocol):
    """Knows people's accounts, and keeps a receipt for each webhook. All of it raises `Unavailable`: wait.

    Accounts come from outside and may be any text: one that can't be kept is nobody's.
    """

    async def people(self, vendor: str, accounts: Sequence[str]) -> Mapping[str, str]:
        """Return our user id by account, for those that were linked, or that their person connected."""
        ...

    async def owner(self, vendor: str, grant: int) -> Account | None:
        """Return whose data was fetched with a grant, even one that ended; None if it is not known."""
        ...

    async def withdraw(self, vendor: str, accounts: Sequence[str]) -> None:
        """Put on record that these people took the vendor's permission back. May be repeated."""
        ...

    async def rename(self, vendor: str, accounts: Sequence[Renamed]) -> None:
        """Give new accounts to the person of the old one, where that is known; a link that is there stays.

        May be repeated.
        """
        ...

    async def known(self, asked: Sequence[Place]) -> frozenset[Place]:
        """Return which of these have a receipt."""
        ...

    async def remember(self, receipt: WebhookReceipt) -> None:
        """Put a receipt on record, and forget that the webhook was handled by itself. May be repeated."""
        ...

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """Put on record that this webhook is about to be handled by itself; return how often it was before."""
        ...

    async def end_alone(self, message_id: str) -> None:
        """Forget that this webhook was handled by itself: it came to an end, and is only put off. May be repeated."""
        ...
