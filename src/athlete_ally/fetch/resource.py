"""Getting one resource with the person's token: within the vendor's budget, refreshing where needed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never

from athlete_ally.core.errors import InvalidMessage, Later, OverLimit, Withdrawn
from athlete_ally.core.ports import Now
from athlete_ally.core.vendor.api import Answered, Api, Budget, VendorApi
from athlete_ally.core.vendor.call import Call
from athlete_ally.core.vendor.grant import Grant, GrantState, TokenStore
from athlete_ally.core.vendor.webhook import Resource

# A token that ends while it is on its way is asked for again anyway; this saves the detour.
_FRESH_FOR = timedelta(seconds=60)
# Far beyond what any window is cut to: a vendor whose last page leads to another one must not be asked for ever.
_MOST_PAGES = 200
# For a limit whose end the vendor does not tell; windows are minutes long.
_SOON_S = 30.0


@dataclass(frozen=True, slots=True)
class Got:
    """What the vendor gave, and with whose permission.

    `body` is its answer, byte for byte; where it took several requests, a JSON list of the answers in their order.
    """

    grant: Grant
    body: bytes


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to get, and nothing is wrong: `gone` from the vendor, or `ignored` by us."""

    result: str


@dataclass(frozen=True, slots=True)
class Hopeless:
    """It can't be got until a person does something; `error` says what, without values."""

    result: str
    error: str


Outcome = Got | Nothing | Hopeless
NOT_CONNECTED: Final = Hopeless(
    "unknown", "no person connected this account: make a link with `athlete-ally connect link`"
)


def no_longer(state: GrantState) -> Hopeless:
    """Return what follows from a permission in this state, which is not active."""
    return Hopeless("withdrawn", f"the permission is {state}: the person has to connect again")


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Gets resources of one vendor."""

    vendor: str
    api: Api
    client: VendorApi
    token_store: TokenStore
    budget: Budget
    now: Now
    on_refresh: Callable[[], None]

    async def get(self, resource: Resource) -> Outcome:
        """Return the outcome. May be repeated at will. Raises as `ask`."""
        call = self.api.call(resource)
        return Nothing("ignored") if call is None else await self.ask(call, resource.account)

    async def ask(self, call: Call, account: str) -> Outcome:
        """Send a request on behalf of a person, and those that follow it. May be repeated at will.

        Raises:
            OverLimit: the vendor's budget is spent, or the vendor says so.
            Later: the vendor can't answer now.
            Unavailable: the database can't be reached.
        """
        grant = await self.token_store.find(self.vendor, account)
        if grant is None:
            return NOT_CONNECTED
        if grant.state != "active":
            return no_longer(grant.state)
        try:
            return await self._follow(call, grant)
        except Withdrawn:
            return Hopeless("withdrawn", "the vendor no longer accepts the permission: the person has to connect again")

    async def withdraw(self, account: str) -> None:
        """Note that a person took the permission back. Raises as `get`."""
        await self.token_store.withdraw(self.vendor, account)

    async def _follow(self, call: Call, grant: Grant, answers: tuple[bytes, ...] = ()) -> Outcome:
        if grant.granted.tokens.expires_at <= self.now() + _FRESH_FOR:
            grant = await self._refreshed(grant)
        answered = await self._send(call, grant)
        if answered.outcome == "unauthorized":
            grant = await self._refreshed(grant)
            answered = await self._send(call, grant)
        match answered.outcome:
            case "ok":
                answers = (*answers, answered.body)
                if len(answers) > _MOST_PAGES:
                    raise Later("the vendor's list does not come to an end", 0)
                following = None if call.then is None else _next(call.then, answered)
                if following is None:
                    return Got(grant, _joined(answers))
                return await self._follow(following, grant, answers)
            case "gone":
                # What a request that follows does not find leaves the answers before it.
                return Got(grant, _joined(answers)) if answers else Nothing("gone")
            case "unauthorized" | "refused":
                return Hopeless("refused", "the vendor refuses this person's data, with a token that is fresh")
            case "limited":
                raise OverLimit("the vendor's limit is reached", answered.wait_s or _SOON_S)
            case "later":
                raise Later("the vendor can't answer now", answered.wait_s or 0)
            case _:
                assert_never(answered.outcome)

    async def _send(self, call: Call, grant: Grant) -> Answered:
        whose = self.vendor if self.api.counts == "application" else f"{self.vendor}/{grant.id}"
        wait_s = await self.budget.take(whose, self.api.rates)
        if wait_s > 0:
            raise OverLimit("the vendor's budget is spent", wait_s)
        answered = await self.client.get(call, grant.granted.tokens.access)
        wait_s = answered.wait_s or (_SOON_S if answered.outcome == "limited" else 0)
        if answered.outcome in {"limited", "later"} and wait_s:
            await self.budget.rest(whose, self.now() + timedelta(seconds=wait_s))
        return answered

    async def _refreshed(self, grant: Grant) -> Grant:
        self.on_refresh()
        granted = grant.granted
        return await self.token_store.refresh(
            granted.vendor, granted.account, stale=granted.tokens.access, exchange=self.client.exchange
        )


def _joined(answers: tuple[bytes, ...]) -> bytes:
    return answers[0] if len(answers) == 1 else b"[" + b",".join(answers) + b"]"


def _next(then: Callable[[bytes], Call | None], answered: Answered) -> Call | None:
    try:
        return then(answered.body)
    except InvalidMessage as error:
        raise Later("the vendor's answer does not name what to ask for next", 0) from error
