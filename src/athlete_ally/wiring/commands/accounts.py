"""What the commands on accounts work with: the links in the database, and the dead letters that wait for one."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.config.settings import Settings
from athlete_ally.core.vendor.webhook_store import Account
from athlete_ally.ops.dead_letters.linked_accounts import letters_for
from athlete_ally.wiring.builders import known_vendors
from athlete_ally.wiring.commands.dlq import letter_tools_session
from athlete_ally.wiring.commands.session import postgres_session


@asynccontextmanager
async def webhook_store_session(settings: Settings) -> AsyncGenerator[PostgresWebhookStore]:
    """Give the store in which accounts are linked."""
    async with postgres_session(settings) as pool:
        yield PostgresWebhookStore(pool)


async def waiting_letters(settings: Settings, linked: Collection[Account]) -> list[int]:
    """Return the sequences of dead letters that wait for one of these accounts, in order.

    Raises:
        Misconfigured, Unavailable: as `letter_tools_session`.
    """
    vendors = {each.name: each for each in known_vendors(settings)}
    async with letter_tools_session(settings, changing=True) as letter_tools:
        return await letters_for(letter_tools.reader, vendors, linked)
