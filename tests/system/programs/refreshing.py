"""Refreshes one grant; given `dies`, it kills itself between the vendor's answer and our writing it down."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import httpx

from athlete_ally.adapters.encryption.tokens import TokenCipher
from athlete_ally.adapters.postgres.pool import close_pool, open_pool
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.core.errors import Withdrawn
from athlete_ally.core.vendor.grant import Tokens


async def main(vendor_url: str, *, dies: bool) -> None:
    """Ask the vendor of this address for new tokens, once."""
    pool = await open_pool(os.environ["DATABASE_URL"], size=2)
    token_store = PostgresTokenStore(pool, TokenCipher(os.environ["AA_TOKEN_KEY"]))

    async def exchange(tokens: Tokens) -> Tokens:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(vendor_url, content=tokens.refresh or "")
        if answer.status_code != 200:
            raise Withdrawn("invalid_grant")
        if dies:
            os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        access, refresh = answer.text.split()
        return Tokens(access, refresh, datetime.now(UTC) + timedelta(hours=1))

    try:
        grant = await token_store.refresh("oura", "person-1", stale="access-0", exchange=exchange)
        sys.stdout.write(f"{grant.granted.tokens.access}\n")
    except Withdrawn:
        sys.stdout.write("withdrawn\n")
    await close_pool(pool, within_s=1)


asyncio.run(main(sys.argv[1], dies="dies" in sys.argv))
