"""Delivering as a vendor does: signed at each attempt, again after a refusal, at a steady rate."""

import asyncio
import string
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from athlete_ally.core.ports import Now, Sleep
from athlete_ally.simulate.plan import Dispatch
from athlete_ally.simulate.vendor_profile import Handshake, VendorProfile

# Many enough for any rate that this machine can send, few enough not to pile up requests when nobody answers.
_AT_ONCE = 32
# An answer takes milliseconds, or as long as a publish may wait for its acknowledgement.
_ANSWERED_WITHIN_S = 10.0
_UNAUTHORIZED = 401
_CHARACTERS = string.ascii_letters + string.digits
_NEXT_CHARACTER = str.maketrans(_CHARACTERS, _CHARACTERS[1:] + _CHARACTERS[:1])
# The mark of a secret of Standard Webhooks: without it no key can be made of it.
_MARK = "whsec_"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to our webhook's address, which ends with `path_secret` where that proves the vendor."""

    method: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    path_secret: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; status 0 where nobody answered."""

    status: int
    text: str = ""

    @property
    def is_taken(self) -> bool:
        """Tell whether a vendor is content."""
        return 200 <= self.status < 300  # noqa: PLR2004  # HTTP's class of success


Send = Callable[[Outgoing], Awaitable[Reply]]


@dataclass(slots=True)
class Tally:
    """What was sent, and what was answered. `statuses` counts attempts; 0 is nobody.

    `forged` ones are no deliveries; `refused` of them were answered 401.
    """

    deliveries: int = 0
    repeats: int = 0
    forged: int = 0
    taken: int = 0
    abandoned: int = 0
    refused: int = 0
    statuses: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def all_taken(self) -> bool:
        """Tell whether every delivery was answered 2xx in the end."""
        return self.taken == self.deliveries + self.repeats

    @property
    def all_refused(self) -> bool:
        """Tell whether every forgery was answered 401."""
        return self.refused == self.forged

    def document(self) -> dict[str, Any]:
        """Return the tally for machines."""
        return {
            "deliveries": self.deliveries,
            "repeats": self.repeats,
            "forged": self.forged,
            "attempts": sum(self.statuses.values()),
            "taken": self.taken,
            "given_up": self.abandoned,
            "refused": self.refused,
            "unanswered": self.deliveries + self.repeats - self.taken - self.abandoned,
            "answers": {str(status): count for status, count in sorted(self.statuses.items())},
        }


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends for one vendor. Waits between attempts are divided by `hasten`."""

    profile: VendorProfile
    secret: str
    token: str
    send: Send
    now: Now
    sleep: Sleep
    hasten: float
    tally: Tally

    async def shake_hands(self) -> list[str]:
        """Return what was answered otherwise than the vendor wants it; nothing where all is well."""
        wrong: list[str] = []
        for shake in self.profile.handshake(self.secret, self.token):
            request = Outgoing(shake.method, shake.headers, shake.body, shake.query, self._path_secret(self.secret))
            reply = await self.send(request)
            if reply.status != shake.status or shake.holds not in reply.text:
                wrong.append(_complaint(shake, reply))
        return wrong

    async def run(self, each: Iterator[Dispatch], rate: float, stop: asyncio.Event) -> None:
        """Deliver at `rate` a second until there is no more or `stop` is set.

        What is on its way then is answered still; what waits to be sent again is not sent again.
        """
        room = asyncio.Semaphore(_AT_ONCE)
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        stopped = asyncio.create_task(stop.wait())
        under_way: set[asyncio.Task[None]] = set()
        for number, dispatch in enumerate(each):
            await asyncio.wait({stopped}, timeout=max(0.0, started_s + number / rate - loop.time()))
            await _either(room.acquire(), stopped)
            if stop.is_set():
                break
            self._note(dispatch)
            task = asyncio.create_task(self._let_go(dispatch, room, stopped))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait({asyncio.gather(*under_way), stopped}, return_when=asyncio.FIRST_COMPLETED)
        if under_way:
            await asyncio.wait(under_way, timeout=_ANSWERED_WITHIN_S)
        await _cancelled([stopped, *under_way])

    def _note(self, dispatch: Dispatch) -> None:
        self.tally.repeats += dispatch.is_repeat
        self.tally.deliveries += not (dispatch.is_repeat or dispatch.is_forged)

    async def _let_go(self, dispatch: Dispatch, room: asyncio.Semaphore, stopped: "asyncio.Task[Any]") -> None:
        try:
            await (self._forge(dispatch) if dispatch.is_forged else self._deliver(dispatch, stopped))
        finally:
            room.release()

    async def _forge(self, dispatch: Dispatch) -> None:
        reply = await self._attempt(dispatch, another_secret(self.secret))
        self.tally.forged += 1
        self.tally.refused += reply.status == _UNAUTHORIZED

    async def _deliver(self, dispatch: Dispatch, stopped: "asyncio.Task[Any]") -> None:
        for wait_s in (*self.profile.waits_s, None):
            if (await self._attempt(dispatch, self.secret)).is_taken:
                self.tally.taken += 1
                return
            if wait_s is not None:
                await _either(self.sleep(wait_s / self.hasten), stopped)
            if stopped.done():
                return
        self.tally.abandoned += 1

    async def _attempt(self, dispatch: Dispatch, secret: str) -> Reply:
        headers = {"content-type": self.profile.content_type}
        headers |= self.profile.sign(secret, dispatch.body, int(self.now().timestamp()))
        reply = await self.send(Outgoing("POST", headers, dispatch.body, path_secret=self._path_secret(secret)))
        self.tally.statuses[reply.status] = self.tally.statuses.get(reply.status, 0) + 1
        return reply

    def _path_secret(self, secret: str) -> str:
        return secret if self.profile.secret_in_path else ""


def another_secret(secret: str) -> str:
    """Return what somebody has who does not know the secret: a different one, of the same form."""
    mark = _MARK if secret.startswith(_MARK) else ""
    return mark + secret.removeprefix(mark).translate(_NEXT_CHARACTER)


def _complaint(shake: Handshake, reply: Reply) -> str:
    return f"{shake.method} of the handshake: {shake.status} is wanted, {reply.status or 'nobody'} answered"


async def _either(work: Awaitable[Any], stopped: "asyncio.Task[Any]") -> None:
    task = asyncio.ensure_future(work)
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        await _cancelled([task])


async def _cancelled(tasks: "list[asyncio.Task[Any] | asyncio.Future[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
