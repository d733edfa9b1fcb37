"""Connecting people's accounts: the links that are sent to them, and the encryption of what they gave."""

from athlete_ally.adapters.encryption.tickets import TicketCipher
from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.config.settings import Settings
from athlete_ally.fetch.connect import link
from athlete_ally.wiring.builders import now, token_keys
from athlete_ally.wiring.commands.session import postgres_session


def connect_link(settings: Settings, vendor: str, user_id: str) -> str:
    """Return the link with which one person connects an account, once and within a day.

    Raises:
        Misconfigured: there is no key of tokens.
    """
    return link(TicketCipher(token_keys(settings)), settings.connect_url, vendor, user_id, now())


async def encrypt_again(settings: Settings) -> int:
    """Encrypt all stored tokens with the first key, all or none; return how many grants there are.

    Raises:
        Misconfigured: there is no key of tokens, or no key opens one of the tokens; nothing is changed.
        Unavailable: PostgreSQL can't be reached.
    """
    async with postgres_session(settings) as pool:
        return await PostgresTokenStore(pool, TokenCipher(token_keys(settings))).renew_all()
