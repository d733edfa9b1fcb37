"""The `WebhookStore` port over dictionaries, trusted because `tests/contract/test_webhook_store.py` passes on it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from athlete_ally.core.errors import Unavailable
from athlete_ally.core.vendor.webhook import Renamed
from athlete_ally.core.vendor.webhook_store import Account, Place, WebhookReceipt
from support.fakes import Effect

_Held = tuple[str, str, int]


class FakeWebhookStore:
    """Accounts by vendor and account, owners by vendor and grant, receipts and lone starts by place.

    Set `unavailable` to take the database away.
    """

    def __init__(self, accounts: Iterable[Account] = (), effects: list[Effect] | None = None) -> None:
        """Start with these accounts, which nobody withdrew."""
        self.accounts = {(each.vendor, each.account): each.user_id for each in accounts}
        self.owners: dict[tuple[str, int], Account] = {}
        self.withdrawn: set[tuple[str, str]] = set()
        self.receipts: dict[_Held, WebhookReceipt] = {}
        self.lone_starts: dict[_Held, int] = {}
        self.effects = [] if effects is None else effects
        self.unavailable = False

    async def people(self, vendor: str, accounts: Sequence[str]) -> Mapping[str, str]:
        """See the port."""
        await self._require_database()
        return {each: self.accounts[vendor, each] for each in accounts if (vendor, each) in self.accounts}

    async def owner(self, vendor: str, grant: int) -> Account | None:
        """See the port."""
        await self._require_database()
        return self.owners.get((vendor, grant))

    async def withdraw(self, vendor: str, accounts: Sequence[str]) -> None:
        """See the port."""
        await self._require_database()
        self.withdrawn |= {(vendor, each) for each in accounts} & set(self.accounts)

    async def rename(self, vendor: str, accounts: Sequence[Renamed]) -> None:
        """See the port."""
        await self._require_database()
        people = dict(self.accounts)
        for each in accounts:
            if (vendor, each.old) in people:
                self.accounts.setdefault((vendor, each.new), people[vendor, each.old])

    async def known(self, asked: Sequence[Place]) -> frozenset[Place]:
        """See the port."""
        await self._require_database()
        held = {(*place, receipt.stored_at) for place, receipt in self.receipts.items()}
        return frozenset(asked) & held

    async def remember(self, receipt: WebhookReceipt) -> None:
        """See the port."""
        await self._require_database()
        held = self.receipts.setdefault((receipt.message_id, receipt.stream, receipt.sequence), receipt)
        self.receipts[receipt.message_id, receipt.stream, receipt.sequence] = replace(held, stored_at=receipt.stored_at)
        await self.end_alone(receipt.message_id)
        self.effects.append(("remember", receipt.sequence))

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """See the port."""
        await self._require_database()
        here = (message_id, stream, sequence)
        self.lone_starts[here] = self.lone_starts.get(here, 0) + 1
        return self.lone_starts[here] - 1

    async def end_alone(self, message_id: str) -> None:
        """See the port."""
        await self._require_database()
        self.lone_starts = {each: n for each, n in self.lone_starts.items() if each[0] != message_id}

    async def _require_database(self) -> None:
        await asyncio.sleep(0)
        if self.unavailable:
            raise Unavailable("the fake database is away")
