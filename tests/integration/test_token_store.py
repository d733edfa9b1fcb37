"""The token store: tokens that nobody can read, and refreshes that lose none."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from athlete_ally.adapters.encryption.tokens import TokenCipher, new_token_key
from athlete_ally.adapters.http.server import HttpServer
from athlete_ally.adapters.postgres.token_store import PostgresTokenStore
from athlete_ally.core.errors import Misconfigured, Refused, Unavailable, Withdrawn
from athlete_ally.core.vendor.grant import Granted, Tokens

PROGRAM = Path(__file__).parents[1] / "system" / "programs" / "refreshing.py"
KEY = new_token_key()
Refreshing = Callable[..., Awaitable[tuple[str, int | None]]]


def tokens(number: int = 0) -> Tokens:
    """Return the tokens of the so manieth refresh."""
    return Tokens(f"access-{number}", f"refresh-{number}", datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=number))


def granted(user_id: str = "ada", number: int = 0) -> Granted:
    """Return a permission for one account."""
    return Granted("oura", "person-1", user_id, tokens(number), ("daily",))


class RotatingVendor:
    """A vendor whose refresh tokens work once, served over HTTP. `grace`: also the one before still works."""

    def __init__(self) -> None:
        """Begin with `refresh-0`."""
        self.current, self.asked, self.grace = 0, 0, 0

    async def answer(self, request: Request) -> Response:
        """Give new tokens for the current refresh token."""
        self.asked += 1
        number = int((await request.body()).decode().removeprefix("refresh-"))
        if not self.current - self.grace <= number <= self.current:
            return PlainTextResponse("invalid_grant", 400)
        self.current += 1
        return PlainTextResponse(f"access-{self.current} refresh-{self.current}")


@pytest.fixture
async def vendor() -> AsyncGenerator[tuple[RotatingVendor, str]]:
    """Serve a vendor on a free port."""
    vendor = RotatingVendor()
    app = Starlette(routes=[Route("/", vendor.answer, methods=["POST"])])
    server = HttpServer(app, host="127.0.0.1", port=0, drain_s=1)
    await server.open(option="none")
    yield vendor, f"http://127.0.0.1:{server.port}/"
    await server.close()


@pytest.fixture
def token_store(pool: Any) -> PostgresTokenStore:
    """Return a token store with one key."""
    return PostgresTokenStore(pool, TokenCipher(KEY))


async def test_a_link_is_used_once_however_many_use_it(token_store: PostgresTokenStore) -> None:
    """
    Four accounts are to be kept by one link at once: one is, and the others are refused; a newer link works.
    """
    made_at = datetime.now(UTC) - timedelta(minutes=1)
    accounts = [Granted("oura", f"account-{number}", "ada", tokens()) for number in range(4)]
    kept = await asyncio.gather(
        *(token_store.keep(each, link_made_at=made_at) for each in accounts), return_exceptions=True
    )
    refused = [each for each in kept if isinstance(each, Refused)]

    assert (len(refused), len(kept) - len(refused)) == (3, 1)
    assert (await token_store.keep(accounts[0], link_made_at=datetime.now(UTC))).state == "active"


async def test_a_link_stays_used_when_the_permission_is_withdrawn(token_store: PostgresTokenStore) -> None:
    """
    The person withdraws the permission: the link by which it was given does not work again.
    """
    made_at = datetime.now(UTC) - timedelta(minutes=1)
    await token_store.keep(granted(), link_made_at=made_at)
    await token_store.withdraw("oura", "person-1")

    with pytest.raises(Refused, match="used already"):
        await token_store.keep(granted(), link_made_at=made_at)


async def test_a_link_from_a_machine_whose_clock_is_ahead_waits(token_store: PostgresTokenStore) -> None:
    """
    A link of the next hour would look unused after its use: it is refused until then.
    """
    with pytest.raises(Refused, match="not valid yet"):
        await token_store.keep(granted(), link_made_at=datetime.now(UTC) + timedelta(hours=1))


@pytest.fixture
def refreshing(database_url: str, vendor: tuple[RotatingVendor, str]) -> Refreshing:
    """Run a process that refreshes; it gives its output and exit code."""

    async def run(*options: str) -> tuple[str, int | None]:
        environment = {**os.environ, "DATABASE_URL": database_url, "AA_TOKEN_KEY": KEY}
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), vendor[1], *options, env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output.decode().strip(), process.returncode

    return run


async def test_what_is_kept_comes_back_and_can_not_be_read(token_store: PostgresTokenStore, pool: Any) -> None:
    """
    A grant comes back as it was given; the table holds neither token, nor does what is printed of it.
    """
    kept = await token_store.keep(granted())

    assert kept == await token_store.find("oura", "person-1") == await token_store.of_user("oura", "ada")
    row = str(dict(await pool.fetchrow("SELECT * FROM vendor_grant")))
    assert [secret in text for text in (row, repr(kept)) for secret in ("access-0", "refresh-0")] == [False] * 4


async def test_tokens_of_one_account_are_of_no_use_to_another(token_store: PostgresTokenStore, pool: Any) -> None:
    """
    Copied into the row of somebody else, encrypted tokens are refused.
    """
    await token_store.keep(granted())
    await token_store.keep(Granted("oura", "person-2", "eve", tokens()))
    await pool.execute("UPDATE vendor_grant SET sealed = (SELECT sealed FROM vendor_grant WHERE account = 'person-1')")

    with pytest.raises(Misconfigured, match="another account"):
        await token_store.find("oura", "person-2")


async def test_a_key_is_replaced_without_losing_a_grant(pool: Any) -> None:
    """
    With a further key in front everything opens; once all is encrypted anew, the old key can go.
    """
    old, new = KEY, new_token_key()
    await PostgresTokenStore(pool, TokenCipher(old)).keep(granted())
    assert await PostgresTokenStore(pool, TokenCipher(f"{new},{old}")).renew_all() == 1

    found = await PostgresTokenStore(pool, TokenCipher(new)).find("oura", "person-1")
    assert found is not None
    assert tokens() == found.granted.tokens
    with pytest.raises(Misconfigured, match="AA_TOKEN_KEY"):
        await PostgresTokenStore(pool, TokenCipher(old)).find("oura", "person-1")


async def test_an_account_can_not_be_taken_over(token_store: PostgresTokenStore) -> None:
    """
    An account that is connected for one person can't be connected for another; the first one's tokens stay.
    """
    await token_store.keep(granted("ada"))
    with pytest.raises(Refused, match="another person"):
        await token_store.keep(granted("eve", 5))

    found = await token_store.find("oura", "person-1")
    assert found is not None
    assert (found.granted.user_id, found.granted.tokens.access) == ("ada", "access-0")


async def test_processes_refresh_once(
    token_store: PostgresTokenStore, vendor: tuple[RotatingVendor, str], refreshing: Refreshing
) -> None:
    """
    Two processes that find the same token stale ask the vendor once, and both go on with the new one.
    """
    await token_store.keep(granted())
    ended = await asyncio.gather(refreshing(), refreshing())

    assert (ended, vendor[0].asked) == ([("access-1", 0)] * 2, 1)


@pytest.mark.parametrize(("grace", "output", "state"), [(1, "access-2", "active"), (0, "withdrawn", "refresh-lost")])
async def test_a_kill_between_the_answer_and_the_token_store(
    token_store: PostgresTokenStore,
    vendor: tuple[RotatingVendor, str],
    refreshing: Refreshing,
    grace: int,
    output: str,
    state: str,
) -> None:
    """
    Killed after the vendor's answer, a refresh is tried again with the old token by the next process.

    A vendor that still takes it costs nothing. With one that doesn't, the grant is `refresh-lost`: the record says that
    the person did not withdraw.
    """
    vendor[0].grace = grace
    await token_store.keep(granted())
    _, code = await refreshing("dies")
    assert code != 0

    assert (output, 0) == await refreshing()
    found = await token_store.find("oura", "person-1")
    assert found is not None
    assert state == found.state


async def test_a_refusal_is_a_withdrawal(token_store: PostgresTokenStore) -> None:
    """
    When the vendor refuses a refresh that nothing cut off before, the person withdrew; nobody asks again.
    """

    async def refuse(_: Tokens) -> Tokens:
        raise Withdrawn("invalid_grant")

    async def must_not_be_asked(_: Tokens) -> Tokens:
        pytest.fail("asked again")

    await token_store.keep(granted())
    for exchange in (refuse, must_not_be_asked):
        with pytest.raises(Withdrawn):
            await token_store.refresh("oura", "person-1", stale="access-0", exchange=exchange)

    found = await token_store.find("oura", "person-1")
    assert found is not None
    assert found.state == "withdrawn"


async def test_a_vendor_that_is_down_changes_nothing(token_store: PostgresTokenStore) -> None:
    """
    A refresh that the vendor can't answer leaves the grant as it is, for a later one.
    """

    async def down(_: Tokens) -> Tokens:
        raise Unavailable("503")

    async def up(_: Tokens) -> Tokens:
        return tokens(1)

    await token_store.keep(granted())
    with pytest.raises(Unavailable):
        await token_store.refresh("oura", "person-1", stale="access-0", exchange=down)

    grant = await token_store.refresh("oura", "person-1", stale="access-0", exchange=up)
    assert tokens(1) == grant.granted.tokens


async def test_withdrawing_forgets_the_tokens(token_store: PostgresTokenStore) -> None:
    """
    A withdrawn grant is known, and its tokens are gone; connecting again makes it active.
    """
    await token_store.keep(granted())
    assert (await token_store.withdraw("oura", "person-1"), await token_store.withdraw("oura", "stranger")) == (
        True,
        False,
    )

    found = await token_store.find("oura", "person-1")
    assert found is not None
    assert (found.state, found.granted.tokens.access, found.granted.tokens.refresh) == ("withdrawn", "", None)
    assert (await token_store.keep(granted(number=3))).state == "active"


async def test_an_account_that_can_not_be_kept_is_nobodys(token_store: PostgresTokenStore) -> None:
    """
    A vendor's notification may name anybody, with a NUL in the name too: there is no grant, and no error is raised.
    """
    assert (await token_store.find("oura", "person\0"), await token_store.withdraw("oura", "person\0")) == (None, False)
